"""Processes under measurement: pinned to a core, with their CPU time, memory and time to the first response."""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_START_TIMEOUT: Final = 20.0
_POLL: Final = 0.002
"""Seconds between two tries to connect to a process that starts."""
CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PROXY_CORE: Final = CORES[-1:]
"""Where the proxy under load runs."""
OTHER_CORE: Final = CORES[:1]
"""Where all else runs; the same one where there is only one."""


class BenchError(Exception):
    """The benchmark can't go on; the message says why."""


@contextlib.contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Run what is inside, and the processes that it starts, on some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Running:
    """A server process on a port of 127.0.0.1, started on a core."""

    def __init__(
        self, command: Sequence[str | Path], port: int, cores: Sequence[int], *, quiet: bool = False
    ) -> None:
        self.port = port
        self.started_at = time.perf_counter()
        with pinned(cores):
            stderr = subprocess.DEVNULL if quiet else None
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
        self.pid = self._process.pid

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection, as soon as the process accepts one.

        Raises:
            BenchError: It ended, or does not come up.

        """
        deadline = time.perf_counter() + _START_TIMEOUT
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise BenchError(f"{self._process.args!r} ended with status {self._process.returncode}")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_START_TIMEOUT)
            try:
                connection.connect()
            except OSError:
                connection.close()
                time.sleep(_POLL)
            else:
                return connection
        raise BenchError(f"{self._process.args!r} does not come up")

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        """Return the body of the 200 that the process answers, or of its 204.

        Raises:
            BenchError: It answers another status, or see `connect`.

        """
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status not in {200, 204}:
            raise BenchError(f"{self._process.args!r} answers {answer.status}: {content!r}")
        return content

    def cpu_seconds(self) -> float:
        """Return the CPU time that all threads of the process have used, to the nanosecond."""
        # clock_getcpuclockid(3), which Python does not have: Linux's MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss_mib(self) -> float:
        """Return the resident memory, shared pages included."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        if found is None:
            raise BenchError("the kernel shows no VmRSS")
        return int(found[1]) / 1024

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], port: int, cores: Sequence[int], *, quiet: bool = False
) -> Iterator[Running]:
    """Run a server process; `quiet`: what it writes to standard error is thrown away."""
    process = Running(command, port, cores, quiet=quiet)
    try:
        yield process
    finally:
        process.stop()


def script(name: str) -> list[str | Path]:
    """Return the start of a command that runs a module of this package."""
    return [sys.executable, "-m", f"bench.{name}"]
