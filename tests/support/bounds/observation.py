"""Watches a proxy under attack: its memory, its health, and how a well-behaved client is served meanwhile.

An attack is a coroutine function in `support/attacks`. It runs in a process of its own, so that the client that
is measured shares no loop with it; what the machine itself holds up (measured by a sleeper) is not held against
the proxy.
"""

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.running import GET_PATH

MAX_GROWTH_MIB: Final = 128.0
MAX_HEALTH_SECONDS: Final = 1.0
MAX_P99_SECONDS: Final = 0.25
BACK_SECONDS: Final = 5.0
_PAUSE: Final = 0.01
_NAP: Final = 0.005
_TESTS: Final = Path(__file__).parents[2]


@dataclass
class Observation:
    """What was seen while an attack went on: latencies in seconds, resident memory in MiB."""

    rest_mib: float
    peak_mib: float = 0.0
    latencies: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    """Of the well-behaved client's requests; 0 for one that got no answer."""

    @property
    def growth_mib(self) -> float:
        return self.peak_mib - self.rest_mib

    @property
    def p99(self) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]

    def __str__(self) -> str:
        return (
            f"{self.rest_mib:.0f} MiB at rest, {self.peak_mib:.0f} at most; client: {dict(self.statuses)}, "
            f"p99 {self.p99 * 1000:.0f} ms; /healthz: slowest {max(self.health) * 1000:.0f} ms"
        )

    def assert_bounded(
        self, *, growth_mib: float = MAX_GROWTH_MIB, p99: float = MAX_P99_SECONDS, served: float = 1.0
    ) -> None:
        """Hold it to the bounds of docs/security.md; `served` is the share of the client's requests with a 200."""
        print(self)  # noqa: T201 - the numbers are part of the evidence
        assert self.growth_mib <= growth_mib, self
        assert max(self.health) <= MAX_HEALTH_SECONDS, self
        assert self.p99 <= p99, self
        assert self.statuses[200] >= served * sum(self.statuses.values()), self


class _Sleeper:
    """Adds up the seconds for which this process was kept from running."""

    def __init__(self) -> None:
        self.kept = 0.0

    async def run(self) -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(_NAP)
            self.kept += max(0.0, time.monotonic() - start - _NAP)


def rss_mib(pid: int) -> float:
    """Return a process's resident memory."""
    return _memory(pid, "VmRSS")


@contextlib.asynccontextmanager
async def attacking(attack: Callable[..., Any], *arguments: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an attack with these arguments (JSON) in a process of its own until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "support.bounds.attack", f"{attack.__module__}:{attack.__name__}", json.dumps(arguments)),
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"attacking\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def observe(
    proxy: ServeProcess, attack: Callable[..., Any], *arguments: Any, seconds: float = 4.0, path: str = GET_PATH
) -> Observation:
    """Attack a proxy for so many seconds (its API port is the attack's first argument); return what was seen."""
    pid = proxy.process.pid
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        headers = tokens.bearer(tokens.machine_token(sub="well-behaved"))
        async with session.get(proxy.api + path, headers=headers) as answer:  # what the first request costs
            assert answer.status == 200, await answer.text()
        _forget_peak(pid)
        seen = Observation(rss_mib(pid))
        async with attacking(attack, port_of(proxy), *arguments), asyncio.TaskGroup() as group:
            sleeper = _Sleeper()
            sleeping = group.create_task(sleeper.run())
            end = time.monotonic() + seconds
            probing = group.create_task(_probe(session, f"{proxy.admin}/healthz", sleeper, end, seen.health))
            while time.monotonic() < end:
                start, kept = time.monotonic(), sleeper.kept
                status = await _status(session, proxy.api + path, headers)
                seen.latencies.append(max(0.0, time.monotonic() - start - (sleeper.kept - kept)))
                seen.statuses[status] += 1
                await asyncio.sleep(_PAUSE)
            await probing
            sleeping.cancel()
        seen.peak_mib = _memory(pid, "VmHWM")
    return seen


async def back_to_rest(proxy: ServeProcess) -> None:
    """Wait until nothing of an attack is left: no request, no client's connection; fail after `BACK_SECONDS`."""
    async with asyncio.timeout(BACK_SECONDS), aiohttp.ClientSession() as session:
        while await _in_flight(session, proxy) or connections(port_of(proxy)):  # noqa: ASYNC110 - a look tells
            await asyncio.sleep(0.05)


def connections(port: int) -> int:
    """Return the number of sockets on the server's side of a loopback port that are not yet gone."""
    wanted = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # 0A: LISTEN; an inode of 0: no process has it any more (TIME_WAIT and the like).
    return sum(line[1].endswith(wanted) and line[3] != "0A" and line[9] != "0" for line in lines)


def port_of(proxy: ServeProcess) -> int:
    """Return a proxy's API port."""
    return proxy.api_port


async def _probe(
    session: aiohttp.ClientSession, url: str, sleeper: _Sleeper, end: float, seconds: list[float]
) -> None:
    while time.monotonic() < end:
        start, kept = time.monotonic(), sleeper.kept
        assert await _status(session, url, {}) == 200
        seconds.append(max(0.0, time.monotonic() - start - (sleeper.kept - kept)))
        await asyncio.sleep(_PAUSE * 5)


async def _in_flight(session: aiohttp.ClientSession, proxy: ServeProcess) -> float:
    async with session.get(f"{proxy.admin}/metrics") as answer:
        found = re.search(r"tenantproxy_requests_in_flight{.*} (\S+)", await answer.text())
    assert found is not None
    return float(found[1])


async def _status(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    try:
        async with session.get(url, headers=headers) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
