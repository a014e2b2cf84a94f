"""Which tenants may get a changed Deployment that they did not ask for, and when. Pure.

A new image or setting of the operator changes every tenant's pods. It reaches a few tenants at a time, canaries
first, and stops where several of them don't come up with it. Everything is derived from what the Deployments say,
so that a restarted operator goes on where the last one stopped. A tenant's own change never comes here.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import Rollout

MOST_MISSED: Final = 3
"""Tenants that may miss their progress deadline before the rollout stops."""

State = Literal["updating", "missed", "done"]


def state_of(rollout: Rollout | None) -> State:
    """Return what a Deployment that was brought up to date has come to.

    Who serves with earlier proxies while new ones don't get ready has missed its deadline. Who served with none
    before, for reasons of its own, tells nothing about the change.
    """
    if rollout is None or rollout.complete:
        return "done"
    if rollout.stuck and rollout.observed:  # else that is about the pods before
        return "missed" if rollout.ready else "done"
    return "updating"


class Fleet:
    """Gives tenants their turn; `wake` is called with a tenant whose turn has come."""

    def __init__(self, most_updating: int, wake: Callable[[Key], None]) -> None:
        self._most = most_updating
        self._wake = wake
        self._unseen: set[Key] | None = None
        """Whom to see before anybody has a turn; None: not known yet."""
        self._seen: set[Key] = set()
        """Whom we saw before that is known."""
        self._pending_canaries: dict[Key, None] = {}
        self._pending: dict[Key, None] = {}
        self._updating: dict[Key, bool] = {}
        """With whether it is a canary."""
        self._missed: set[Key] = set()

    @property
    def pending(self) -> int:
        """How many tenants wait for their turn."""
        return len(self._pending) + len(self._pending_canaries)

    @property
    def updating(self) -> int:
        """How many tenants have their turn."""
        return len(self._updating)

    @property
    def missed(self) -> list[Key]:
        """The tenants that missed their deadline."""
        return sorted(self._missed)

    @property
    def stopped(self) -> bool:
        """Whether so many missed their deadline that no other tenant gets its turn."""
        return len(self._missed) >= MOST_MISSED and self.pending > 0

    def expect(self, keys: Iterable[Key]) -> None:
        """Give nobody a turn before all of these were seen: one of them may have it since before a restart.

        Later calls say which of them there still are.
        """
        if self._unseen is None:
            self._unseen = set(keys) - self._seen
            self._seen.clear()
        else:
            self._unseen &= set(keys)
        self._advance()

    def ask(self, key: Key, *, canary: bool) -> bool:
        """Tell whether a tenant may be updated now; if not, it is woken when its turn has come."""
        if key in self._updating:
            return True
        self._pending.pop(key, None)
        self._pending_canaries.pop(key, None)
        (self._pending_canaries if canary else self._pending)[key] = None
        return self._advance(asking=key)

    def note(self, key: Key, state: State) -> None:
        """Take note of what a tenant that is up to date has come to.

        That counts for who had its turn, and for who is seen for the first time: a restarted operator does not
        know who had one.
        """
        had_turn = key in self._updating or key in self._missed
        self._take(key, state if had_turn or self._is_new(key) else "done")

    def _take(self, key: Key, state: State, *, seen: bool = True) -> None:
        was_stopped = self.stopped
        self._pending.pop(key, None)
        self._pending_canaries.pop(key, None)
        self._missed.discard(key)
        canary = self._updating.pop(key, False)
        if state == "updating":
            self._updating[key] = canary
        elif state == "missed":
            self._missed.add(key)
        if seen:
            self._see(key)
        if self.stopped != was_stopped:
            for waiting in (*self._pending_canaries, *self._pending):
                self._wake(waiting)  # to say so in its status
        self._advance()

    def forget(self, key: Key) -> None:
        """Take note that there is no such tenant; at the start it may still be told of, so that it is not seen."""
        self._take(key, "done", seen=False)

    def held(self, key: Key) -> None:
        """Take note that a tenant was seen, and waits for its turn."""
        self._see(key)
        self._advance()

    def _is_new(self, key: Key) -> bool:
        return key not in self._seen if self._unseen is None else key in self._unseen

    def _see(self, key: Key) -> None:
        if self._unseen is None:
            self._seen.add(key)
        else:
            self._unseen.discard(key)

    def _advance(self, asking: Key | None = None) -> bool:
        """Give turns; tell whether `asking`, who needs no waking, has got one."""
        while self._unseen is not None and not self._unseen and not self.stopped:
            if len(self._updating) >= self._most:
                break
            canary = bool(self._pending_canaries)
            waiting = self._pending_canaries or self._pending
            if not waiting or (not canary and any(self._updating.values())):
                break
            key = next(iter(waiting))
            del waiting[key]
            self._updating[key] = canary
            if key != asking:
                self._wake(key)
        return asking in self._updating
