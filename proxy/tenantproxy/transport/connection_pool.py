"""The connections to one server: how many there are, and who gets the next one."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.admission import Bulkhead, share
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import HttpConnection
from tenantproxy.transport.keeping import Keeping

_SWEEPS: Final = 4
"""Looks at the idle connections in the time for which one is kept."""
NO_REUSE_SECONDS: Final = 60.0
"""For which no connection is used again after an unsolicited response."""
MOST_WAITING: Final = 16
"""Requests for which there is room beside those with a connection: each that comes back is used again at once."""

_Waiter = asyncio.Future[HttpConnection]
_Queue = tuple[str | None, Bulkhead | None]
"""Requests of one caller within one bulkhead wait together."""


class ConnectionPool:
    """At most `limit` connections, of which one caller has at most a share at a time; None stands for no caller.

    A request within a bulkhead needs a place of that, too. What is free goes to the caller that has the fewest,
    among equals to each in turn, and to that caller's oldest request. `connect` makes a connection with the
    context that `context` returns now. It runs in a task of its own and comes to its end also when its request was
    cancelled: else such requests would have the server accept connections without end.
    """

    def __init__(
        self,
        limit: int,
        connect: Callable[[ssl.SSLContext | None], Awaitable[HttpConnection]],
        context: Callable[[], ssl.SSLContext | None],
        keeping: Keeping,
    ) -> None:
        self._limit = limit
        self._share = share(limit)
        self._connect = connect
        self._context = context
        self._keeping = keeping
        self._connections: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._connecting: dict[_Waiter, asyncio.Task[None]] = {}
        self._in_use: dict[str | None, int] = {}
        self._waiting: dict[_Queue, dict[_Waiter, None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._no_reuse_until = 0.0
        """Until then (monotonic) no connection is used again."""

    def stop_reuse(self) -> bool:
        """Use no connection again for `NO_REUSE_SECONDS`; return whether that is new."""
        now = time.monotonic()
        is_new, self._no_reuse_until = now >= self._no_reuse_until, now + NO_REUSE_SECONDS
        self.drop_idle()
        return is_new

    def drop_idle(self) -> None:
        """Close the idle connections: what has come to one may have come to all, such as a forgetful NAT."""
        for connection in self._idle:
            self._drop(connection)
        self._idle.clear()

    @property
    def room(self) -> int:
        """How many more requests would have a connection soon: one that is free, else one on its way back.

        Who waits for lack of a share, and not of a connection, takes nobody's room.
        """
        free = self._limit - len(self._connections) - len(self._connecting) + len(self._idle)
        if free > 0:
            return free
        return MOST_WAITING - sum(
            len(waiters) for queue, waiters in self._waiting.items() if self._may_have_more(*queue)
        )

    def at_hand(self, caller: str | None, bulkhead: Bulkhead | None = None) -> HttpConnection | None:
        """Return a connection, as `acquire`, where nothing has to be waited for: nearly always."""
        if self._may_have_more(caller, bulkhead) and (connection := self._take_idle(self._context())) is not None:
            self._take(caller, bulkhead)
            return connection
        return None

    async def acquire(self, caller: str | None, bulkhead: Bulkhead | None = None) -> HttpConnection:
        """Return a connection for one exchange; it must be released.

        Raises:
            UpstreamError: There is none to be had.

        """
        while True:
            connection = await self._next(caller, bulkhead)
            if connection.reusable or not connection.idle_since:
                return connection
            self.release(connection, caller, bulkhead)  # closed on its way from the exchange before

    async def _next(self, caller: str | None, bulkhead: Bulkhead | None) -> HttpConnection:
        if (connection := self.at_hand(caller, bulkhead)) is not None:
            return connection
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        queue = (caller, bulkhead)
        self._waiting.setdefault(queue, {})[waiter] = None
        self._serve()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._leave_queue(queue, waiter)
            if not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result(), caller, bulkhead)
            raise

    def release(self, connection: HttpConnection, caller: str | None, bulkhead: Bulkhead | None = None) -> None:
        """Take a connection back after its exchange."""
        self._give_back(caller, bulkhead)
        now = time.monotonic()
        if connection.reusable and connection in self._connections and now >= self._no_reuse_until:
            connection.idle_since = now
            self._idle.append(connection)
            if self._sweep is None:
                self._sweep_later()
        else:
            self._drop(connection)
        if self._waiting:
            self._serve()

    async def close(self) -> None:
        """Close all connections; who waits for one gets none."""
        if self._sweep is not None:
            self._sweep.cancel()
        waiting = [waiter for waiters in self._waiting.values() for waiter in waiters]
        self._waiting.clear()
        for waiter in (*waiting, *self._connecting):
            if not waiter.done():
                waiter.set_exception(UpstreamError("disconnected"))
        for connection in list(self._connections):
            self._drop(connection)
        self._idle.clear()
        connecting = list(self._connecting.values())
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)

    # ---- who is next

    def _may_have_more(self, caller: str | None, bulkhead: Bulkhead | None) -> bool:
        return (caller is None or self._in_use.get(caller, 0) < self._share) and (
            bulkhead is None or bulkhead.connections < bulkhead.max_connections
        )

    def _serve(self) -> None:
        """Give what is free to those who wait."""
        while queues := [queue for queue in self._waiting if self._may_have_more(*queue)]:
            queue = min(queues, key=lambda queue: self._in_use.get(queue[0], 0))
            waiter = next(iter(self._waiting[queue]))
            if waiter.done():  # cancelled, and its request has not come to know it yet
                self._leave_queue(queue, waiter)
                continue
            connection = self._take_idle(self._context())
            if connection is None and len(self._connections) + len(self._connecting) >= self._limit:
                return
            self._leave_queue(queue, waiter)
            self._take(*queue)
            if connection is None:
                self._connecting[waiter] = asyncio.create_task(self._open(waiter, *queue), name="connect")
            else:
                waiter.set_result(connection)

    def _leave_queue(self, queue: _Queue, waiter: _Waiter) -> None:
        """Take a request out of its queue, whose next one comes after those of its equals."""
        waiters = self._waiting.pop(queue, {})
        waiters.pop(waiter, None)
        if waiters:
            self._waiting[queue] = waiters

    def _take(self, caller: str | None, bulkhead: Bulkhead | None) -> None:
        self._in_use[caller] = self._in_use.get(caller, 0) + 1
        if bulkhead is not None:
            bulkhead.connections += 1

    def _give_back(self, caller: str | None, bulkhead: Bulkhead | None) -> None:
        if bulkhead is not None:
            bulkhead.connections -= 1
        left = self._in_use[caller] - 1
        if left:
            self._in_use[caller] = left
        else:
            del self._in_use[caller]

    # ---- connections

    async def _open(self, waiter: _Waiter, caller: str | None, bulkhead: Bulkhead | None) -> None:
        try:
            connection = await self._connect(self._context())
        except Exception as error:  # noqa: BLE001 - it is for who waits
            self._give_back(caller, bulkhead)
            if not waiter.done():
                waiter.set_exception(error)
        else:
            self._connections.add(connection)
            if waiter.done():
                self.release(connection, caller, bulkhead)
            else:
                waiter.set_result(connection)
        finally:
            del self._connecting[waiter]
            self._serve()

    def _take_idle(self, context: ssl.SSLContext | None) -> HttpConnection | None:
        """Return the connection that was used last, if it can be used again; those that can't are closed."""
        now = time.monotonic() if self._idle else 0.0
        while self._idle:
            connection = self._idle.pop()
            if connection.context is context and connection.may_be_kept(now) and connection.is_quiet:
                return connection
            self._drop(connection)
        return None

    def _drop(self, connection: HttpConnection) -> None:
        connection.close()
        self._connections.discard(connection)

    def _sweep_later(self) -> None:
        seconds = self._keeping.seconds / _SWEEPS
        self._sweep = asyncio.get_running_loop().call_later(seconds, self._close_idle)

    def _close_idle(self) -> None:
        """Close what can't be used again or is more than is needed, and come again if any is left."""
        self._sweep = None
        now, context = time.monotonic(), self._context()
        idle, self._idle = self._idle, []
        for used_later, connection in zip(reversed(range(len(idle))), idle, strict=True):
            is_needed = used_later < self._keeping.spare or now - connection.idle_since < self._keeping.seconds
            if is_needed and connection.context is context and connection.may_be_kept(now):
                self._idle.append(connection)
            else:
                self._drop(connection)
        if self._idle:
            self._sweep_later()
