"""How the samples are judged and printed."""

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from statistics import median
from typing import Final, NamedTuple

_BUSY_ENOUGH: Final = 0.85


class Sample(NamedTuple):
    """One proxy under load for a moment; `busy` is the share of its core that it used, `cpu` is per request."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    busy: float


class Goal(NamedTuple):
    """One figure; `wanted` is empty where there is no goal, `unclear` says that noise hides whether it is met."""

    name: str
    figure: str
    wanted: str
    met: bool
    unclear: bool = False


def print_speed(title: str, samples: dict[str, list[Sample]]) -> None:
    """Print the medians of each proxy."""
    print(f"{title:<40} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/req':>11} {'core busy':>10}")
    for name, all_of in samples.items():
        per_second, p50, p99, cpu, busy = map(median, zip(*all_of, strict=True))
        print(
            f"  {name:<38} {per_second:7.0f} {p50 * 1e3:8.2f} {p99 * 1e3:8.2f} {cpu * 1e6:11.0f} {busy:10.0%}",
        )
    print()


def print_contention(samples: Iterable[Sample]) -> None:
    """Say so where other processes took much of the cores: requests per second mean little then."""
    busy = median(sample.busy for sample in samples)
    if busy < _BUSY_ENOUGH:
        print(
            f"Other processes are busy here: the proxies used {busy:.0%} of their core. Requests per second\n"
            "then say little, least for the fastest: run again when it is quiet. CPU per request still holds.\n"
        )


def times(name: str, ours: Sequence[Sample], theirs: Sequence[Sample], *, at_least: float) -> Goal:
    """Return how many times as many requests per second we answer; the ratio of CPU times stands beside it."""
    ratio = _paired(ours, theirs, lambda sample: sample.per_second)
    cpu = _paired(theirs, ours, lambda sample: sample.cpu)
    return Goal(name, f"{ratio:.2f}x req/s ({cpu:.2f}x by CPU)", f">= {at_least}x", ratio >= at_least)


def added(name: str, ours: Sequence[Sample], base: Sequence[Sample], *, at_most: float | None = None) -> Goal:
    """Return the CPU time that is added to a request; a goal is missed where the excess is more than noise."""
    shares = ratios(ours, base, lambda sample: sample.cpu)
    share = median(shares) - 1
    error = standard_error(shares)
    micros = share * median(sample.cpu for sample in base) * 1e6
    figure = f"{share:+.1%} +- {error:.1%} CPU ({micros:+.0f} us)"
    if at_most is None:
        return Goal(name, figure, "", met=True)
    met = share - 2 * error <= at_most
    return Goal(name, figure, f"<= {at_most:+.0%}", met, unclear=met and share > at_most)


def dearer(name: str, shares: Sequence[float], *, at_least: float | None = None, digits: int = 1) -> Goal:
    """Return how many times ours something costs, of each round's ratio; the goal is missed as in `added`."""
    share, error = median(shares), standard_error(shares)
    figure = f"{share:.{digits}f}x +- {error:.{digits}f}x CPU"
    if at_least is None:
        return Goal(name, figure, "", met=True)
    met = share + 2 * error >= at_least
    return Goal(name, figure, f">= {at_least:.0f}x", met, unclear=met and share < at_least)


def bounded(name: str, value: float, bound: float, unit: str) -> Goal:
    """Return a figure with its upper bound."""
    return Goal(name, f"{value:.1f} {unit}", f"<= {bound:.0f} {unit}", value <= bound)


def print_goals(goals: Sequence[Goal]) -> None:
    """Print each figure with its goal, and a plain word."""
    print(f"{'Ratios, memory, start-up':<40} {'measured':<31} {'goal':<10}")
    for goal in goals:
        word = "UNCLEAR (noise)" if goal.unclear else "within" if goal.met else "OVER"
        print(f"  {goal.name:<38} {goal.figure:<31} {goal.wanted:<10} {word if goal.wanted else ''}".rstrip())


def _paired(ours: Sequence[Sample], theirs: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """Return the median of the rounds' ratios: what disturbs a whole round cancels out."""
    return median(ratios(ours, theirs, figure))


def ratios(ours: Sequence[Sample], theirs: Sequence[Sample], figure: Callable[[Sample], float]) -> list[float]:
    """Return each round's ratio."""
    return [figure(mine) / figure(other) for mine, other in zip(ours, theirs, strict=True)]


def standard_error(shares: Sequence[float]) -> float:
    """Return the standard error of a median, from the median absolute deviation (both as for normal noise)."""
    middle = median(shares)
    deviation = 1.4826 * median(abs(share - middle) for share in shares)
    return 1.2533 * deviation / sqrt(len(shares))
