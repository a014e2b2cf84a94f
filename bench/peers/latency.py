"""Latency where requests come at a rate, whatever the answers do: half of the capacity, and four fifths."""

from typing import Final

import msgspec

from bench.peers.clients import Group, Request, load
from bench.peers.speed import Control, Started, closed_loop
from bench.peers.subjects import GO
from bench.subjects import Operation

SHARES: Final = (0.5, 0.8)
_CONNECTIONS: Final = 64
_CAPACITY_SECONDS: Final = 0.8


class Latency(msgspec.Struct):
    """One subject, at one share of its capacity; seconds. `missed` is the share of requests without a 200."""

    operation: str
    name: str
    share: float
    rate: float
    p50: float
    p99: float
    p999: float
    missed: float


def measure(subjects: Started, operation: Operation, seconds: float) -> tuple[list[Latency], Control]:
    """Measure all subjects; the control is Go's capacity before and after."""
    request = Request.of(operation)
    capacities = {
        subject.name: closed_loop(process, request, _CAPACITY_SECONDS, connections=_CONNECTIONS)
        for subject, process in subjects
    }
    found = []
    for share in SHARES:
        for seed, (subject, process) in enumerate(subjects):
            rate = capacities[subject.name].per_second * share
            group = Group(connections=_CONNECTIONS, requests=[request], rate=rate, seed=seed)
            (seen,) = load(process.port, group, seconds=seconds, warmup=0.3)
            missed = 1 - seen.ok.count / max(1, seen.arrivals)
            found.append(
                Latency(operation.name, subject.name, share, rate, seen.ok.p50, seen.ok.p99, seen.ok.p999, missed)
            )
    (go,) = (process for subject, process in subjects if subject.name == GO)
    return found, (capacities[GO], closed_loop(go, request, _CAPACITY_SECONDS, connections=_CONNECTIONS))
