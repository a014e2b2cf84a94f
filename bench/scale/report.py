"""How the figures are judged and printed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Final, NamedTuple

from bench.scale.figures import Estimate, Measured, Round, create_cpu_ratio, create_ratio, estimate, ratio

RATIO: Final = 1.5
MEMORY: Final = 256.0
RESTART: Final = 30.0
REPAIR: Final = 1.0
_OTHERS: Final = 0.1
"""More than this share of the machine in others' hands makes a time that is over its bound unclear."""
_SURE: Final = 2.0
"""Standard errors by which a figure must be over its bound."""


class Goal(NamedTuple):
    """One bounded figure; `unclear`: the rounds differ too much to tell, or others were too busy."""

    name: str
    value: Estimate
    bound: float
    unit: str
    unclear: bool = False

    @property
    def met(self) -> bool:
        """Whether it is within its bound."""
        return self.value.value <= self.bound

    @property
    def word(self) -> str:
        """The judgement."""
        if self.met:
            return "within"
        return "UNCLEAR" if self.unclear else "OVER"


def goals(found: Measured) -> list[Goal]:
    """Return the figures that have a bound."""

    def of(name: str, value: Callable[[Round], float], bound: float, unit: str, *, timed: bool = False) -> Goal:
        return _goal(found, name, estimate(map(value, found.ours)), bound, unit, timed=timed)

    timed = [
        _goal(found, "creation, as a ratio to bare applies", create_ratio(found), RATIO, "x", timed=True),
        of("restart until idle", lambda each: each.restart, RESTART, " s", timed=True),
        of("repair at rest, slowest", lambda each: max(each.repair), REPAIR, " s", timed=True),
        _goal(
            found,
            "repair during a resync, slowest",
            Estimate(max(found.once.repair_in_resync), None),
            REPAIR,
            " s",
            timed=True,
        ),
    ]
    return [
        *timed,
        of("writes after a restart", lambda each: each.restart_writes, 0, ""),
        of("memory at rest", lambda each: each.rest_rss, MEMORY, " MiB"),
        of("memory, peak of a creation", lambda each: each.create_peak_rss, MEMORY, " MiB"),
        of("memory, peak of a restart", lambda each: each.restart_peak_rss, MEMORY, " MiB"),
    ]


def _goal(found: Measured, name: str, value: Estimate, bound: float, unit: str, *, timed: bool) -> Goal:
    is_noise = value.error is not None and value.value - bound <= _SURE * value.error
    return Goal(name, value, bound, unit, is_noise or (timed and others(found) > _OTHERS))


def others(found: Measured) -> float:
    """Return the largest share of the machine that others had while something was timed."""
    ours = chain.from_iterable((each.create_others, each.restart_others) for each in (*found.ours, *found.peers))
    return max((*ours, *(each.others for each in found.floors)))


def print_figures(found: Measured) -> None:
    """Print all of one size."""
    size, once = found.size, found.once
    print(f"\n{size} TenantProxies with {once.children} children each; {_rounds(found)}")
    for goal in goals(found):
        bound = f"<= {goal.bound:g}{goal.unit}"
        print(f"  {goal.name:<38} {goal.value!s:>16}{goal.unit:<5} {bound:<12} {goal.word}")
    for name, text in _lines(found):
        print(f"  {name:<38} {text}")
    _print_requests(
        "requests of a creation, per tenant", _median_of([each.create_requests for each in found.ours])
    )
    _print_requests("requests per change of a spec", once.change_requests)
    _print_requests("requests of a restart", _median_of([each.restart_requests for each in found.ours]))
    _print_requests("requests at rest, per minute", _median_of([each.rest_requests for each in found.ours]))


def _lines(found: Measured) -> Iterator[tuple[str, str]]:
    size, once = found.size, found.once

    def of(value: Callable[[Round], float]) -> Estimate:
        return estimate(map(value, found.ours))

    def servers(cpu: Mapping[str, float]) -> float:
        return sum(cpu[name] for name in ("apiserver", "etcd", "controllers") if name in cpu)

    floor = estimate(each.create for each in found.floors)
    bare = estimate(servers(each.cpu) for each in found.floors)
    yield "creation, until all are Ready", f"{of(lambda each: each.create)} s; bare applies {floor} s"
    own = of(lambda each: each.create_cpu["operator"] / size * 1e3)
    yield "  CPU of the operator", f"{own} ms a tenant"
    yield (
        "  CPU of the control plane",
        f"{of(lambda each: servers(each.create_cpu))} s; with bare applies {bare} s",
    )
    yield "  CPU of all, as a ratio", f"{create_cpu_ratio(found)}x"
    yield "restart: CPU of the operator", f"{of(lambda each: each.restart_cpu)} s"
    yield "  CPU of API server and etcd", f"{of(lambda each: each.restart_apiserver_cpu)} s"
    yield "  one reconcile without work", f"{once.reconcile_mean * 1e6:.0f} us"
    yield "  memory when idle", f"{of(lambda each: each.restart_rss)} MiB"
    memory = of(lambda each: each.apiserver_rss), of(lambda each: each.etcd_rss)
    yield "memory of API server and etcd", f"{memory[0].value:.0f} and {memory[1].value:.0f} MiB"
    resting = of(lambda each: 100 * each.rest_cpu), of(lambda each: 100 * each.rest_apiserver_cpu)
    yield "CPU at rest", f"{resting[0]} % of a core; API server and etcd {resting[1]} %"
    yield "repair at rest", _spread([*chain.from_iterable(each.repair for each in found.ours)])
    yield f"  during a resync, from tenant {once.resync_known}", _spread(once.repair_in_resync)


class _Beside(NamedTuple):
    """One line of the table beside the peer; `target`: of the ratio. `timed`: others can disturb it."""

    name: str
    value: Callable[[Round], float]
    unit: str
    target: float | None = None
    timed: bool = False


def print_beside(found: Measured) -> None:
    """Print what ours takes as ratios to the peer."""
    rows = (
        _Beside("CPU per tenant created", lambda each: each.create_cpu["operator"] / found.size * 1e3, "ms", 2.0),
        _Beside("creation, until all are Ready", lambda each: each.create, "s", timed=True),
        _Beside("memory, peak of a creation", lambda each: each.create_peak_rss, "MiB"),
        _Beside("memory at rest", lambda each: each.rest_rss, "MiB", 2.0),
        _Beside("CPU at rest, of a core", lambda each: 100 * each.rest_cpu, "%"),
        _Beside("restart until idle", lambda each: each.restart, "s", 1.5, timed=True),
        _Beside("  CPU", lambda each: each.restart_cpu, "s"),
        _Beside("memory, peak of a restart", lambda each: each.restart_peak_rss, "MiB"),
        _Beside("repair at rest, median", lambda each: median(each.repair) * 1e3, "ms", timed=True),
    )
    is_noisy = others(found) > _OTHERS
    print(f"  {'beside an operator in Go':<32}{'ours':>16}{'Go':>16}{'ratio':>16}        target")
    for row in rows:
        own, other = (estimate(map(row.value, each)) for each in (found.ours, found.peers))
        beside = ratio(found.ours, found.peers, row.value)
        bound = (
            "" if row.target is None else f"<= {row.target:g}  {_word(beside, row.target, row.timed and is_noisy)}"
        )
        print(f"  {row.name:<32}{own!s:>16}{other!s:>16}{beside!s:>16}  {row.unit:<5} {bound}".rstrip())
    requests = (
        sum(_median_of([each.create_requests for each in side]).values()) for side in (found.ours, found.peers)
    )
    print(f"  {'requests per tenant created':<32}{next(requests):16.1f}{next(requests):16.1f}")
    writes = (max(each.restart_writes for each in side) for side in (found.ours, found.peers))
    print(f"  {'writes after a restart':<32}{next(writes):16}{next(writes):16}")


def print_noise(found: Measured) -> None:
    """Say so where the machine is too noisy to tell."""
    shares = others(found)
    error = max((each.error or 0.0) / each.value for each in (create_ratio(found), *_timed_ratios(found)))
    if shares > _OTHERS or error > _OTHERS:
        print(
            f"  TOO NOISY TO TELL: others had up to {shares:.0%} of the machine, and the ratios of times have\n"
            f"  standard errors of up to {error:.0%}. Times say little then; CPU times, memory and requests hold."
        )
    elif found.rounds == 1:
        print("  One round: nobody knows how sure these are. --rounds 3 tells.")


def _timed_ratios(found: Measured) -> Iterator[Estimate]:
    if found.peers:
        yield ratio(found.ours, found.peers, lambda each: each.create)
        yield ratio(found.ours, found.peers, lambda each: each.restart)


def _word(beside: Estimate, target: float, is_noisy: bool) -> str:  # noqa: FBT001 - one of two
    if beside.value <= target:
        return "within"
    is_noise = beside.error is not None and beside.value - target <= _SURE * beside.error
    return "UNCLEAR" if is_noisy or is_noise else "OVER"


def _rounds(found: Measured) -> str:
    if found.rounds == 1:
        return "one round"
    return f"medians of {found.rounds} rounds, +- their standard errors"


def _spread(seconds: Sequence[float]) -> str:
    return f"median {median(seconds) * 1e3:.0f} ms, slowest {max(seconds) * 1e3:.0f} ms of {len(seconds)}"


def _median_of(counts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of the rounds of each count."""
    return {name: median(each.get(name, 0.0) for each in counts) for name in sorted(set().union(*counts))}


def _print_requests(title: str, counts: Mapping[str, float]) -> None:
    """Print the sums by verb, and what they are for."""
    print(f"  {title}: {sum(counts.values()):.2f}".removesuffix(".00"))
    verbs: dict[str, list[str]] = {}
    for name, number in counts.items():
        verb, _, resource = name.partition(" ")
        if number >= 0.005:
            verbs.setdefault(verb, []).append(f"{resource} {number:.2f}".removesuffix(".00"))
    for verb, resources in verbs.items():
        print(f"    {verb:<7} {', '.join(resources)}")
