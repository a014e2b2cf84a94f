"""What is wrong with a tenant, as far as a look shows, and how bad it is: by this `top` sorts. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tenantproxy_operator.fleet.figures import Circuit, Credential, Figures
from tenantproxy_operator.fleet.view import TenantView

_MANY_ERRORS: Final = 0.05
"""The share of reads that fail from which on it is worse than a single failure."""


class Level(IntEnum):
    """How bad it is, the worst first."""

    DOWN = 0
    """No read can succeed."""
    FAILING = 1
    """Reads fail."""
    DEGRADED = 2
    """Reads succeed, but something needs a look."""
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


def troubles(view: TenantView, figures: Figures) -> list[Trouble]:
    """Return what is wrong with a tenant, the worst first; nothing is wrong with one that is suspended."""
    return [] if view.suspended else sorted(_found(view, figures), key=lambda trouble: trouble.level)


def worst(found: list[Trouble]) -> Level:
    """Return how bad it is together."""
    return found[0].level if found else Level.FINE


def _found(view: TenantView, figures: Figures) -> Iterator[Trouble]:
    for condition in view.conditions:
        # The others only repeat what these say, or are about what no read depends on.
        if condition.type in ("Accepted", "CredentialsReady") and condition.status == "False":
            yield Trouble(Level.DEGRADED, f"{condition.type} False: {condition.reason}")
    ready = sum(replica.ready for replica in view.replicas)
    if not ready:
        yield Trouble(Level.DOWN, "no proxy is ready" if view.replicas else "no proxy runs")
    elif ready < len(view.replicas):
        yield Trouble(Level.DEGRADED, f"{len(view.replicas) - ready} of {len(view.replicas)} proxies not ready")
    if view.problem is not None and figures.credential != "none":  # which says it shorter
        yield Trouble(Level.DOWN, view.problem)
    for state in (figures.credential, figures.circuit):
        if state in _STATES and not (state == "rejected" and view.problem is not None):  # which says why, too
            yield _STATES[state]
    if figures.errors:
        yield Trouble(Level.FAILING if figures.errors >= _MANY_ERRORS else Level.DEGRADED, "reads fail")
    unseen = [replica.problem for replica in view.replicas if replica.ready and replica.problem is not None]
    if unseen:
        yield Trouble(Level.UNSEEN, f"no metrics: {unseen[0]}")
