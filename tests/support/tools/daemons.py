"""Long-running third-party programs, with their logs in files, on reserved ports; none outlives the tests."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_TAIL_LINES: Final = 15


class DaemonError(Exception):
    """A daemon ended by itself, or was not ready in time; the message holds the end of its log."""


def reserve_port() -> socket.socket:
    """Return a socket whose loopback port is ours until it is closed.

    A daemon that sets SO_REUSEADDR, as servers do, can listen on it. Who asks for any free port does not get it,
    also while the daemon is down: the socket is bound, and never listens; connections are refused meanwhile.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def port_of(reserved: socket.socket) -> int:
    return int(reserved.getsockname()[1])


class Watchdog:
    """Starts daemons, and kills them and what they have started when this process is gone, however it ended.

    It is told their ids through a pipe, whose end it sees when we are gone. (PR_SET_PDEATHSIG needs no process,
    but Linux, and means the end of the thread that started the daemon.)
    """

    _SCRIPT: Final = 'while read -r line; do groups=$line; done; test -z "$groups" || kill -KILL $groups'
    # The program starts once it is watched; if we are killed before, the shell reads an end and goes.
    _START: Final = 'read -r _ && exec "$@" </dev/null'

    def __init__(self) -> None:
        # A session of its own: what ends the tests (Ctrl-C, a signal to the group) must not end it first.
        self._process = subprocess.Popen(
            ("/bin/sh", "-c", self._SCRIPT), stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        self._pids: set[int] = set()

    def start(
        self, *command: str | Path, log: Path, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, watched until `remove`; its output is appended to `log`."""
        with log.open("ab") as sink:
            process = subprocess.Popen(
                ("/bin/sh", "-c", self._START, Path(command[0]).name, *command),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                env=environ,
                start_new_session=True,
            )
        assert process.stdin is not None
        with process.stdin as watched:
            self._pids.add(process.pid)
            self._tell()
            watched.write(b"\n")
        return process

    def remove(self, pid: int) -> None:
        self._pids.discard(pid)
        self._tell()

    def close(self) -> None:
        """End it; what it still watches is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(f"-{pid}" for pid in self._pids) + "\n")
        self._process.stdin.flush()


class Daemon:
    """A running program; its output is appended to a file."""

    def __init__(self, *command: str | Path, log: Path, watchdog: Watchdog) -> None:
        self.log = log
        self._name = Path(command[0]).name
        self._watchdog = watchdog
        self._process = watchdog.start(*command, log=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self, check: Callable[[], bool], *, within: float) -> Self:
        """Wait until `check` holds; stop the daemon if it does not.

        Raises:
            DaemonError: The daemon ended, or `check` did not hold within so many seconds.

        """
        deadline = time.monotonic() + within
        while not check():
            status = self._process.poll()
            if status is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            self.stop()
            problem = f"was not ready within {within:.0f} s" if status is None else f"ended with status {status}"
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise DaemonError(f"{self._name} {problem}:\n{tail}")
        return self

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL if that takes too long. Does nothing if it has ended."""
        self._process.send_signal(signal.SIGTERM)  # a no-op for a process that has ended
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._watchdog.remove(self._process.pid)
