"""The connections to one server: how many there are, and who gets the next one."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.admission import share
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import HttpConnection

IDLE_SECONDS: Final = 15.0
"""For which an idle connection is kept."""
ONCE_SECONDS: Final = 60.0
"""For which no connection is used again after an answer that nobody asked for."""

_Place = asyncio.Future[HttpConnection]


class ConnectionPool:
    """At most `limit` connections, of which one caller has at most a share at a time; None stands for no caller.

    What is free goes to the caller that has the fewest, among equals to each in turn, and to that caller's oldest
    request. `connect` makes a connection with the context that `context` returns now. It runs in a task of its own
    and comes to its end also when its request was cancelled: else such requests would have the server accept
    connections without end.
    """

    def __init__(
        self,
        limit: int,
        connect: Callable[[ssl.SSLContext | None], Awaitable[HttpConnection]],
        context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        self._limit = limit
        self._share = share(limit)
        self._connect = connect
        self._context = context
        self._connections: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._connecting: dict[_Place, asyncio.Task[None]] = {}
        self._in_use: dict[str | None, int] = {}
        self._waiting: dict[str | None, dict[_Place, None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._once_until = 0.0
        """Until then (monotonic) a connection is used once."""

    def use_once(self) -> bool:
        """Use no connection again for `ONCE_SECONDS`; return whether that is new."""
        now = time.monotonic()
        is_new, self._once_until = now >= self._once_until, now + ONCE_SECONDS
        for connection in self._idle:
            self._drop(connection)
        self._idle.clear()
        return is_new

    async def acquire(self, caller: str | None) -> HttpConnection:
        """Return a connection for one exchange; it must be released.

        Raises:
            UpstreamError: There is none to be had.

        """
        while True:
            connection = await self._next(caller)
            if connection.reusable or not connection.idle_since:
                return connection
            self.release(connection, caller)  # closed on its way from the exchange before

    async def _next(self, caller: str | None) -> HttpConnection:
        context = self._context()
        if self._may_have_more(caller) and (connection := self._take_idle(context)) is not None:
            self._in_use[caller] = self._in_use.get(caller, 0) + 1
            return connection
        place: _Place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, {})[place] = None
        self._serve()
        try:
            return await place
        except asyncio.CancelledError:
            self._leave_queue(caller, place)
            if not place.cancelled() and place.exception() is None:
                self.release(place.result(), caller)
            raise

    def release(self, connection: HttpConnection, caller: str | None) -> None:
        """Take a connection back after its exchange."""
        self._give_back(caller)
        now = time.monotonic()
        if connection.reusable and connection in self._connections and now >= self._once_until:
            connection.idle_since = now
            self._idle.append(connection)
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)
        else:
            self._drop(connection)
        if self._waiting:
            self._serve()

    async def close(self) -> None:
        """Close all connections; who waits for one gets none."""
        if self._sweep is not None:
            self._sweep.cancel()
        waiting = [place for places in self._waiting.values() for place in places]
        self._waiting.clear()
        for place in (*waiting, *self._connecting):
            if not place.done():
                place.set_exception(UpstreamError("disconnected"))
        for connection in list(self._connections):
            self._drop(connection)
        self._idle.clear()
        connecting = list(self._connecting.values())
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)

    # ---- who is next

    def _may_have_more(self, caller: str | None) -> bool:
        return caller is None or self._in_use.get(caller, 0) < self._share

    def _serve(self) -> None:
        """Give what is free to those who wait."""
        while callers := [caller for caller in self._waiting if self._may_have_more(caller)]:
            caller = min(callers, key=lambda caller: self._in_use.get(caller, 0))
            place = next(iter(self._waiting[caller]))
            if place.done():  # cancelled, and its request has not come to know it yet
                self._leave_queue(caller, place)
                continue
            connection = self._take_idle(self._context())
            if connection is None and len(self._connections) + len(self._connecting) >= self._limit:
                return
            self._leave_queue(caller, place)
            self._in_use[caller] = self._in_use.get(caller, 0) + 1
            if connection is None:
                self._connecting[place] = asyncio.create_task(self._open(place, caller), name="connect")
            else:
                place.set_result(connection)

    def _leave_queue(self, caller: str | None, place: _Place) -> None:
        """Take a request out of the queue; its caller's next one comes after those of its equals."""
        places = self._waiting.pop(caller, {})
        places.pop(place, None)
        if places:
            self._waiting[caller] = places

    def _give_back(self, caller: str | None) -> None:
        left = self._in_use[caller] - 1
        if left:
            self._in_use[caller] = left
        else:
            del self._in_use[caller]

    # ---- connections

    async def _open(self, place: _Place, caller: str | None) -> None:
        try:
            connection = await self._connect(self._context())
        except Exception as error:  # noqa: BLE001 - it is for who waits
            self._give_back(caller)
            if not place.done():
                place.set_exception(error)
        else:
            self._connections.add(connection)
            if place.done():
                self.release(connection, caller)
            else:
                place.set_result(connection)
        finally:
            del self._connecting[place]
            self._serve()

    def _take_idle(self, context: ssl.SSLContext | None) -> HttpConnection | None:
        """Return the connection that was used last, if it can be used again; those that can't are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.context is context and connection.is_quiet:
                return connection
            self._drop(connection)
        return None

    def _drop(self, connection: HttpConnection) -> None:
        connection.close()
        self._connections.discard(connection)

    def _close_idle(self) -> None:
        """Close what has been idle for too long, or was closed by the server, and come again if any is left."""
        self._sweep = None
        oldest = time.monotonic() - IDLE_SECONDS
        idle, self._idle = self._idle, []
        for connection in idle:
            if connection.reusable and connection.idle_since > oldest:
                self._idle.append(connection)
            else:
                self._drop(connection)
        if self._idle:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)
