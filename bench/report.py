"""What the samples mean, and how it is printed."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple


class Sample(NamedTuple):
    """One proxy under load for a moment; `busy` is the share of its core that it used, `cpu` is per request."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    busy: float


class Goal(NamedTuple):
    """One figure; `wanted` is empty where there is no goal."""

    name: str
    figure: str
    wanted: str
    met: bool


def print_speed(title: str, samples: dict[str, list[Sample]]) -> None:
    """Print the medians of each proxy."""
    print(f"{title:<40} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'CPU us/req':>11} {'core busy':>10}")
    for name, all_of in samples.items():
        per_second, p50, p99, cpu, busy = map(median, zip(*all_of, strict=True))
        print(
            f"  {name:<38} {per_second:7.0f} {p50 * 1e3:8.2f} {p99 * 1e3:8.2f} {cpu * 1e6:11.0f} {busy:10.0%}",
        )
    print()


def times(name: str, ours: Sequence[Sample], theirs: Sequence[Sample], *, at_least: float) -> Goal:
    """Return how many times as many requests per second we answer."""
    ratio = _paired(ours, theirs, lambda sample: sample.per_second)
    cpu = _paired(theirs, ours, lambda sample: sample.cpu)
    figure = f"{ratio:.2f}x req/s ({cpu:.2f}x by CPU)"
    return Goal(name, figure, f">= {at_least}x", ratio >= at_least)


def added(name: str, ours: Sequence[Sample], base: Sequence[Sample], *, at_most: float | None = None) -> Goal:
    """Return the CPU time that is added to a request."""
    share = _paired(ours, base, lambda sample: sample.cpu) - 1
    micros = share * median(sample.cpu for sample in base) * 1e6
    wanted = "" if at_most is None else f"<= {at_most:+.0%}"
    return Goal(name, f"{share:+.1%} CPU ({micros:+.0f} us)", wanted, at_most is None or share <= at_most)


def bounded(name: str, value: float, bound: float, unit: str) -> Goal:
    """Return a figure with its upper bound."""
    return Goal(name, f"{value:.1f} {unit}", f"<= {bound:.0f} {unit}", value <= bound)


def print_goals(goals: Sequence[Goal]) -> None:
    """Print each figure with its goal, and a plain word."""
    print(f"{'Ratios, memory, start-up':<40} {'measured':<31} {'goal':<10}")
    for goal in goals:
        word = ("within" if goal.met else "OVER") if goal.wanted else ""
        print(f"  {goal.name:<38} {goal.figure:<31} {goal.wanted:<10} {word}".rstrip())


def _paired(ours: Sequence[Sample], theirs: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """Return the median of the rounds' ratios: what disturbs a whole round cancels out."""
    return median(figure(mine) / figure(other) for mine, other in zip(ours, theirs, strict=True))
