"""The rollout gate: which tenants may get a Deployment changed by the operator's own update, and when. Pure.

A new image or setting of the operator changes every tenant's pods. It reaches a few tenants at a time, canaries
first, and stops where several of them don't become ready with it. All state is derived from what the Deployments
say, so that a restarted operator continues where the last one stopped. A tenant's own change is not gated.

`TRANSITIONS` is the whole life of one tenant in a rollout:

    IDLE --REQUESTED--> WAITING --ADMITTED--> UPDATING --COMPLETED--> IDLE
                                                       --DEADLINE_MISSED--> MISSED --COMPLETED--> IDLE

Whom the gate admits, and when, is decided from all tenants together by `RolloutGate._admit`.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Final, Literal

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.workloads import Rollout

MOST_MISSED: Final = 3
"""Tenants that may miss their progress deadline before the rollout stops."""

Progress = Literal["updating", "missed", "done"]
"""What a Deployment that was brought up to date has come to."""
_FROM_THE_WORST: Final[tuple[Progress, ...]] = ("missed", "updating", "done")


def progress_of(rollouts: Iterable[Rollout | None]) -> Progress:
    """Return what a tenant's Deployments that were brought up to date have come to: the worst of each."""
    found = {_progress_of(rollout) for rollout in rollouts}
    return next((each for each in _FROM_THE_WORST if each in found), "done")


def _progress_of(rollout: Rollout | None) -> Progress:
    """Return what one has come to.

    One whose earlier proxies serve while new ones don't become ready has missed its deadline. One that had no
    ready proxy before, for reasons of its own, says nothing about the change.
    """
    if rollout is None or rollout.complete:
        return "done"
    if rollout.stuck and rollout.observed:  # else that is about the pods before
        return "missed" if rollout.ready else "done"
    return "updating"


class State(Enum):
    """Where a tenant is in a rollout."""

    IDLE = auto()
    """Has no change of the operator's own to get."""
    WAITING = auto()
    """Waits to be admitted; its pods are unchanged."""
    UPDATING = auto()
    """Was admitted, and its pods are not all ready yet."""
    MISSED = auto()
    """Was admitted, and missed its progress deadline."""
    MISSED_WAITING = auto()
    """Missed its deadline, and waits to be admitted once more."""
    MISSED_UPDATING = auto()
    """Missed its deadline, and was admitted once more."""


class Event(Enum):
    """What happens to a tenant."""

    REQUESTED = auto()
    """Its pods would change, and not because of its own spec."""
    ADMITTED = auto()
    """The gate lets it change its pods."""
    PROGRESSED = auto()
    """Its pods are being replaced."""
    DEADLINE_MISSED = auto()
    """Its new pods don't become ready."""
    COMPLETED = auto()
    """Its pods are as they should be, or it is gone."""
    FOUND_UPDATING = auto()
    """Seen for the first time since the operator started, its pods are being replaced."""
    FOUND_MISSED = auto()
    """Seen for the first time since the operator started, its new pods don't become ready."""


_NOT_ADMITTED: Final = {
    # Its own spec has changed, and has brought the operator's change along: nothing of the rollout's.
    Event.PROGRESSED: State.IDLE,
    Event.DEADLINE_MISSED: State.IDLE,
    Event.COMPLETED: State.IDLE,
    # It was admitted before the operator was restarted.
    Event.FOUND_UPDATING: State.UPDATING,
    Event.FOUND_MISSED: State.MISSED,
}
_ADMITTED: Final = {
    Event.PROGRESSED: State.UPDATING,
    Event.DEADLINE_MISSED: State.MISSED,
    Event.COMPLETED: State.IDLE,
}

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.IDLE: {Event.REQUESTED: State.WAITING} | _NOT_ADMITTED,
    State.WAITING: {Event.REQUESTED: State.WAITING, Event.ADMITTED: State.UPDATING} | _NOT_ADMITTED,
    State.UPDATING: {Event.REQUESTED: State.UPDATING} | _ADMITTED,
    State.MISSED: {Event.REQUESTED: State.MISSED_WAITING} | _ADMITTED,
    State.MISSED_WAITING: {
        Event.REQUESTED: State.MISSED_WAITING,
        Event.ADMITTED: State.MISSED_UPDATING,
    }
    | _ADMITTED,
    State.MISSED_UPDATING: {Event.REQUESTED: State.MISSED_UPDATING} | _ADMITTED,
}
"""The next state by state and event. Whatever is not here is refused: see `TransitionError`."""

_WAITING: Final = frozenset({State.WAITING, State.MISSED_WAITING})
_UPDATING: Final = frozenset({State.UPDATING, State.MISSED_UPDATING})
_MISSED: Final = frozenset({State.MISSED, State.MISSED_WAITING, State.MISSED_UPDATING})

_FIRST_REPORT: Final[Mapping[Progress, Event]] = {
    "updating": Event.FOUND_UPDATING,
    "missed": Event.FOUND_MISSED,
    "done": Event.COMPLETED,
}
_REPORT: Final[Mapping[Progress, Event]] = {
    "updating": Event.PROGRESSED,
    "missed": Event.DEADLINE_MISSED,
    "done": Event.COMPLETED,
}


class TransitionError(Exception):
    """An event that can't happen in a state: a bug of `RolloutGate`."""


def next_state(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises:
        TransitionError: The event can't happen in this state.

    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise TransitionError(f"{event.name} can't happen in {state.name}") from None


class RolloutGate:
    """Admits tenants to the operator's own change; `wake` is called with one that was admitted while it waited."""

    def __init__(self, max_updating: int, wake: Callable[[Key], None]) -> None:
        self._max_updating = max_updating
        self._wake = wake
        self._states: dict[Key, State] = {}
        """Of all that are not idle."""
        # The same by state, so that 10,000 tenants need no search.
        self._waiting: dict[Key, None] = {}
        self._waiting_canaries: dict[Key, None] = {}
        self._updating: dict[Key, bool] = {}
        """With whether it is a canary."""
        self._missed: set[Key] = set()
        self._expected: set[Key] | None = None
        """Who must have been seen before anybody is admitted; None: not known yet."""
        self._seen: set[Key] = set()
        """Who was seen before that is known."""

    @property
    def pending(self) -> int:
        """How many tenants wait to be admitted."""
        return len(self._waiting) + len(self._waiting_canaries)

    @property
    def updating(self) -> int:
        """How many tenants were admitted and have not completed."""
        return len(self._updating)

    @property
    def missed(self) -> list[Key]:
        """The tenants that missed their deadline."""
        return sorted(self._missed)

    @property
    def stopped(self) -> bool:
        """Whether so many missed their deadline that no other tenant is admitted."""
        return len(self._missed) >= MOST_MISSED and self.pending > 0

    def state_of(self, key: Key) -> State:
        """Return where a tenant is."""
        return self._states.get(key, State.IDLE)

    def expect(self, keys: Iterable[Key]) -> None:
        """Admit no tenant before all of these were seen: one of them may have been admitted before a restart.

        Later calls say which of them still exist.
        """
        if self._expected is None:
            self._expected = set(keys) - self._seen
            self._seen.clear()
        else:
            self._expected &= set(keys)
        self._admit()

    def expect_more(self, keys: Iterable[Key]) -> None:
        """Admit no tenant before these were seen, too: another operator may have admitted one of them."""
        self._expected = (self._expected or set()).union(keys)

    def request(self, key: Key, *, canary: bool) -> bool:
        """Tell whether a tenant may change its pods now; if not, it is woken once it is admitted."""
        self._move(key, Event.REQUESTED, canary=canary)
        self._admit(requester=key)
        return key in self._updating

    def report(self, key: Key, progress: Progress) -> None:
        """Take note of what an up-to-date tenant's Deployment has come to."""
        events = _FIRST_REPORT if self._is_first_sight(key) else _REPORT
        self._see(key)
        self._settle(key, events[progress])

    def report_waiting(self, key: Key) -> None:
        """Take note that a tenant was seen, and waits to be admitted."""
        self._see(key)
        self._admit()

    def forget(self, key: Key) -> None:
        """Take note that there is no such tenant; at the start its first event may be still to come."""
        self._settle(key, Event.COMPLETED)

    def _settle(self, key: Key, event: Event) -> None:
        """Move a tenant, and all others by what that means for them."""
        was_stopped = self.stopped
        self._move(key, event)
        if self.stopped != was_stopped:
            for waiting in (*self._waiting_canaries, *self._waiting):
                self._wake(waiting)  # to say so in its status
        self._admit()

    def _move(self, key: Key, event: Event, *, canary: bool = False) -> None:
        """Move a tenant along the table, and into the queue or set of its new state."""
        state = next_state(self.state_of(key), event)
        self._waiting.pop(key, None)
        self._waiting_canaries.pop(key, None)
        self._missed.discard(key)
        canary = self._updating.pop(key, canary)
        if state is State.IDLE:
            self._states.pop(key, None)
        else:
            self._states[key] = state
        if state in _WAITING:
            (self._waiting_canaries if canary else self._waiting)[key] = None
        if state in _UPDATING:
            self._updating[key] = canary
        if state in _MISSED:
            self._missed.add(key)

    def _is_first_sight(self, key: Key) -> bool:
        return key not in self._seen if self._expected is None else key in self._expected

    def _see(self, key: Key) -> None:
        if self._expected is None:
            self._seen.add(key)
        else:
            self._expected.discard(key)

    def _admit(self, requester: Key | None = None) -> None:
        """Admit as many as may be updated at once; `requester` needs no waking."""
        while self._expected is not None and not self._expected and not self.stopped:
            canary = bool(self._waiting_canaries)
            waiting = self._waiting_canaries or self._waiting
            if not waiting or len(self._updating) >= self._max_updating:
                break
            if not canary and any(self._updating.values()):
                break  # canaries first
            key = next(iter(waiting))
            self._move(key, Event.ADMITTED, canary=canary)
            if key != requester:
                self._wake(key)
