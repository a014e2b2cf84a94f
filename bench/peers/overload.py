"""More requests than can be answered: how many are, and how fast, by connections and by load."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bench.peers.clients import Group, Request, load
from bench.peers.speed import Control, Started, closed_loop, mean
from bench.peers.subjects import GO, Stand
from bench.processes import Running
from bench.report import Sample

CALLERS: Final = 8
"""With a token each, by turns; one alone would soon have its share."""
_CAPACITY_CONNECTIONS: Final = 96
"""So many that the OMS's delay is no limit, but the subject's CPU."""
_CAPACITY_SECONDS: Final = 1.0
_WARMUP_SECONDS: Final = 0.5
_HEALTHY_SHARE: Final = 0.1
_STORM: Final = 4.0
_NO_ANSWER: Final = "timeout"
_GRACE: Final = 1.5
"""Seconds for the last answers."""
_PATIENCE: Final = 0.1
"""Seconds for which a client waits for a free connection."""


class Point(msgspec.Struct):
    """A subject under so much load: `p99` of what was served, once sent; `share` of what could be served."""

    name: str
    connections: int
    load: float
    """Times the subject's capacity."""
    rate: float
    goodput: float
    p50: float
    p99: float
    refused: int
    """Answers of 503."""
    unanswered: int
    """Requests that had no answer when their time, or the run, was over."""
    failed: int
    """Requests whose connection was lost, or with another answer."""
    share: float = 0.0


class Healthy(msgspec.Struct):
    """What few well-behaved clients get while others storm: how many of their requests are served, and the p99."""

    name: str
    connections: int
    """Of the storm."""
    served: float
    p99: float


class Overload(msgspec.Struct):
    """All of it."""

    points: list[Point]
    healthy: list[Healthy]


def measure(
    stand: Stand, subjects: Started, *, connections: Sequence[int], loads: Sequence[float], seconds: float
) -> tuple[Overload, list[Control]]:
    """Measure the curves, the subjects in turn at each point.

    Loads are of the capacity that a subject has at that time: it is measured before each curve.
    """
    requests = [_by(stand, f"client-{number}") for number in range(CALLERS)]
    for _, process in subjects:
        _capacity(process, requests, _WARMUP_SECONDS)
    points = []
    controls = []
    capacities: dict[str, float] = {}
    for number in connections:
        capacities, control = _capacities(subjects, requests)
        controls.append(control)
        for times in loads:
            for subject, process in subjects:
                rate = capacities[subject.name] * times
                points.append(_point(process, subject.name, requests, number, times, rate, seconds))
    healthy = [
        _healthy(stand, process, subject.name, max(connections), capacities[subject.name], seconds)
        for subject, process in subjects
    ]
    return Overload(related(points), healthy), controls


def related(points: Sequence[Point]) -> list[Point]:
    """Return points with their shares of what could be served.

    That is what was asked for, or the subject's best goodput over as many connections or fewer, if that is less.
    """
    return [
        msgspec.structs.replace(point, share=point.goodput / max(1e-9, min(_best(points, point), point.rate)))
        for point in points
    ]


def _best(points: Sequence[Point], than: Point) -> float:
    return max(each.goodput for each in points if each.name == than.name and each.connections <= than.connections)


def _by(stand: Stand, caller: str) -> Request:
    headers = stand.bench.get.headers | {"Authorization": stand.bench.authorization(caller)}
    return Request.of(stand.bench.get._replace(headers=headers))


def _capacities(subjects: Started, requests: Sequence[Request]) -> tuple[dict[str, float], Control]:
    """Return the requests per second that each subject answers; Go begins and ends, and has the mean of both."""
    (go,) = (process for subject, process in subjects if subject.name == GO)
    first = _capacity(go, requests)
    found = {subject.name: _capacity(process, requests) for subject, process in subjects if process is not go}
    last = _capacity(go, requests)
    found[GO] = mean(first, last)
    return {name: each.per_second for name, each in found.items()}, (first, last)


def _capacity(process: Running, requests: Sequence[Request], seconds: float = _CAPACITY_SECONDS) -> Sample:
    return closed_loop(process, requests[0], seconds, connections=_CAPACITY_CONNECTIONS)


def _group(name: str, connections: int, rate: float, requests: Sequence[Request]) -> Group:
    waiting = max(1, int(rate * _PATIENCE))
    return Group(name=name, connections=connections, rate=rate, requests=requests, waiting=waiting)


def _point(
    process: Running,
    name: str,
    requests: Sequence[Request],
    connections: int,
    times: float,
    rate: float,
    seconds: float,
) -> Point:
    (seen,) = load(
        process.port, _group(name, connections, rate, requests), seconds=seconds, warmup=0.5, grace=_GRACE
    )
    return Point(
        name=name,
        connections=connections,
        load=times,
        rate=rate,
        goodput=seen.goodput,
        p50=seen.ok_since_sent.p50,
        p99=seen.ok_since_sent.p99,
        refused=seen.overloaded.count,
        unanswered=seen.errors.pop(_NO_ANSWER, 0),
        failed=sum(seen.other.values()) + sum(seen.errors.values()),
    )


def _healthy(
    stand: Stand, process: Running, name: str, connections: int, capacity: float, seconds: float
) -> Healthy:
    well = _group("healthy", 32, capacity * _HEALTHY_SHARE, [_by(stand, "healthy")])
    storm = _group("storm", connections, capacity * _STORM, [_by(stand, "storm")])
    found, _ = load(process.port, well, storm, seconds=seconds, warmup=0.5, grace=_GRACE)
    return Healthy(name, connections, found.ok.count / max(1, found.arrivals), found.ok.p99)
