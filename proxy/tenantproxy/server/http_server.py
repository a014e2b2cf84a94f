"""aiohttp's HTTP server, set up for us; with `connection` and `request_reader`, all that overrides aiohttp."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import http_parser
from aiohttp.web import BaseRequest, RequestHandler, Server, StreamResponse

from tenantproxy.problems import Problem
from tenantproxy.server.connection import IGNORED_TIMEOUT, Connection
from tenantproxy.server.connection_limits import ConnectionLimits, ParseScheduler
from tenantproxy.server.parse_errors import MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from tenantproxy.server.response import Response

_log = logging.getLogger(__name__)

Handler = Callable[[BaseRequest], Awaitable[Response]]

KEEP_ALIVE: Final = 620.0
"""Seconds; longer than the idle timeouts of load balancers, so that the proxy never closes under a request."""
BODY_TIMEOUT: Final = 10.0
"""Seconds for a request's body."""
MAX_ADMIN_CONNECTIONS: Final = 64
"""Of an admin port."""
_READ_BUFFER: Final = 32 * 1024
"""Bytes of an unread body; reading pauses at twice as many."""
_SEND_BUFFER: Final = 256 * 1024
"""Bytes of a response that the kernel buffers for a client; Linux doubles the value."""
_BACKLOG: Final = 1024
_DRAIN_POLL: Final = 0.01


class ParserError(Exception):
    """aiohttp runs without its C extension."""


class HttpServer(Server):
    """The connections of one port, all answered by one handler; a client that goes away cancels its handler."""

    def __init__(
        self, handler: Handler, *, on_problem: Callable[[Problem], Response], max_connections: int
    ) -> None:
        """Prepare; when there are more than `max_connections`, one that is idle is closed.

        Raises:
            ParserError: aiohttp would parse with its pure-Python parser.

        """
        if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
            raise ParserError(
                "aiohttp runs without its C extension, and its pure-Python HTTP parser is not safe to use here;"
                " unset AIOHTTP_NO_EXTENSIONS, or install an aiohttp wheel that is built for this platform"
            )
        super().__init__(
            cast("Callable[[BaseRequest], Awaitable[StreamResponse]]", self._answer),
            handler_cancellation=True,
            limits=ConnectionLimits(max_connections),
            on_problem=on_problem,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=IGNORED_TIMEOUT,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            max_line_size=MAX_TARGET_BYTES,
            read_bufsize=_READ_BUFFER,
        )
        self._kwargs["scheduler"] = ParseScheduler(self._loop.call_soon)
        self._handler = handler
        self._listener: asyncio.Server | None = None
        self._draining = False

    async def _answer(self, request: BaseRequest) -> Response:
        response = await self._handler(request)
        if self._draining:
            response.keep_alive = False
        return response

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    async def listen(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket."""
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # they inherit it
        self._listener = await self._loop.create_server(self, sock=listening, backlog=_BACKLOG)

    async def drain(self, timeout: float, *, idle_grace: float = 0.0) -> None:  # noqa: ASYNC109 - a bound
        """Accept no more connections, let requests in flight end within `timeout` seconds, and close all.

        For `idle_grace` seconds idle ones stay open: a client that sends meanwhile learns of the end by its answer
        (`Connection: close`). Closed at once, they would be so under requests on their way, which are lost.
        """
        self._draining = True
        if self._listener is not None:
            self._listener.close()
        begin = self._loop.time()
        while self.connections and (passed := self._loop.time() - begin) < timeout:
            if passed >= idle_grace:
                self._close_idle()
            await asyncio.sleep(_DRAIN_POLL)
        if busy := self._close_idle():
            _log.warning("%d requests were cut off: they did not end within %.0f s", busy, timeout)
        await self.shutdown(timeout=0.1)

    def _close_idle(self) -> int:
        """Close the idle connections and return the number of the busy ones; others are closing already."""
        busy = 0
        for connection in self.connections:
            assert isinstance(connection, Connection)  # noqa: S101 - __call__ makes no others
            if connection.busy:
                busy += 1
            elif not connection.lingering:
                connection.force_close()
        return busy


async def read_body(request: BaseRequest, limit: int) -> bytes:
    """Return a request's body.

    Raises:
        Problem: `payload-too-large`: over `limit` bytes; `request-timeout`: it did not come in time;
            `malformed-request`: it is not framed as HTTP wants it.

    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    content = request.content
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while size <= limit and (chunk := await content.readany()):
                size += len(chunk)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem("request-timeout", "The body did not arrive in time.") from None
    except Exception as error:  # noqa: BLE001 - aiohttp's payload errors have several bases; all quote the input
        error.__traceback__ = None  # it holds the body, which holds the error
        raise _malformed() from None
    if content.exception() is not None:
        raise _malformed()
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _malformed() -> Problem:
    return Problem("malformed-request", "The body can't be parsed.")


def _too_large(limit: int) -> Problem:
    return Problem("payload-too-large", f"The body may have at most {limit} bytes.")
