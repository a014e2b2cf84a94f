"""A tenant's figures of store events: what its relays have done between two looks, and how they stand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tenantproxy_operator.fleet.figures import Circuit, Credential, circuit_of, credential_of
from tenantproxy_operator.fleet.samples import Samples, growth

_EVENTS: Final = "tenantproxy_poslog_events_total"
_UNREADABLE: Final = frozenset({"event-too-large", "malformed-event", "secret-missing", "unsupported-event-type"})
"""Why relays refuse what ExternalEvents sends; all else that they refuse anyone may send who knows the URL."""


@dataclass(frozen=True, kw_only=True)
class EventFigures:
    """All None or empty where no relay could be looked at; those that need two looks also after the first one."""

    events: float | None = None
    """Events answered per second; those that anyone may have sent are none."""
    failed: float | None = None
    """The share that was not acknowledged, 0 to 1, of those that the OMS should have or that can't be read."""
    unverified: bool = False
    """Whether something came, but nothing that was ExternalEvents'."""
    credential: Credential | None = None
    circuit: Circuit | None = None
    stopped: bool = False
    """Whether the OMS wants no more events."""
    paused: bool = False
    """Whether it has asked for a pause."""
    missing_keys: tuple[str, ...] = ()
    """Those of the Secret without which all events are refused."""


def event_figures(before: Mapping[str, Samples], now: Mapping[str, Samples], seconds: float) -> EventFigures:
    """Return the figures of the relays of one tenant, by their names; `seconds` lie between the looks."""
    relays = tuple(now.values())
    missing = {
        labels.get("key", "")
        for samples in relays
        for labels, value in samples.select("tenantproxy_poslog_key_missing")
        if value
    }
    total = failed = delivered = others = 0.0
    grown = growth(before, now) if seconds > 0 else []
    for samples in grown:
        for labels, value in samples.select(_EVENTS):
            outcome = labels.get("outcome")
            if outcome == "refused" and labels.get("reason") not in _UNREADABLE:
                others += value
                continue
            total += value
            failed += value if outcome in ("failed", "refused") else 0.0
            delivered += value if outcome == "delivered" else 0.0
    return EventFigures(
        events=total / seconds if grown else None,
        failed=failed / (failed + delivered) if failed + delivered else None,
        unverified=bool(others) and not total,
        credential=credential_of(relays),
        circuit=circuit_of(relays),
        stopped=_any(relays, "tenantproxy_poslog_stopped"),
        paused=_any(relays, "tenantproxy_poslog_paused"),
        missing_keys=tuple(sorted(missing)),
    )


def _any(relays: tuple[Samples, ...], gauge: str) -> bool:
    return any(value for samples in relays for _, value in samples.select(gauge))
