"""Clients that make load (bench/peers/load): what they are to do, and what they have seen."""

import subprocess
from collections.abc import Sequence
from typing import Final

import msgspec

from bench.peers.build import build
from bench.processes import OTHER_CORE, BenchError, pinned
from bench.subjects import Operation

_PATIENCE: Final = 60.0
"""Seconds beyond a plan's own, for opening connections and for making the report."""


class Request(msgspec.Struct, omit_defaults=True):
    """What a client sends; `length` is that of a 200's body, 0 any."""

    method: str
    path: str
    headers: dict[str, str] = {}
    body: str = ""
    length: int = 0

    @classmethod
    def of(cls, operation: Operation, length: int = 0) -> "Request":
        """Return the request of an operation."""
        body = (operation.body or b"").decode()
        return cls(operation.method, operation.path, operation.headers, body, length)


class Group(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Clients that are alike. Without a rate each sends as soon as it is answered; see load/plan.go."""

    name: str = "clients"
    connections: int
    requests: Sequence[Request]
    rate: float = 0.0
    arrivals: str = "poisson"
    waiting: int = 0
    timeout: float = 0.0
    at_a_time: int = 0
    count: int = 0
    seed: int = 0


class Latencies(msgspec.Struct):
    """Seconds; all 0 where there were none."""

    count: int
    mean: float
    p50: float
    p99: float
    p999: float
    max: float


class Found(msgspec.Struct):
    """What a group has seen while it was measured; see load/report.go."""

    name: str
    goodput: float
    """Answers of 200 a second."""
    ok: Latencies
    """Of the answers of 200, from when they were due."""
    ok_since_sent: Latencies
    """The same from when they were sent."""
    overloaded: Latencies
    """Of the answers of 503."""
    other: dict[str, int]
    errors: dict[str, int]
    arrivals: int
    dropped: int
    unsent: int
    reconnects: int


class _Plan(msgspec.Struct):
    address: str
    warmup: float
    seconds: float
    grace: float
    groups: Sequence[Group]
    watched: Sequence[int]


class Watched(msgspec.Struct):
    """What the groups have seen, and the CPU time that clients and watched processes used meanwhile."""

    groups: list[Found]
    cpu: list[float]
    """Seconds, of the clients first."""


def load(port: int, *groups: Group, seconds: float, warmup: float = 0.2, grace: float = 5.0) -> list[Found]:
    """Let groups of clients make load at a port of 127.0.0.1, and return what each has seen.

    Raises:
        BenchError: The program failed; what it says is on standard error.
        MissingError: It can't be built.

    """
    return watched_load(port, *groups, seconds=seconds, warmup=warmup, grace=grace).groups


def watched_load(
    port: int, *groups: Group, pids: Sequence[int] = (), seconds: float, warmup: float = 0.2, grace: float = 5.0
) -> Watched:
    """Do the same, and watch the CPU time of processes.

    Raises:
        BenchError: See `load`.
        MissingError: See `load`.

    """
    plan = _Plan(f"127.0.0.1:{port}", warmup, seconds, grace, groups, pids)
    with pinned(OTHER_CORE):
        done = subprocess.run(
            (build("load"), "run"),
            input=msgspec.json.encode(plan),
            stdout=subprocess.PIPE,
            timeout=warmup + seconds + grace + _PATIENCE,
            check=False,
        )
    if done.returncode != 0:
        raise BenchError("the load generator failed, see above")
    return msgspec.json.decode(done.stdout, type=Watched)
