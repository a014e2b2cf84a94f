"""What is made of two looks at a relay's metrics."""

import pytest

from tenantproxy.config import Tenant
from tenantproxy.relay.metrics import Outcome, RelayMetrics
from tenantproxy_operator.fleet.events import EventFigures, event_figures
from tenantproxy_operator.fleet.samples import Samples


def _relay() -> RelayMetrics:
    return RelayMetrics(Tenant(name="acme", id="T-acme"))


def _look(*relays: RelayMetrics) -> dict[str, Samples]:
    return {f"pod-{number}": Samples.parse(relay.exposition()) for number, relay in enumerate(relays)}


def _answered(relay: RelayMetrics, count: int, outcome: Outcome, reason: str = "") -> None:
    for _ in range(count):
        relay.answered(outcome, reason, 0.01)


def test_what_happened_between_two_looks() -> None:
    """Only that counts, of all relays together; most events are about no order, and tell nothing of the OMS."""
    one, two = _relay(), _relay()
    _answered(one, 50, "failed", "connect")
    before = _look(one, two)
    _answered(one, 90, "irrelevant", "no-name")
    _answered(one, 6, "delivered")
    _answered(two, 1, "test")
    _answered(two, 2, "failed", "status-500")
    _answered(two, 1, "refused", "malformed-event")
    seen = event_figures(before, _look(one, two), 4.0)
    assert (seen.events, seen.unverified) == (25.0, False)
    assert seen.failed == pytest.approx(1 / 3)


def test_what_anyone_may_send() -> None:
    """It is no event, and no failure, as long as others are verified; where none is, keys may differ."""
    relay = _relay()
    before = _look(relay)
    for reason in ("wrong-login", "wrong-signature", "not-found", "caller-gone"):
        _answered(relay, 5, "refused", reason)
    seen = event_figures(before, _look(relay), 1.0)
    assert (seen.events, seen.failed, seen.unverified) == (0.0, None, True)
    _answered(relay, 1, "irrelevant")
    seen = event_figures(before, _look(relay), 1.0)
    assert (seen.events, seen.failed, seen.unverified) == (1.0, None, False)


def test_how_relays_stand() -> None:
    """As the worst of them; what the OMS has said to one holds for its events."""
    one, two = _relay(), _relay()
    for relay in (one, two):
        relay.credential_changed("basic", among=("basic",))
        relay.credential_accepted(accepted=relay is one)
        relay.show_keys(["poslogSharedKey", "poslogUsername"], lambda key: key == "poslogSharedKey")
        relay.show_circuit("deliverEvent", lambda: "closed")
    one.show_holds(stopped=lambda: False, paused=lambda: True)
    two.show_holds(stopped=lambda: True, paused=lambda: False)
    assert event_figures({}, _look(one, two), 1.0) == EventFigures(
        credential="rejected", circuit="closed", stopped=True, paused=True, missing_keys=("poslogSharedKey",)
    )


def test_first_look_and_none() -> None:
    """There are no rates yet; nothing is known where nothing was seen."""
    relay = _relay()
    assert event_figures({}, _look(relay), 0.0) == EventFigures(credential="none")
    assert event_figures({}, {}, 1.0) == EventFigures()
    assert event_figures(_look(relay), _look(relay), 1.0) == EventFigures(events=0.0, credential="none")
