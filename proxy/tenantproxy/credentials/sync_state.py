"""How the credential in use relates to the one in the store: states, events, and every transition there is."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class SyncState(Enum):
    """Where the credential in use comes from, and whether the store may hold another one."""

    STARTING = "nothing has been read yet"
    UNREAD = "the store could never be read; there may be no credential"
    FALLBACK = "the store could never be read; the mounted files serve"
    CURRENT = "the store's credential is in use"
    STALE = "the store's last known credential is in use; it may hold another one"

    @property
    def retries(self) -> bool:
        """Whether the store is to be read again, though it has not reported a change."""
        return self in _RETRYING

    @property
    def may_fall_back(self) -> bool:
        """Whether the fallback may serve: never once the store has been read, since it may be older than that."""
        return SyncEvent.FALLBACK_READ in TRANSITIONS[self]


class SyncEvent(Enum):
    """What happens on the way from the store to the credential in use."""

    STORE_READ = "the store's keys are known: read, or just written"
    FAILED = "the store could not be read, or what was read could not be taken into use"
    FALLBACK_READ = "after that, the fallback could be read"


class InvalidTransitionError(Exception):
    """An event that must not happen in this state."""

    def __init__(self, state: SyncState, event: SyncEvent) -> None:
        super().__init__(f"{event.name} in state {state.name}")


_RETRYING: Final = frozenset({SyncState.UNREAD, SyncState.FALLBACK, SyncState.STALE})

TRANSITIONS: Final[Mapping[SyncState, Mapping[SyncEvent, SyncState]]] = {
    SyncState.STARTING: {
        SyncEvent.STORE_READ: SyncState.CURRENT,
        SyncEvent.FAILED: SyncState.UNREAD,
    },
    SyncState.UNREAD: {
        SyncEvent.STORE_READ: SyncState.CURRENT,
        SyncEvent.FALLBACK_READ: SyncState.FALLBACK,
        SyncEvent.FAILED: SyncState.UNREAD,
    },
    SyncState.FALLBACK: {
        SyncEvent.STORE_READ: SyncState.CURRENT,
        SyncEvent.FAILED: SyncState.UNREAD,
    },
    SyncState.CURRENT: {
        SyncEvent.STORE_READ: SyncState.CURRENT,
        SyncEvent.FAILED: SyncState.STALE,
    },
    SyncState.STALE: {
        SyncEvent.STORE_READ: SyncState.CURRENT,
        SyncEvent.FAILED: SyncState.STALE,
    },
}


def next_state(state: SyncState, event: SyncEvent) -> SyncState:
    """Return the state after an event.

    Raises:
        InvalidTransitionError: The table has no such transition.

    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise InvalidTransitionError(state, event) from None
