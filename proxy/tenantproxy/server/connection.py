"""One client's connection: what is sent on it, and how it ends. Overrides parts of aiohttp's protocol."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp.http import HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web import BaseRequest, Server, StreamResponse

from tenantproxy.problems import Problem
from tenantproxy.server.request_reader import RequestReader
from tenantproxy.server.response import Response
from tenantproxy.server.write_rate import MinimumWriteRate

_log = logging.getLogger(__name__)

FIRST_REQUEST_TIMEOUT: Final = 30.0
"""Seconds for the first request to begin; load balancers open connections in advance."""
MAX_IGNORED_BYTES: Final = 64 * 1024
"""Of a refused request's body with a length: the connection stays usable behind it."""
IGNORED_TIMEOUT: Final = 2.0
"""Seconds for such a body."""
DISCARD_QUIET: Final = 2.0
"""Seconds without a further byte after which a client that sends on behind its last response is not waited for."""
DISCARD_TIMEOUT: Final = 30.0
"""Seconds for which it is waited for in all."""


class Connection(RequestReader):
    """One client's connection.

    After the response that ends it, what still comes is read and discarded, so that the response arrives and is
    not lost by a reset.
    """

    __slots__ = ("_on_problem",)

    def __init__(
        self,
        manager: Server,
        *,
        on_problem: Callable[[Problem], Response],
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(manager, **options)
        self._on_problem = on_problem

    @property
    def lingering(self) -> bool:
        """Whether the last response was sent."""
        return self._discarded >= 0 and not self.busy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await the first request."""
        super().connection_made(transport)
        cast("asyncio.Transport", transport).set_write_buffer_limits(0)  # writing is paused: something is unsent
        self._set_timer(FIRST_REQUEST_TIMEOUT, self._on_head_timeout)
        self._limits.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection, and all that it holds."""
        self._stop_parsing()
        self._limits.remove(self)
        self._messages.clear()
        super().connection_lost(exc)
        self._payload = EMPTY_PAYLOAD

    async def finish_response(
        self,
        request: BaseRequest,
        resp: StreamResponse,
        start_time: float | None,  # noqa: ARG002 - aiohttp's signature
    ) -> tuple[StreamResponse, bool]:
        """Send a response, and wait until the kernel has it; where no request can follow, end the connection."""
        response, transport = cast("Response", resp), self.transport
        if not self._can_go_on(request, response.status):
            response.keep_alive = False
        try:
            if transport is None:
                return resp, True
            transport.write(response.encode(with_body=request.method != "HEAD"))
            if self._paused:
                await self._wait_until_taken(transport)
        except ConnectionError:
            return resp, True
        finally:
            response.release()
        if response.keep_alive:
            self._limits.mark_active(self)
        else:
            self.close()
        return resp, False

    def _can_go_on(self, request: BaseRequest, status: int) -> bool:
        headers = request.headers
        if request.version != HttpVersion11 or not request.keep_alive or self._has_trailing_data:
            return False
        if "Upgrade" in headers or request.method == "CONNECT":
            return False  # what comes behind it may not be HTTP
        if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
            return False  # who stands in front may have found its end elsewhere
        if self._discarded >= 0 and not self._messages:
            return False
        return request.content.is_eof() or (
            status != HTTPStatus.REQUEST_TIMEOUT
            and 0 < (request.content_length or 0) <= MAX_IGNORED_BYTES
            and "Expect" not in headers  # whether the body will come can't be known
        )

    async def _wait_until_taken(self, transport: asyncio.Transport) -> None:
        """Wait until the kernel has taken all that was written, at `MIN_WRITE_RATE` or faster."""
        rate = MinimumWriteRate(transport, self._loop)
        try:
            await self._drain_helper()
        finally:
            rate.stop()

    def close(self) -> None:
        """Send no more, and read and discard what still comes; aiohttp calls it where a body was left unread."""
        self._stop_parsing()
        self._messages.clear()
        self._payload = EMPTY_PAYLOAD
        self._force_close = True  # aiohttp's part has ended, and it leaves the transport alone
        if self.transport is None or self.transport.is_closing():
            return
        try:
            self.transport.write_eof()
        except OSError:  # the client has reset the connection, which the loop has not told yet
            self.force_close()
            return
        self._limits.mark_finished(self)
        end = self._loop.time() + DISCARD_TIMEOUT
        self._set_timer(DISCARD_QUIET, self._check_discarding, self._discarded, end)

    def force_close(self) -> None:
        """Close at once; what is held is free from now on, not only when the loop reports the end."""
        self._stop_parsing()
        transport = self.transport
        super().force_close()
        if self._paused and transport is not None:
            transport.abort()  # orderly, it would stay open until the client has taken what is unsent

    def _check_discarding(self, before: int, end: float) -> None:
        if self._discarded == before or self._loop.time() >= end:
            self.force_close()
        else:
            self._set_timer(DISCARD_QUIET, self._check_discarding, self._discarded, end)

    def handle_error(
        self,
        request: BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> StreamResponse:
        """Answer what was not HTTP, or was too large, in our own form: nothing of it is echoed or logged."""
        if not isinstance(exc, Problem):
            _log.error("a response failed unexpectedly", exc_info=exc)
            exc = Problem("internal-error", "The request failed unexpectedly.")
        response = self._on_problem(exc)
        response.keep_alive = False
        return cast("StreamResponse", response)
