"""What is measured: of one round, and of all rounds together."""

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from statistics import median, stdev
from typing import Final, NamedTuple

import msgspec


class Round(msgspec.Struct, kw_only=True):
    """One fleet with one operator: its creation, its rest, edits of its children, a restart; seconds and MiB."""

    create: float
    create_cpu: dict[str, float]
    """By process."""
    create_others: float
    """Share of the machine that others had during the creation."""
    create_requests: dict[str, float]
    """Per tenant, by verb and resource."""
    create_peak_rss: float

    rest_cpu: float
    """Share of one core."""
    rest_apiserver_cpu: float
    """The same, of API server and etcd, for whatever they do at rest."""
    rest_requests: dict[str, float]
    """Per minute."""
    rest_rss: float
    """After the creation."""
    apiserver_rss: float
    etcd_rss: float

    repair: list[float]

    restart: float
    restart_cpu: float
    restart_apiserver_cpu: float
    restart_others: float
    restart_writes: int
    restart_requests: dict[str, int]
    restart_rss: float
    restart_peak_rss: float


class Floor(msgspec.Struct, kw_only=True):
    """The same objects, written by plain calls."""

    create: float
    cpu: dict[str, float]
    others: float


class Once(msgspec.Struct, kw_only=True):
    """What is measured of ours in the first round only, since it is the same in all, or takes long."""

    children: int
    """How many a tenant has."""
    change_requests: dict[str, float]
    """Per change of a spec."""
    repair_in_resync: list[float]
    resync_known: int
    """How many tenants had been looked at when those edits were made."""
    reconcile_mean: float
    """Seconds of one reconcile in which nothing is to be done, from the operator's own metric."""


class Measured(msgspec.Struct, kw_only=True):
    """All of one size, round by round: those of one place in the lists ran one after another."""

    size: int
    ours: list[Round]
    floors: list[Floor]
    peers: list[Round] = []
    """Those of an operator in Go."""
    once: Once

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self.ours)


class Results(msgspec.Struct):
    """What is kept of a run; `plot.py` draws it."""

    machine: str
    sizes: list[Measured]


class Estimate(NamedTuple):
    """A figure of several rounds: their median, and its standard error, as they differ; None: there was one."""

    value: float
    error: float | None

    def __str__(self) -> str:
        return f"{self.value:.2f}" if self.error is None else f"{self.value:.2f} +- {self.error:.2f}"


_OF_A_MEDIAN: Final = 1.2533
"""Of a few values that are spread normally its standard error is by so much that of their mean: sqrt(pi / 2)."""


def estimate(values: Iterable[float]) -> Estimate:
    """Return the median of the rounds, and how sure it is."""
    found = list(values)
    return Estimate(median(found), _OF_A_MEDIAN * stdev(found) / sqrt(len(found)) if len(found) > 1 else None)


def ratio(ours: Sequence[Round], theirs: Sequence[Round], value: Callable[[Round], float]) -> Estimate:
    """Return the ratio of ours to theirs, of rounds that ran one after another: what disturbs hits both."""
    return estimate(value(own) / value(other) for own, other in zip(ours, theirs, strict=True))


def create_ratio(found: Measured) -> Estimate:
    """Return how much longer a creation takes than the bare applies."""
    return estimate(own.create / bare.create for own, bare in zip(found.ours, found.floors, strict=True))


def create_cpu_ratio(found: Measured) -> Estimate:
    """Return the same of the CPU time of everything."""
    return estimate(
        sum(own.create_cpu.values()) / sum(bare.cpu.values())
        for own, bare in zip(found.ours, found.floors, strict=True)
    )
