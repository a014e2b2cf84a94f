"""Bound a port's connections: their number, and what their incomplete requests hold. Pure bookkeeping."""

from collections.abc import Callable
from itertools import chain, islice
from typing import Final, Protocol

MAX_UNFINISHED_BYTES: Final = 16 * 1024 * 1024
"""Of all requests of a port that are still arriving; beyond, the one that has been doing so longest is cut off."""
_LOOKED_AT: Final = 256
"""Connections, the least recently used first, of which one may go before a request that waits for its turn."""


class LimitedConnection(Protocol):
    """What is asked of a connection."""

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to send or to receive something next: no response is being made."""
        ...

    def force_close(self) -> None:
        """Close it at once."""
        ...


class ConnectionLimits:
    """The connections of a port; those without a request, or with their last response sent, are closed first."""

    def __init__(
        self,
        most: int,
        most_bytes: int = MAX_UNFINISHED_BYTES,
        *,
        crowding: Callable[[], LimitedConnection | None] = lambda: None,
    ) -> None:
        """`crowding` names a connection whose request waits for its turn, and may be closed for others."""
        self._most = most
        self._crowding = crowding
        self._most_bytes = most_bytes
        self._unused: dict[LimitedConnection, None] = {}
        """Those without a request, the oldest first."""
        self._active: dict[LimitedConnection, float] = {}
        """The others, with the time at which a request came, or was answered, last; in that order."""
        self._pending: dict[LimitedConnection, int] = {}
        """The bytes of requests that are still arriving, the oldest first."""
        self._pending_bytes = 0

    def __len__(self) -> int:
        return len(self._unused) + len(self._active)

    def add(self, member: LimitedConnection) -> None:
        """Add a new connection; where there are too many, close one that waits for its client, else the new one.

        Whoever is slow to send a body, or to receive a response, counts as waiting since its request came. Where
        requests wait for their turn, too, one of those goes before the new connection.
        """
        if len(self) < self._most:
            self._unused[member] = None
            return
        crowding = self._crowding()
        others = chain(self._unused, self._active)
        looked_at = others if crowding is None else islice(others, _LOOKED_AT)
        leaving = next((other for other in looked_at if other.waits_for_client), crowding)
        if leaving is None:
            member.force_close()
            return
        self._unused[member] = None
        self._evict(leaving)

    def mark_active(self, member: LimitedConnection, now: float) -> None:
        """Note that a request has come on a connection, or was answered; one that was removed stays removed."""
        if member in self._active:
            del self._active[member]
        elif member in self._unused:
            del self._unused[member]
        else:
            return
        self._active[member] = now

    def close_unused(self, since: float) -> None:
        """Close the connections that wait for their clients, and have had no request since then."""
        unused = []
        for member, last in self._active.items():
            if last > since:
                break
            if member.waits_for_client:
                unused.append(member)
        for member in unused:
            self._evict(member)

    def mark_finished(self, member: LimitedConnection) -> None:
        """Note that a connection has had its last response."""
        if member in self._active:
            del self._active[member]
            self._unused[member] = None

    def set_pending_bytes(self, member: LimitedConnection, count: int) -> None:
        """Set how many bytes a connection holds of a request that is still arriving."""
        self._pending_bytes += count - self._pending.get(member, 0)
        if count:
            self._pending[member] = count
        else:
            self._pending.pop(member, None)
        while self._pending_bytes > self._most_bytes:
            self._evict(next(iter(self._pending)))

    def remove(self, member: LimitedConnection) -> None:
        """Forget a connection that is closed."""
        self._unused.pop(member, None)
        self._active.pop(member, None)
        self._pending_bytes -= self._pending.pop(member, 0)

    def _evict(self, member: LimitedConnection) -> None:
        self.remove(member)
        member.force_close()


class ParseScheduler:
    """Parses one slice of input per turn of the event loop, over all connections of a port."""

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: dict[Callable[[], None], None] = {}
        self._called = False

    def schedule(self, work: Callable[[], None]) -> None:
        """Run `work` once, after what is already waiting."""
        self._waiting[work] = None
        if not self._called:
            self._called = True
            self._call_soon(self._run_next)

    def _run_next(self) -> None:
        work = next(iter(self._waiting))
        del self._waiting[work]
        self._called = bool(self._waiting)
        if self._called:
            self._call_soon(self._run_next)
        work()
