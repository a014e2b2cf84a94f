"""How the figures are judged and printed."""

from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

from bench.scale.measure import Figures, PeerFigures

RATIO: Final = 1.5
MEMORY: Final = 256.0
RESTART: Final = 30.0
REPAIR: Final = 1.0
_LARGEST: Final = 10_000
"""The size for which the bounds of memory and restart are meant; smaller fleets must be within them, too."""
_OTHERS: Final = 0.1
"""More than this share of the machine in others' hands makes a time that is over its bound unclear."""


class Goal(NamedTuple):
    """One bounded figure; `unclear` says that others were too busy to tell."""

    name: str
    value: float
    bound: float
    unit: str
    unclear: bool = False

    @property
    def met(self) -> bool:
        """Whether it is within its bound."""
        return self.value <= self.bound

    @property
    def word(self) -> str:
        """The outcome."""
        return "within" if self.met else "UNCLEAR (others are busy)" if self.unclear else "OVER"


def goals(found: Figures) -> list[Goal]:
    """Return the figures that have a bound."""
    busy = max(found.create_others, found.floor_others) > _OTHERS
    busy_restart = found.restart_others > _OTHERS
    return [
        Goal("creation, as a ratio to bare applies", found.ratio, RATIO, "x", busy),
        Goal("restart until idle", found.restart, RESTART, " s", busy_restart),
        Goal("writes after a restart", found.restart_writes, 0, ""),
        Goal("memory at rest", found.rest_rss, MEMORY, " MiB"),
        Goal("memory, peak of a creation", found.create_peak_rss, MEMORY, " MiB"),
        Goal("memory, peak of a restart", found.restart_peak_rss, MEMORY, " MiB"),
        Goal("repair at rest, slowest", max(found.repair), REPAIR, " s", busy),
        Goal("repair during a resync, slowest", max(found.repair_in_resync), REPAIR, " s", busy_restart),
    ]


def print_figures(found: Figures) -> None:
    """Print all of one size."""
    size = found.size
    print(f"\n{size} TenantProxies with {found.children} children each")
    for goal in goals(found):
        bound = f"<= {goal.bound:g}{goal.unit}"
        print(f"  {goal.name:<38} {goal.value:9.2f}{goal.unit:<5} {bound:<12} {goal.word}")
    cpu, bare = found.create_cpu, found.floor_cpu
    servers, bare_servers = (each["apiserver"] + each["etcd"] for each in (cpu, bare))
    lines = [
        ("creation", f"{found.create:.1f} s; bare applies {found.floor:.1f} s ({found.rounds} rounds)"),
        ("  CPU of the operator", f"{cpu['operator']:.1f} s, {_milli(cpu['operator'], size)} ms a tenant"),
        ("  CPU of API server and etcd", f"{servers:.1f} s; with bare applies {bare_servers:.1f} s"),
        ("  CPU of all, as a ratio", f"{cpu_ratio(found):.2f}x"),
        ("  others had of the machine", f"{found.create_others:.0%}, and {found.floor_others:.0%}"),
        ("restart: CPU of the operator", f"{found.restart_cpu:.1f} s"),
        ("  CPU of API server and etcd", f"{found.restart_apiserver_cpu:.1f} s"),
        ("  one reconcile without work", f"{found.reconcile_mean * 1e6:.0f} us"),
        ("  memory when idle", f"{found.restart_rss:.0f} MiB"),
        ("  others had of the machine", f"{found.restart_others:.0%}"),
        ("memory of API server and etcd", f"{found.apiserver_rss:.0f} and {found.etcd_rss:.0f} MiB"),
        ("CPU at rest", f"{found.rest_cpu:.2%} of a core; API server and etcd {found.rest_apiserver_cpu:.1%}"),
        ("repair at rest", _spread(found.repair)),
        (f"  during a resync, from tenant {found.resync_known}", _spread(found.repair_in_resync)),
    ]
    for name, text in lines:
        print(f"  {name:<38} {text}")
    _print_requests("requests of a creation, per tenant", found.create_requests)
    _print_requests("requests per change of a spec", found.change_requests)
    _print_requests("requests of a restart", found.restart_requests)
    _print_requests("requests at rest, per minute", found.rest_requests)


def print_beside(found: Figures, peer: PeerFigures) -> None:
    """Print what ours takes as ratios to the peer."""
    own_cpu, peer_cpu = (each.create_cpu["operator"] / found.size * 1e3 for each in (found, peer))
    lines = [
        ("CPU per tenant created", own_cpu, peer_cpu, "ms", 2.0),
        ("creation", found.create, peer.create, "s", None),
        ("memory, peak of a creation", found.create_peak_rss, peer.create_peak_rss, "MiB", None),
        ("memory at rest", found.rest_rss, peer.rest_rss, "MiB", 2.0),
        ("restart until idle", found.restart, peer.restart, "s", 1.5),
        ("  CPU", found.restart_cpu, peer.restart_cpu, "s", None),
        ("memory, peak of a restart", found.restart_peak_rss, peer.restart_peak_rss, "MiB", None),
        ("repair at rest, median", median(found.repair) * 1e3, median(peer.repair) * 1e3, "ms", None),
    ]
    print(f"  beside an operator in Go{'':<18}{'ours':>8}{'Go':>10}{'ratio':>8}  target")
    for name, own, other, unit, target in lines:
        bound = "" if target is None else f"<= {target:g}  {'within' if own / other <= target else 'OVER'}"
        print(f"  {name:<38} {own:9.2f} {other:9.2f} {own / other:7.2f}  {unit:<4} {bound}")
    print(f"  writes of the peer's restart: {peer.restart_writes}")


def cpu_ratio(found: Figures) -> float:
    """Return the CPU time of everything during creation, as a ratio to that with bare applies."""
    return sum(found.create_cpu.values()) / sum(found.floor_cpu.values())


def _milli(seconds: float, size: int) -> str:
    return f"{seconds / size * 1e3:.2f}"


def _spread(seconds: Sequence[float]) -> str:
    return f"median {median(seconds) * 1e3:.0f} ms, slowest {max(seconds) * 1e3:.0f} ms of {len(seconds)}"


def _print_requests(title: str, counts: dict[str, float] | dict[str, int]) -> None:
    """Print the sums by verb, and what they are for."""
    print(f"  {title}: {sum(counts.values()):.2f}".removesuffix(".00"))
    verbs: dict[str, list[str]] = {}
    for name, number in counts.items():
        verb, _, resource = name.partition(" ")
        if number >= 0.005:
            verbs.setdefault(verb, []).append(f"{resource} {number:.2f}".removesuffix(".00"))
    for verb, resources in verbs.items():
        print(f"    {verb:<7} {', '.join(resources)}")
