"""The states of the credential in use: the whole table, and what no way through it may bring about."""

import itertools

import pytest

from tenantproxy.credentials.sync_state import (
    TRANSITIONS,
    InvalidTransitionError,
    SyncEvent,
    SyncState,
    next_state,
)

READ, FAILED, FELL_BACK = SyncEvent.STORE_READ, SyncEvent.FAILED, SyncEvent.FALLBACK_READ

# Every pair of state and event; None: refused.
EXPECTED: dict[tuple[SyncState, SyncEvent], SyncState | None] = {
    (SyncState.STARTING, READ): SyncState.CURRENT,
    (SyncState.STARTING, FAILED): SyncState.UNREAD,
    (SyncState.STARTING, FELL_BACK): None,
    (SyncState.UNREAD, READ): SyncState.CURRENT,
    (SyncState.UNREAD, FAILED): SyncState.UNREAD,
    (SyncState.UNREAD, FELL_BACK): SyncState.FALLBACK,
    (SyncState.FALLBACK, READ): SyncState.CURRENT,
    (SyncState.FALLBACK, FAILED): SyncState.UNREAD,
    (SyncState.FALLBACK, FELL_BACK): None,
    (SyncState.CURRENT, READ): SyncState.CURRENT,
    (SyncState.CURRENT, FAILED): SyncState.STALE,
    (SyncState.CURRENT, FELL_BACK): None,
    (SyncState.STALE, READ): SyncState.CURRENT,
    (SyncState.STALE, FAILED): SyncState.STALE,
    (SyncState.STALE, FELL_BACK): None,
}


def test_every_pair_is_here() -> None:
    """A new state or event has to be put into the table, and into this one."""
    assert EXPECTED.keys() == set(itertools.product(SyncState, SyncEvent))
    assert TRANSITIONS.keys() == set(SyncState)


@pytest.mark.parametrize(("state", "event"), EXPECTED, ids=lambda value: value.name)
def test_each_transition(state: SyncState, event: SyncEvent) -> None:
    """Each pair leads where the table says, or is refused by name."""
    expected = EXPECTED[state, event]
    if expected is not None:
        assert next_state(state, event) is expected
        return
    with pytest.raises(InvalidTransitionError, match=f"^{event.name} in state {state.name}$"):
        next_state(state, event)


def test_every_state_is_reached() -> None:
    """From the start, by some way."""
    reached = {SyncState.STARTING}
    for _ in SyncState:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(SyncState)


def test_the_fallback_never_undoes_what_the_store_said() -> None:
    """Once the store has been read, no way leads to a state in which the fallback serves or may serve."""
    after_a_read = {SyncState.CURRENT}
    for _ in SyncState:
        after_a_read |= {after for state in after_a_read for after in TRANSITIONS[state].values()}
    assert SyncState.FALLBACK not in after_a_read
    assert not any(state.may_fall_back for state in after_a_read)


def test_what_failed_is_tried_again() -> None:
    """After a failure the store is read again with no word of a change, until it has been read."""
    for state in SyncState:
        assert next_state(state, FAILED).retries
        assert not next_state(state, READ).retries
    assert SyncState.FALLBACK.retries
