"""Which of a port's connections goes where there are too many, or where they hold too much; pure bookkeeping."""

from collections.abc import Callable
from itertools import chain
from typing import Final, Protocol

MAX_UNFINISHED_BYTES: Final = 16 * 1024 * 1024
"""Of all requests of a port that are still arriving; beyond, the one that has been doing so longest is cut off."""


class Member(Protocol):
    """What is asked of a connection."""

    @property
    def waits_for_client(self) -> bool:
        """Whether the client is to send or to take something next: no answer is being made."""
        ...

    def force_close(self) -> None:
        """Close it at once."""
        ...


class Crowd:
    """The connections of a port. First those go that never sent a request, or have had their last answer."""

    def __init__(self, most: int, most_bytes: int = MAX_UNFINISHED_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._expendable: dict[Member, None] = {}
        """Those without a request, the oldest first."""
        self._used: dict[Member, None] = {}
        """The others, in the order in which a request came, or was answered, last."""
        self._unfinished: dict[Member, int] = {}
        """The bytes of requests that are still arriving, the oldest first."""
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._expendable) + len(self._used)

    def enter(self, member: Member) -> None:
        """Take a new connection; where there are too many, at the cost of one that waits, or else at its own.

        Whoever is slow to send a body, or to take an answer, waits as the idle do: since its request came.
        """
        if len(self) < self._most:
            self._expendable[member] = None
            return
        leaving = next((other for other in chain(self._expendable, self._used) if other.waits_for_client), None)
        if leaving is None:
            member.force_close()
            return
        self._expendable[member] = None
        self._remove(leaving)

    def used(self, member: Member) -> None:
        """Note that a request has come on a connection, or was answered there; one that has left stays away."""
        if member in self._used:
            del self._used[member]
        elif member in self._expendable:
            del self._expendable[member]
        else:
            return
        self._used[member] = None

    def expendable(self, member: Member) -> None:
        """Note that a connection has had its last answer."""
        if member in self._used:
            del self._used[member]
            self._expendable[member] = None

    def unfinished(self, member: Member, count: int) -> None:
        """Note how many bytes a connection holds of a request that is still arriving."""
        self._bytes += count - self._unfinished.get(member, 0)
        if count:
            self._unfinished[member] = count
        else:
            self._unfinished.pop(member, None)
        while self._bytes > self._most_bytes:
            self._remove(next(iter(self._unfinished)))

    def leave(self, member: Member) -> None:
        """Forget a connection that is closed."""
        self._expendable.pop(member, None)
        self._used.pop(member, None)
        self._bytes -= self._unfinished.pop(member, 0)

    def _remove(self, member: Member) -> None:
        self.leave(member)
        member.force_close()


class Turns:
    """When held input is parsed: of all connections of a port, one slice per turn of the event loop."""

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: dict[Callable[[], None], None] = {}
        self._called = False

    def ask(self, work: Callable[[], None]) -> None:
        """Have `work` done once, after what is waiting already."""
        self._waiting[work] = None
        if not self._called:
            self._called = True
            self._call_soon(self._next)

    def _next(self) -> None:
        work = next(iter(self._waiting))
        del self._waiting[work]
        self._called = bool(self._waiting)
        if self._called:
            self._call_soon(self._next)
        work()
