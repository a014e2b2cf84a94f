"""The connections of one port: accepted, counted, drained."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from tenantproxy.problems import Problem
from tenantproxy.server.connection import Connection
from tenantproxy.server.connection_limits import MAX_UNFINISHED_BYTES
from tenantproxy.server.port import Handler, OpenConnection, Port, Queue
from tenantproxy.server.response import Response

_log = logging.getLogger(__name__)

KEEP_ALIVE: Final = 620.0
"""Seconds; longer than the idle timeouts of load balancers, so that the proxy never closes under a request."""
MAX_ADMIN_CONNECTIONS: Final = 64
"""Of an admin port."""
_SWEEP: Final = 30.0
"""Seconds between two looks for connections that are idle for longer."""
_SEND_BUFFER: Final = 256 * 1024
"""Bytes of a response that the kernel buffers for a client; Linux doubles the value."""
_BACKLOG: Final = 1024
_ACCEPTED_PER_TURN: Final = 16
"""Connections in a turn of the event loop, by as many descriptors of one socket: libuv accepts one for each."""
_DRAIN_POLL: Final = 0.01
_CUT_OFF_TIMEOUT: Final = 0.1
"""Seconds for what is cut off to come to its end."""


class ParserError(Exception):
    """aiohttp runs without its C extension."""


class HttpServer:
    """The connections of one port, all answered by one handler; a client that goes away cancels its handler."""

    def __init__(
        self,
        handler: Handler,
        *,
        on_problem: Callable[[Problem], Response],
        max_connections: int,
        max_unfinished_bytes: int = MAX_UNFINISHED_BYTES,
        queue: Queue | None = None,
    ) -> None:
        """Prepare; when there are more than `max_connections`, one that is idle is closed.

        Of requests that are still arriving there may be so many bytes. With a `queue`, requests wait for their
        turn where the CPU is short.

        Raises:
            ParserError: aiohttp would parse with its pure-Python parser.

        """
        if HttpRequestParser is HttpRequestParserPy:
            raise ParserError(
                "aiohttp runs without its C extension, and its pure-Python HTTP parser is not safe to use here;"
                " unset AIOHTTP_NO_EXTENSIONS, or install an aiohttp wheel that is built for this platform"
            )
        self._port = Port(handler, on_problem, max_connections, max_unfinished_bytes, queue)
        self._loop = self._port.loop
        self._listeners: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> set[OpenConnection]:
        """Those that are open, or whose last request has not come to its end."""
        return self._port.connections

    async def listen(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket."""
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # they inherit it
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # and this
        for each in (listening, *(listening.dup() for _ in range(1, _ACCEPTED_PER_TURN))):
            self._listeners.append(
                await self._loop.create_server(lambda: Connection(self._port), sock=each, backlog=_BACKLOG)
            )
        self._close_unused()

    def _close_unused(self) -> None:
        """Close what has been idle for too long, and come again."""
        self._port.limits.close_unused(self._loop.time() - KEEP_ALIVE)
        self._sweep = self._loop.call_later(_SWEEP, self._close_unused)

    async def drain(self, timeout: float, *, idle_grace: float = 0.0) -> None:  # noqa: ASYNC109 - a bound
        """Accept no more connections, let requests in flight end within `timeout` seconds, and close all.

        For `idle_grace` seconds idle ones stay open: a client that sends meanwhile learns of the end by its answer
        (`Connection: close`). Closed at once, they would be so under requests on their way, which are lost.
        """
        self._port.draining = True
        for listener in self._listeners:
            listener.close()
        begin = self._loop.time()
        while self.connections and (passed := self._loop.time() - begin) < timeout:
            if passed >= idle_grace:
                self._close_idle()
            await asyncio.sleep(_DRAIN_POLL)
        if busy := self._close_idle():
            _log.warning("%d requests were cut off: they did not end within %.0f s", busy, timeout)
        if ending := [task for each in list(self.connections) if (task := each.cut_off()) is not None]:
            await asyncio.wait(ending, timeout=_CUT_OFF_TIMEOUT)
        if self._sweep is not None:
            self._sweep.cancel()

    def _close_idle(self) -> int:
        """Close the idle connections and return the number of the busy ones; others are closing already."""
        busy = 0
        for connection in list(self.connections):
            if connection.busy:
                busy += 1
            elif not connection.lingering:
                connection.force_close()
        return busy
