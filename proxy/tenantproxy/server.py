"""aiohttp's HTTP server, wired for us: our errors, our limits, our drain. All that overrides aiohttp is here."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from aiohttp.web import BaseRequest, RequestHandler, Server, StreamResponse

from tenantproxy.problems import Problem
from tenantproxy.replies import Reply

_log = logging.getLogger(__name__)

Handler = Callable[[BaseRequest], Awaitable[Reply]]

MAX_TARGET_BYTES: Final = 8190
MAX_HEADER_BYTES: Final = 8189
"""Of one header; other than `MAX_TARGET_BYTES`, so that aiohttp's error tells which of the two was exceeded."""
MAX_HEADERS: Final = 64
MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a target and headers together: aiohttp counts headers only when all of them have come."""
KEEP_ALIVE: Final = 620.0
"""Seconds; longer than the load balancers in front, so that it is never we who close under a request."""
HEAD_TIMEOUT: Final = 10.0
"""Seconds from a request's first byte to the end of its headers."""
BODY_TIMEOUT: Final = 10.0
"""Seconds for a request's body."""
MAX_CONNECTIONS: Final = 4096
"""Per port; when there are more, the oldest that has no request in progress is closed."""
_LINGER: Final = 2.0
"""Seconds for which the rest of a refused body is read, so that the client gets to see the answer."""
_BACKLOG: Final = 1024
_DRAIN_POLL: Final = 0.01


class Connection(RequestHandler):
    """One client's connection."""

    __slots__ = ("_head_bytes", "_head_timer", "_on_problem")

    def __init__(self, manager: Server, *, on_problem: Callable[[Problem], Reply], **options: Any) -> None:  # noqa: ANN401
        super().__init__(manager, **options)
        self._on_problem = on_problem
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress or bool(self._messages)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that has begun must end within `HEAD_TIMEOUT` and `MAX_HEAD_BYTES`."""
        count = self._request_count
        super().data_received(data)
        if self._request_count != count or self._is_reading_body():
            self._head_bytes = 0
        else:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()
        timer = self._head_timer
        if self._is_waiting():
            if timer is None:
                self._head_timer = self._loop.call_later(HEAD_TIMEOUT, self._head_timed_out)
        elif timer is not None:
            timer.cancel()
            self._head_timer = None

    def _is_waiting(self) -> bool:
        """Return whether no request is being answered."""
        return self._waiter is not None and not self._waiter.done()

    def _is_reading_body(self) -> bool:
        request = self._current_request
        return request is not None and not request.content.is_eof()

    def _refuse_head(self) -> None:
        if self._is_waiting() and self.transport is not None:
            problem = Problem("headers-too-large", f"Target and headers may have {MAX_HEAD_BYTES} bytes.")
            self.transport.write(self._on_problem(problem).encode())
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes the request
    ) -> StreamResponse:
        """Answer what was not HTTP, or was too large, in our own form: nothing of it is echoed or logged."""
        if status >= 500:  # noqa: PLR2004 - HTTP
            _log.error("an answer failed in an unforeseen way", exc_info=exc)
        reply = self._on_problem(_parse_problem(status, exc))
        reply.keep_alive = False
        return cast("StreamResponse", reply)

    def _head_timed_out(self) -> None:
        self._head_timer = None
        if self._is_waiting():
            self.force_close()


def _parse_problem(status: int, error: BaseException | None) -> Problem:
    if status >= 500:  # noqa: PLR2004 - HTTP
        return Problem("internal-error", "The request failed in an unforeseen way.")
    if isinstance(error, BadHttpMethod):
        return Problem("method-not-allowed", "There is no such method.", headers={"Allow": ""})
    if isinstance(error, LineTooLong):
        if error.args[1] == MAX_TARGET_BYTES:
            return Problem("target-too-long", f"The target may have {MAX_TARGET_BYTES} bytes.")
        return Problem("headers-too-large", f"A header may have {MAX_HEADER_BYTES} bytes.")
    if error is not None and "Too many headers" in str(getattr(error, "message", "")):
        return Problem("headers-too-large", f"There may be {MAX_HEADERS} headers.")
    return Problem("malformed-request", "The request can't be parsed.")


class HttpServer(Server):
    """The connections of one port, all answered by one handler; a client that goes away cancels its handler."""

    def __init__(self, handler: Handler, *, on_problem: Callable[[Problem], Reply]) -> None:
        super().__init__(
            cast("Callable[[BaseRequest], Awaitable[StreamResponse]]", self._answer),
            handler_cancellation=True,
            on_problem=on_problem,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=_LINGER,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            max_line_size=MAX_TARGET_BYTES,
        )
        self._handler = handler
        self._listener: asyncio.Server | None = None
        self._draining = False

    async def _answer(self, request: BaseRequest) -> Reply:
        reply = await self._handler(request)
        if self._draining:
            reply.keep_alive = False
        return reply

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection, at the cost of an idle one where there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            idle = (other for other in self._connections if not cast("Connection", other).busy)
            next(idle, handler).force_close()
        super().connection_made(handler, transport)

    async def listen(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket."""
        self._listener = await self._loop.create_server(self, sock=listening, backlog=_BACKLOG)

    async def drain(self, timeout: float, *, idle_grace: float = 0.0) -> None:  # noqa: ASYNC109 - a bound
        """Accept no more, let what is in flight end within `timeout` seconds, and close all connections.

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
        """Close the idle connections and return the number of the others."""
        busy = 0
        for connection in self.connections:
            assert isinstance(connection, Connection)  # noqa: S101 - __call__ makes no others
            if connection.busy:
                busy += 1
            else:
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
    except Exception:  # noqa: BLE001 - aiohttp's payload errors have several bases; all quote the input
        raise Problem("malformed-request", "The body can't be parsed.") from None
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> Problem:
    return Problem("payload-too-large", f"The body may have {limit} bytes.")
