"""One client's connection: what is sent on it, and how it ends."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from typing import Any, Final, cast

from aiohttp.http_writer import HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD

from tenantproxy.problems import Problem
from tenantproxy.server.port import Port
from tenantproxy.server.request import Request
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
_REQUEST_TIMEOUT: Final = 408
_EAGER: Final[dict[str, Any]] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""Where Python can, a request's task begins at once: one that need not wait costs no turn of the event loop."""


class Connection(RequestReader):
    """One client's connection.

    It has a task only while a request is answered; a client that goes away cancels that. After the response that
    ends the connection, what still comes is read and discarded, so that the response arrives and is not lost by a
    reset.
    """

    __slots__ = ("_taken", "_task", "_writing_paused")

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._task: asyncio.Task[None] | None = None
        self._writing_paused = False
        """Whether something is unsent."""
        self._taken: asyncio.Future[None] | None = None
        """Done when nothing is any more."""

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to send or to receive something next: no response is being made."""
        return self.request is None or self._writing_paused or not self._body.is_eof()

    @property
    def lingering(self) -> bool:
        """Whether the last response was sent."""
        return self._discarded >= 0 and self.request is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await the first request."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)  # writing is paused: something is unsent
        self._set_timer(FIRST_REQUEST_TIMEOUT, self.force_close)
        self._port.connections.add(self)
        self._port.limits.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection, and all that it holds; who answers a request is cancelled."""
        self._stop_parsing()
        self._stop_waiting()
        self._port.limits.remove(self)
        self.transport = None
        self._body = EMPTY_PAYLOAD
        if self._task is None:
            self._forget()
        else:
            self._task.add_done_callback(self._forget)
            self._task.cancel()

    def _forget(self, _task: object = None) -> None:
        self.request = self._task = None
        self._port.connections.discard(self)

    def pause_writing(self) -> None:
        """Note that the kernel has not taken all that was written."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Note that it has."""
        self._writing_paused = False
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)

    def _begin(self, request: Request) -> None:
        self.request = request
        if self.transport is None:
            return
        entrance, queue = self._port.entrance, self._port.queue
        if entrance is None or queue is None or entrance.admits():
            self._start(self._answer(request))
        else:
            entrance.wait(self, queue.caller_of(request), request.size)

    def go_on(self, waited: float) -> None:
        """Answer the request that has waited for its turn."""
        if self.request is not None:
            self.request.waited = waited
            self._start(self._answer(self.request))

    def refuse(self, waited: float) -> None:
        """Answer it without doing what it asks for."""
        if self.request is not None:
            self.request.refused = True
            self.go_on(waited)

    def _stop_waiting(self) -> None:
        """Give up the request's place at the entrance, if it has one."""
        entrance, queue = self._port.entrance, self._port.queue
        if entrance is not None and queue is not None and self.request is not None and entrance.leave(self):
            queue.on_gone(self.request)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer the request at hand in a task."""
        task = asyncio.Task(work, loop=self._loop, **_EAGER)
        if not task.done():
            self._task = task

    async def _answer(self, request: Request) -> None:
        try:
            response = await self._port.handler(request)
        except Exception as error:  # noqa: BLE001 - a client always gets an answer
            _log.error("a response failed unexpectedly", exc_info=error)
            response = self._port.on_problem(Problem("internal-error", "The request failed unexpectedly."))
        await self._send(request, response)

    async def _send(self, request: Request, response: Response) -> None:
        """Send a response, wait until the kernel has it, and go on, or end the connection."""
        if self._port.draining or not self._may_go_on(request, response.status):
            response.keep_alive = False
        try:
            if (transport := self.transport) is not None:
                transport.write(response.encode(with_body=request.method != "HEAD"))
                if self._writing_paused:
                    await self._wait_until_taken(transport)
        except Exception as error:  # noqa: BLE001 - none is expected, and no connection is left without an end
            _log.error("a response could not be sent", exc_info=error)
            self.force_close()
        finally:
            response.release()
        self._task = None
        if not response.keep_alive:
            self.request = None
            self.close()
            return
        self._port.limits.mark_active(self, self._loop.time())
        if not self._body.is_eof():
            self._set_timer(IGNORED_TIMEOUT, self.close)
        self._next_request()

    def _may_go_on(self, request: Request, status: int) -> bool:
        """Return whether another request may follow an answered one."""
        headers = request.headers
        if request.version != HttpVersion11 or not request.keep_alive or self._has_trailing_data:
            return False
        if "Upgrade" in headers or request.method == "CONNECT":
            return False  # what comes behind it may not be HTTP
        if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
            return False  # who stands in front may have found its end elsewhere
        if self._discarded >= 0:
            return False
        return self._body.is_eof() or (
            status != _REQUEST_TIMEOUT
            and 0 < request.content_length <= MAX_IGNORED_BYTES
            and "Expect" not in headers  # whether the body will come can't be known
        )

    async def _wait_until_taken(self, transport: asyncio.Transport) -> None:
        """Wait until the kernel has taken all that was written, at `MIN_WRITE_RATE` or faster."""
        rate = MinimumWriteRate(transport, self._loop)
        self._taken = self._loop.create_future()
        try:
            await self._taken
        finally:
            self._taken = None
            rate.stop()

    def _refuse(self, problem: Problem) -> None:
        """Answer what was not HTTP, or was too large, in our own form: nothing of it is echoed or logged."""
        if self.transport is not None:
            response = self._port.on_problem(problem)
            response.keep_alive = False
            self.transport.write(response.encode())
            self.close()

    def close(self) -> None:
        """Send no more, and read and discard what still comes."""
        self._stop_parsing()
        self._body = EMPTY_PAYLOAD
        if self.transport is None or self.transport.is_closing():
            return
        try:
            self.transport.write_eof()
        except OSError:  # the client has reset the connection, which the loop has not told yet
            self.force_close()
            return
        self._port.limits.mark_finished(self)
        end = self._loop.time() + DISCARD_TIMEOUT
        self._set_timer(DISCARD_QUIET, self._check_discarding, self._discarded, end)

    def force_close(self) -> None:
        """Close at once; what is held is free from now on, not only when the loop reports the end."""
        self._stop_parsing()
        self._stop_waiting()
        transport, self.transport = self.transport, None
        if transport is None:
            return
        if self._writing_paused:
            transport.abort()  # orderly, it would stay open until the client has taken what is unsent
        else:
            transport.close()

    def cut_off(self) -> asyncio.Task[None] | None:
        """Close at once, also where a request is being answered; return what still has to end, if anything."""
        self.force_close()
        if self._task is not None:
            self._task.cancel()
        return self._task

    def _check_discarding(self, before: int, end: float) -> None:
        if self._discarded == before or self._loop.time() >= end:
            self.force_close()
        else:
            self._set_timer(DISCARD_QUIET, self._check_discarding, self._discarded, end)
