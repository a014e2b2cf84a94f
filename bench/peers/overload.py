"""More requests than can be answered: how many are, and how fast, by connections and by load."""

from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

import msgspec

from bench.peers.clients import Group, Request, load, watched_load
from bench.peers.speed import Control, Started, check, mean
from bench.peers.subjects import GO, Stand
from bench.processes import Running
from bench.report import Sample, standard_error

CALLERS: Final = 8
"""With a token each, by turns; one alone would soon have its share."""
AT_A_TIME: Final = 96
"""Requests by which capacity is measured, over all connections by turns: so many that the OMS's delay is no limit,
but the subject's CPU, and so few that none waits for long."""
_CAPACITY_SECONDS: Final = 1.0
_WARMUP_SECONDS: Final = 0.5
_POINT_WARMUP_SECONDS: Final = 0.6
_HEALTHY_SECONDS: Final = 2.0
_HEALTHY_SHARE: Final = 0.1
_STORM: Final = 4.0
_NO_ANSWER: Final = "timeout"
_GRACE: Final = 1.5
"""Seconds for the last answers."""
_PATIENCE: Final = 0.1
"""Seconds for which a client waits for a free connection."""


class Point(msgspec.Struct):
    """A subject under so much load, in one round; seconds."""

    name: str
    connections: int
    load: float
    """Times the subject's capacity."""
    rate: float
    capacity: float
    """Requests a second that it answered just before, over as many connections, of `AT_A_TIME`."""
    goodput: float
    p50: float
    p99: float
    """Of what was served, once sent."""
    cpu: float
    """Of the subject, per answer of 200, whatever else it does."""
    busy: float
    """The share of its core that it used."""
    others: float
    """The share of theirs that clients and OMS used."""
    refused: int
    """Answers of 503."""
    unanswered: int
    """Requests that had no answer when their time, or the run, was over."""
    failed: int
    """Requests whose connection was lost, or with another answer."""

    @property
    def share(self) -> float:
        """Of what could be served: what was asked for, or the capacity, if that is less."""
        return self.goodput / max(1e-9, min(self.rate, self.capacity))


class Place(NamedTuple):
    """A place on a subject's curve: medians of the rounds, `error` is the standard error of `share`."""

    share: float
    error: float
    p99: float
    cpu: float


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
    stand: Stand,
    subjects: Started,
    *,
    connections: Sequence[int],
    loads: Sequence[float],
    rounds: int,
    seconds: float,
) -> tuple[Overload, list[Control]]:
    """Measure the curves, the subjects in turn at each point.

    Loads are of the capacity that a subject has at that time: it is measured before each curve, and in each round.
    """
    requests = [_by(stand, f"client-{number}") for number in range(CALLERS)]
    for _, process in subjects:
        _capacity(process, requests, AT_A_TIME)
    points = []
    controls = []
    capacities: dict[str, float] = {}
    for number in connections:
        for _ in range(rounds):
            capacities, control = _capacities(subjects, requests, number)
            controls.append(control)
            for times in loads:
                for subject, process in subjects:
                    group = _group(subject.name, number, capacities[subject.name] * times, requests)
                    points.append(_point(stand, process, group, times, capacities[subject.name], seconds))
    healthy = [
        _healthy(stand, process, subject.name, max(connections), capacities[subject.name], _HEALTHY_SECONDS)
        for subject, process in subjects
    ]
    return Overload(points, healthy), controls


def place(rounds: Sequence[Point]) -> Place:
    """Return what the rounds of one place come to."""
    shares = [point.share for point in rounds]
    return Place(
        median(shares),
        standard_error(shares),
        median(point.p99 for point in rounds),
        median(point.cpu for point in rounds),
    )


def _by(stand: Stand, caller: str) -> Request:
    headers = stand.bench.get.headers | {"Authorization": stand.bench.authorization(caller)}
    return Request.of(stand.bench.get._replace(headers=headers))


def _capacities(
    subjects: Started, requests: Sequence[Request], connections: int
) -> tuple[dict[str, float], Control]:
    """Return the requests per second that each subject answers; Go begins and ends, and has the mean of both."""

    def measured(process: Running) -> Sample:
        return _capacity(process, requests, connections)

    (go,) = (process for subject, process in subjects if subject.name == GO)
    first = measured(go)
    found = {subject.name: measured(process) for subject, process in subjects if process is not go}
    last = measured(go)
    found[GO] = mean(first, last)
    return {name: each.per_second for name, each in found.items()}, (first, last)


def _capacity(process: Running, requests: Sequence[Request], connections: int) -> Sample:
    group = Group(connections=connections, at_a_time=min(connections, AT_A_TIME), requests=requests)
    done = watched_load(
        process.port, group, pids=(process.pid,), seconds=_CAPACITY_SECONDS, warmup=_WARMUP_SECONDS
    )
    (seen,) = done.groups
    check(seen)
    _, cpu = done.cpu
    return Sample(
        per_second=seen.goodput,
        p50=seen.ok.p50,
        p99=seen.ok.p99,
        cpu=cpu / (seen.goodput * _CAPACITY_SECONDS),
        busy=cpu / _CAPACITY_SECONDS,
    )


def _group(name: str, connections: int, rate: float, requests: Sequence[Request]) -> Group:
    waiting = max(1, int(rate * _PATIENCE))
    return Group(name=name, connections=connections, rate=rate, requests=requests, waiting=waiting)


def _point(stand: Stand, process: Running, group: Group, times: float, capacity: float, seconds: float) -> Point:
    done = watched_load(
        process.port,
        group,
        pids=(process.pid, stand.oms.process.pid),
        seconds=seconds,
        warmup=_POINT_WARMUP_SECONDS,
        grace=_GRACE,
    )
    (seen,) = done.groups
    clients, subject, oms = done.cpu
    return Point(
        name=group.name,
        connections=group.connections,
        load=times,
        rate=group.rate,
        capacity=capacity,
        goodput=seen.goodput,
        p50=seen.ok_since_sent.p50,
        p99=seen.ok_since_sent.p99,
        cpu=subject / max(1.0, seen.goodput * seconds),
        busy=subject / seconds,
        others=(clients + oms) / seconds,
        refused=seen.overloaded.count,
        unanswered=seen.errors.pop(_NO_ANSWER, 0),
        failed=sum(seen.other.values()) + sum(seen.errors.values()),
    )


def _healthy(
    stand: Stand, process: Running, name: str, connections: int, capacity: float, seconds: float
) -> Healthy:
    well = _group("healthy", 32, capacity * _HEALTHY_SHARE, [_by(stand, "healthy")])
    storm = _group("storm", connections, capacity * _STORM, [_by(stand, "storm")])
    found, _ = load(process.port, well, storm, seconds=seconds, warmup=_WARMUP_SECONDS, grace=_GRACE)
    return Healthy(name, connections, found.ok.count / max(1, found.arrivals), found.ok.p99)
