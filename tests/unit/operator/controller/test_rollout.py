"""A new operator image or setting reaches a few tenants at a time, canaries first, and stops in time."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantproxy_operator.controller.rollout import (
    MOST_MISSED,
    TRANSITIONS,
    Event,
    Progress,
    RolloutGate,
    State,
    TransitionError,
    next_state,
    progress_of,
)
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.workloads import Rollout

COMPLETE = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=True)


def _key(number: int) -> Key:
    return Key("tenants", f"t{number:02}")


class _Woken(list[Key]):
    """Who was woken, in order."""

    def take(self) -> list[Key]:
        taken = list(self)
        self.clear()
        return taken


def _gate(most: int = 2, expected: int = 0) -> tuple[RolloutGate, _Woken]:
    woken = _Woken()
    gate = RolloutGate(most, woken.append)
    gate.expect(_key(number) for number in range(expected))
    return gate, woken


def test_a_few_at_a_time() -> None:
    """No more than allowed are updated at once; the next one has its turn when one is done."""
    gate, woken = _gate(most=2)
    assert [gate.request(_key(number), canary=False) for number in range(4)] == [True, True, False, False]
    gate.report(_key(0), "updating")
    assert woken.take() == []
    gate.report(_key(0), "done")
    assert woken.take() == [_key(2)]
    assert gate.request(_key(2), canary=False)
    assert (gate.updating, gate.pending) == (2, 1)


def test_canaries_first() -> None:
    """While a canary waits or is updated, nobody else has a turn."""
    gate, woken = _gate(most=2, expected=4)
    for number in range(4):
        assert not gate.request(_key(number), canary=number >= 3)
        gate.report_waiting(_key(number))
    assert woken.take() == [_key(3)]
    assert not gate.request(_key(0), canary=False)
    gate.report(_key(3), "updating")
    assert woken.take() == []
    gate.report(_key(3), "done")
    assert len(woken.take()) == 2


def test_stops_after_several_missed_deadlines() -> None:
    """The third tenant that does not come up ends the rollout; who waits is told, and nobody has a turn."""
    gate, woken = _gate(most=1)
    for number in range(MOST_MISSED + 2):
        gate.request(_key(number), canary=False)
    for number in range(MOST_MISSED):
        assert not gate.stopped
        gate.report(_key(number), "missed")
    assert gate.stopped
    assert gate.missed == [_key(number) for number in range(MOST_MISSED)]
    assert woken.take()[-2:] == [_key(3), _key(4)]
    assert not gate.request(_key(3), canary=False)


def test_goes_on_when_they_come_up() -> None:
    """A stopped rollout goes on when one of those that missed comes up after all, or is deleted."""
    gate, woken = _gate(most=1)
    for number in range(MOST_MISSED + 1):
        gate.request(_key(number), canary=False)
    for number in range(MOST_MISSED):
        gate.report(_key(number), "missed")
    woken.take()
    gate.forget(_key(0))
    assert not gate.stopped
    assert set(woken.take()) == {_key(MOST_MISSED)}
    assert gate.request(_key(MOST_MISSED), canary=False)


def test_waits_until_all_were_seen() -> None:
    """After a restart nobody has a turn before it is known who has had one since before."""
    gate, woken = _gate(most=2, expected=3)
    assert not gate.request(_key(0), canary=False)
    gate.report_waiting(_key(0))
    gate.report(_key(1), "updating")
    assert woken.take() == []
    gate.report(_key(2), "updating")
    assert woken.take() == []
    gate.report(_key(2), "done")
    assert woken.take() == [_key(0)]


def test_one_that_is_not_told_of_yet_was_not_seen() -> None:
    """At the start children are known before their TenantProxy: a look at it finds none, and means nothing."""
    woken = _Woken()
    gate = RolloutGate(1, woken.append)
    gate.forget(_key(0))
    gate.forget(_key(1))
    gate.expect([_key(0), _key(1)])
    assert not gate.request(_key(0), canary=False)
    gate.report_waiting(_key(0))
    assert not gate.request(_key(1), canary=True)
    gate.report_waiting(_key(1))
    assert woken.take() == [_key(1)]


def test_one_that_went_is_waited_for_no_longer() -> None:
    """A TenantProxy that is gone before it was seen is not in the next list."""
    gate, woken = _gate(most=1, expected=2)
    assert not gate.request(_key(0), canary=False)
    gate.report_waiting(_key(0))
    gate.forget(_key(1))
    assert woken.take() == []
    gate.expect([_key(0)])
    assert woken.take() == [_key(0)]


def test_nobody_has_a_turn_before_the_fleet_is_known() -> None:
    """Without `expect` there is no turn."""
    gate = RolloutGate(1, _Woken().append)
    assert not gate.request(_key(0), canary=False)


def test_one_that_was_broken_before_tells_nothing() -> None:
    """A tenant without a ready proxy does not count against the change; one whose old proxies serve does."""
    stuck = Rollout(wanted=2, replicas=3, updated=1, ready=2, observed=True, stuck="deadline")
    assert progress_of([stuck]) == "missed"
    never = Rollout(wanted=2, replicas=2, updated=2, ready=0, observed=True, stuck="deadline")
    assert progress_of([never]) == "done"
    assert progress_of([COMPLETE]) == "done"
    assert progress_of([msgspec.structs.replace(COMPLETE, observed=False)]) == "updating"
    stale = Rollout(wanted=2, replicas=2, updated=2, ready=2, observed=False, stuck="deadline")
    assert progress_of([stale]) == "updating"
    assert progress_of([None]) == "done"


def test_progress_of_all_components() -> None:
    """A relay that is stuck counts as the proxies do, whatever these have come to."""
    stuck = Rollout(wanted=2, replicas=3, updated=1, ready=2, observed=True, stuck="deadline")
    updating = msgspec.structs.replace(COMPLETE, observed=False)
    assert progress_of([COMPLETE, stuck]) == progress_of([stuck, updating]) == "missed"
    assert progress_of([COMPLETE, updating]) == progress_of([updating, None]) == "updating"
    assert progress_of([COMPLETE, None]) == progress_of([COMPLETE, COMPLETE]) == "done"


@given(
    most=st.integers(1, 4),
    canaries=st.sets(st.integers(0, 11)),
    answers=st.lists(st.sampled_from(["done", "missed"]), min_size=12, max_size=12),
)
def test_every_rollout_ends(most: int, canaries: set[int], answers: list[str]) -> None:
    """Everybody has one turn, or the rollout stopped; never more than allowed at once, canaries before others."""
    gate, woken = _gate(most=most, expected=12)
    for number in range(12):
        gate.request(_key(number), canary=number in canaries)
        gate.report_waiting(_key(number))
    turns: list[Key] = []
    queue = woken.take()
    while queue:
        assert gate.updating <= most
        key = queue.pop(0)
        if key in turns or not gate.request(key, canary=int(key.name[1:]) in canaries):
            continue
        turns.append(key)
        answer = answers[int(key.name[1:])]
        gate.report(key, "missed" if answer == "missed" else "done")
        queue += woken.take()
    assert gate.stopped or len(turns) == 12
    numbers = [int(key.name[1:]) in canaries for key in turns]
    assert numbers == sorted(numbers, reverse=True)


_TENANT, _OTHER = _key(0), _key(1)

_Step = Callable[[RolloutGate], object]


def _block(gate: RolloutGate) -> None:
    """Let another tenant have the only place."""
    assert gate.request(_OTHER, canary=False)


def _request(gate: RolloutGate) -> None:
    gate.request(_TENANT, canary=False)


def _report(progress: Progress) -> _Step:
    return lambda gate: gate.report(_TENANT, progress)


_MISS = (_request, _report("missed"))
_WAYS: dict[State, tuple[_Step, ...]] = {
    State.IDLE: (_report("done"),),
    State.WAITING: (_report("done"), _block, _request),
    State.UPDATING: (_report("done"), _request),
    State.MISSED: (_report("done"), *_MISS),
    State.MISSED_WAITING: (_report("done"), *_MISS, _block, _request),
    State.MISSED_UPDATING: (_report("done"), *_MISS, _request),
}
"""How a tenant comes into each state, by what the reconciler calls."""
_NOT_SEEN: dict[State, tuple[_Step, ...]] = {State.IDLE: (), State.WAITING: (_request,)}
"""The states of a tenant that was not seen since the start."""


def _blocked_request(gate: RolloutGate) -> None:
    if gate.updating == 0:
        _block(gate)
    _request(gate)


_CAUSES: dict[Event, _Step] = {
    Event.REQUESTED: _blocked_request,
    Event.ADMITTED: lambda gate: gate.report(_OTHER, "done"),
    Event.PROGRESSED: _report("updating"),
    Event.DEADLINE_MISSED: _report("missed"),
    Event.COMPLETED: _report("done"),
    Event.FOUND_UPDATING: _report("updating"),
    Event.FOUND_MISSED: _report("missed"),
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_transition(state: State, event: Event) -> None:
    """What the gate does in each state is what the table says; what is not in the table is refused."""
    if event not in TRANSITIONS[state]:
        with pytest.raises(TransitionError, match=f"^{event.name} can't happen in {state.name}$"):
            next_state(state, event)
        return
    found = event in {Event.FOUND_UPDATING, Event.FOUND_MISSED}
    gate, _ = _gate(most=1, expected=1)  # _TENANT is expected
    for step in (_NOT_SEEN if found else _WAYS)[state]:
        step(gate)
    assert gate.state_of(_TENANT) is state
    _CAUSES[event](gate)
    assert gate.state_of(_TENANT) is TRANSITIONS[state][event]


_CALLS = st.tuples(
    st.sampled_from(["request", "canary", "updating", "missed", "done", "waiting", "forget", "expect"]),
    st.integers(0, 5),
)


@settings(max_examples=50)
@given(most=st.integers(1, 3), calls=st.lists(_CALLS, max_size=60))
def test_any_history(most: int, calls: list[tuple[str, int]]) -> None:
    """Whatever is called in whatever order, no event is refused, and the counts are those of the states."""
    gate = RolloutGate(most, _Woken().append)
    for call, number in calls:
        key = _key(number)
        match call:
            case "request" | "canary":
                gate.request(key, canary=call == "canary")
            case "updating" | "missed" | "done":
                gate.report(key, call)
            case "waiting":
                gate.report_waiting(key)
            case "forget":
                gate.forget(key)
            case _:
                gate.expect(map(_key, range(number)))
        states = [gate.state_of(_key(each)) for each in range(6)]
        assert gate.updating == sum(state in {State.UPDATING, State.MISSED_UPDATING} for state in states)
        assert gate.pending == sum(state in {State.WAITING, State.MISSED_WAITING} for state in states)
        assert len(gate.missed) == sum("MISSED" in state.name for state in states)
        assert not gate.stopped or len(gate.missed) >= MOST_MISSED
