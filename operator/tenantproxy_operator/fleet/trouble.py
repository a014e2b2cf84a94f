"""What is wrong with a tenant, as far as a look shows, and how bad it is: by this `top` sorts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tenantproxy_operator.fleet.events import EventFigures
from tenantproxy_operator.fleet.figures import Circuit, Credential, Figures
from tenantproxy_operator.fleet.view import Replica, TenantView

_MANY_ERRORS: Final = 0.05
"""The share of reads or events that fail from which on it is worse than a single failure."""


class Level(IntEnum):
    """How bad it is, the worst first."""

    DOWN = 0
    """No read can succeed."""
    FAILING = 1
    """Reads fail, or store events don't reach the OMS."""
    DEGRADED = 2
    """All that is needed works, but something needs a look."""
    UNSEEN = 3
    """It could not be looked at."""
    FINE = 4


@dataclass(frozen=True, order=True)
class Trouble:
    """One thing that is wrong, in a few words."""

    level: Level
    text: str


_STATES: Final[Mapping[Credential | Circuit | None, Trouble]] = {
    "none": Trouble(Level.DOWN, "no credential is set"),
    "rejected": Trouble(Level.DOWN, "OMS rejected the credential"),
    "open": Trouble(Level.DOWN, "circuit open"),
    "half-open": Trouble(Level.DEGRADED, "circuit half-open"),
}
"""What states of the credential and the circuit are trouble."""


def troubles(view: TenantView, figures: Figures, events: EventFigures | None = None) -> list[Trouble]:
    """Return what is wrong with a tenant, the worst first; nothing is wrong with one that is suspended."""
    if view.suspended:
        return []
    found = [*_found(view, figures)]
    if events is not None and view.relays is not None:
        found += _of_events(view.relays, figures, events)
    unseen = [each.problem for each in (*view.replicas, *(view.relays or ())) if each.ready and each.problem]
    if unseen:
        found.append(Trouble(Level.UNSEEN, f"no metrics: {unseen[0]}"))
    return sorted(found, key=lambda trouble: trouble.level)


def worst(found: list[Trouble]) -> Level:
    """Return how bad it is together."""
    return found[0].level if found else Level.FINE


def _found(view: TenantView, figures: Figures) -> Iterator[Trouble]:
    for condition in view.conditions:
        # The others only repeat what these say, or are about what no read depends on.
        if condition.type in ("Accepted", "CredentialsReady") and condition.status == "False":
            yield Trouble(Level.DEGRADED, f"{condition.type} False: {condition.reason}")
    yield from _of_readiness(view.replicas, "proxy", "proxies", Level.DOWN)
    if view.problem is not None and figures.credential != "none":  # which says it shorter
        yield Trouble(Level.DOWN, view.problem)
    for state in (figures.credential, figures.circuit):
        if state in _STATES and not (state == "rejected" and view.problem is not None):  # which says why, too
            yield _STATES[state]
    if figures.errors:
        yield Trouble(_by_share(figures.errors), "reads fail")


def _of_events(relays: Sequence[Replica], figures: Figures, events: EventFigures) -> Iterator[Trouble]:
    """Yield why events don't reach the OMS; what the proxies show as well is said once."""
    yield from _of_readiness(relays, "relay", "relays", Level.FAILING)
    for key in events.missing_keys:
        yield Trouble(Level.FAILING, f"relay lacks {key}")
    if events.stopped:
        yield Trouble(Level.FAILING, "OMS wants no more events")
    if events.paused:
        yield Trouble(Level.DEGRADED, "OMS has paused events")
    if events.credential == "rejected" and figures.credential != "rejected":
        yield Trouble(Level.FAILING, "OMS rejected the relay's credential")
    if events.circuit == "open":
        yield Trouble(Level.FAILING, "relay's circuit open")
    if events.failed:
        yield Trouble(_by_share(events.failed), "events fail")
    if events.unverified:
        yield Trouble(Level.DEGRADED, "no event is verified")


def _of_readiness(replicas: Sequence[Replica], one: str, several: str, without: Level) -> Iterator[Trouble]:
    ready = sum(replica.ready for replica in replicas)
    if not ready:
        yield Trouble(without, f"no {one} is ready" if replicas else f"no {one} runs")
    elif ready < len(replicas):
        yield Trouble(Level.DEGRADED, f"{len(replicas) - ready} of {len(replicas)} {several} not ready")


def _by_share(failing: float) -> Level:
    return Level.FAILING if failing >= _MANY_ERRORS else Level.DEGRADED
