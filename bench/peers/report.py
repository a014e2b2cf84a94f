"""What was measured, as tables for people; and whether the machine was quiet enough to tell."""

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median
from typing import Final

import msgspec

from bench.peers.connections import Cost
from bench.peers.latency import SHARES, Latency
from bench.peers.overload import AT_A_TIME, Overload, Place, Point, place
from bench.peers.speed import Control, Speed
from bench.report import ratios

_CPU_LIMIT: Final = 0.05
_RATE_LIMIT: Final = 0.10
"""By how much Go may differ from itself, of CPU time per request, and of requests per second."""
_SHARE_LIMIT: Final = 0.10
"""What the standard error of a goodput's share may be."""
_MISSED: Final = 0.01
_NAME: Final = 22


class Noise(msgspec.Struct):
    """By how much Go differed from itself, measured twice in each turn: the median of what they were apart."""

    cpu: float
    rate: float


class Results(msgspec.Struct, kw_only=True):
    """All of a run; a part that was not measured is empty."""

    speed: list[Speed] = []
    latency: list[Latency] = []
    connections: list[Cost] = []
    overload: Overload | None = None
    noise: Noise | None = None


def noise(controls: Sequence[Control]) -> Noise | None:
    """Return how noisy the machine was; None: nothing was measured twice."""
    if not controls:
        return None
    firsts, lasts = zip(*controls, strict=True)
    cpu = ratios(firsts, lasts, lambda sample: sample.cpu)
    rate = ratios(firsts, lasts, lambda sample: sample.per_second)
    return Noise(_apart(cpu), _apart(rate))


def _apart(shares: Sequence[float]) -> float:
    return median(abs(share - 1) for share in shares)


def tables(results: Results) -> Iterator[str]:
    """Yield the lines of all tables, and of what can't be told."""
    for operation in dict.fromkeys(speed.operation for speed in results.speed):
        yield from speed_table(operation, [speed for speed in results.speed if speed.operation == operation])
    if results.latency:
        yield from latency_table(results.latency)
    if results.connections:
        yield from connections_table(results.connections)
    if results.overload is not None:
        yield from overload_table(results.overload)
    if results.noise is not None:
        yield from verdict(results.noise)


def speed_table(operation: str, measured: Sequence[Speed]) -> Iterator[str]:
    """Yield the lines of one operation, with each subject in each line of work."""
    heads = f"{'CPU us/req':>10} {'x Go per CPU second':>20} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7}"
    yield f"{f'{operation}, closed loop':<{_NAME + 2}} {heads}"
    for speed in measured:
        yield speed.line
        for name, figure in speed.figures.items():
            ratio = f"{figure.ratio:.2f} +- {figure.error:.2f}"
            yield (
                f"  {name:<{_NAME}} {figure.cpu * 1e6:>10.0f} {ratio:>20} {figure.per_second:>8.0f}"
                f" {figure.p50 * 1e3:>7.2f} {figure.p99 * 1e3:>7.2f}"
            )
    yield ""


def latency_table(measured: Sequence[Latency]) -> Iterator[str]:
    """Yield the lines of the open loop: a line for each subject, beside each other the shares of its capacity."""
    heads = "".join(f" {f'{share:.0%} of capacity: req/s':>26} {'p50 ms':>7} {'p99 ms':>7}" for share in SHARES)
    yield f"{'open loop':<{_NAME + 2}}{heads}"
    rows: dict[tuple[str, str], dict[float, Latency]] = {}
    for each in measured:
        rows.setdefault((each.operation, each.name), {})[each.share] = each
    operation = ""
    for (title, name), shares in rows.items():
        if title != operation:
            operation = title
            yield operation
        cells = "".join(
            f" {at.rate:>26.0f} {at.p50 * 1e3:>7.2f} {at.p99 * 1e3:>7.2f}"
            for at in map(shares.__getitem__, SHARES)
        )
        missed = max(at.missed for at in shares.values())
        yield f"  {name:<{_NAME}}{cells}" + (f"  ({missed:.0%} not answered)" if missed > _MISSED else "")
    yield ""


def connections_table(measured: Sequence[Cost]) -> Iterator[str]:
    """Yield what a new connection to the OMS adds to a request."""
    kinds = list(dict.fromkeys(cost.kind for cost in measured))
    heads = "".join(f" {f'{kind}, CPU us':>20} {'are such':>9}" for kind in kinds)
    yield f"{'a new TLS connection':<{_NAME + 2}}{heads}"
    for name in dict.fromkeys(cost.name for cost in measured):
        cells = ""
        for cost in (cost for cost in measured if cost.name == name):
            figure = f"{cost.seconds * 1e6:+.0f} +- {cost.error * 1e6:.0f}"
            cells += f" {figure:>20} {cost.of_kind:>9.0%}"
        yield f"  {name:<{_NAME}}{cells}"
    yield ""


def overload_table(measured: Overload) -> Iterator[str]:
    """Yield the curves: a line for each number of connections and subject, beside each other the loads."""
    places: dict[tuple[int, str], dict[float, list[Point]]] = {}
    for point in measured.points:
        places.setdefault((point.connections, point.name), {}).setdefault(point.load, []).append(point)
    loads = list(dict.fromkeys(point.load for point in measured.points))
    heads = "".join(f" {f'{load:g}x':>8} {'p99 ms':>7} {'CPU us':>7}" for load in loads)
    yield f"{'goodput, of possible':<{_NAME + 2}} {'req/s':>6}{heads}"
    errors = []
    for (connections, name), by_load in places.items():
        found = [place(by_load[load]) for load in loads]
        errors += [each.error for each in found]
        label = f"{connections:>6,} {name}"
        possible = median(point.capacity for point in chain.from_iterable(by_load.values()))
        yield f"  {label:<{_NAME}} {possible:>6.0f}" + "".join(map(_cell, found))
    disturbed = ": TOO NOISY, run again when the machine is quiet" if max(errors) > _SHARE_LIMIT else ""
    yield f"  (standard error of a share: {median(errors):.2f}, {max(errors):.2f} at most{disturbed})"
    if failed := sum(point.failed for point in measured.points):
        yield f"  ({failed} requests with another answer than 200 and 503, or whose connection was lost)"
    yield ""
    yield from _cores(measured.points)
    yield ""
    for each in measured.healthy:
        label = f"{each.name}: healthy clients among a storm on {each.connections:,} connections"
        yield f"{label}: {each.served:.1%} served, p99 {each.p99 * 1e3:.0f} ms"
    yield ""


def _cell(at: Place) -> str:
    p99 = f"{at.p99 * 1e3:.0f}" if at.p99 else "-"  # of what was due in this time, none was served
    return f" {at.share:>8.2f} {p99:>7} {at.cpu * 1e6:>7.0f}"


def _cores(points: Sequence[Point]) -> Iterator[str]:
    """Yield whose CPU was the limit where there was more to do than could be done."""
    for name in dict.fromkeys(point.name for point in points):
        beyond = [
            (point.busy, point.others)
            for point in points
            if point.name == name and point.rate > point.capacity and point.connections >= AT_A_TIME
        ]
        if beyond:
            busy, others = map(median, zip(*beyond, strict=True))
            yield f"{name}: beyond its capacity its core is {busy:.0%} busy, that of clients and OMS {others:.0%}"


def verdict(found: Noise) -> Iterator[str]:
    """Yield what the machine lets us tell."""
    apart = f"Go beside itself: {found.cpu:.1%} apart by CPU time, {found.rate:.1%} by requests per second."
    if found.cpu > _CPU_LIMIT:
        yield f"{apart} TOO NOISY to tell anything: run again when the machine is quiet."
    elif found.rate > _RATE_LIMIT:
        yield f"{apart} TOO NOISY for latencies, capacities and curves; CPU time per request still holds."
    else:
        yield f"{apart} Quiet enough."
