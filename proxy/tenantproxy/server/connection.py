"""One client's connection: aiohttp's protocol, under our limits; with `server`, all that overrides aiohttp."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp.http import HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web import BaseRequest, RequestHandler, RequestPayloadError, Server, StreamResponse
from aiohttp.web_protocol import _ErrInfo

from tenantproxy.problems import Problem
from tenantproxy.server.connection_limits import Crowd, Turns
from tenantproxy.server.parse_errors import problem_of
from tenantproxy.server.response import Response
from tenantproxy.server.write_rate import Pace

_log = logging.getLogger(__name__)

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a target and headers together: aiohttp counts headers only when all of them have come."""
MAX_FRAMING_BYTES: Final = 16 * 1024
"""What a chunked body may have beside its content (sizes, extensions, trailers)."""
SLICE_BYTES: Final = 8 * 1024
"""What is parsed in one turn of the event loop: 0.8 ms at most, for chunks of one byte."""
FIRST_REQUEST_TIMEOUT: Final = 30.0
"""Seconds for the first request to begin; load balancers open connections in advance."""
HEAD_TIMEOUT: Final = 10.0
"""Seconds from a request's first byte to the end of its headers."""
MAX_IGNORED_BYTES: Final = 64 * 1024
"""Of a refused request's body with a length: a connection goes on behind it."""
IGNORED_TIMEOUT: Final = 2.0
"""Seconds for such a body."""
MAX_DISCARDED_BYTES: Final = 8 * 1024 * 1024
"""What is read from a client, without parsing it, that sends on while its last answer is under way."""
DISCARD_QUIET: Final = 2.0
"""Seconds without a further byte after which such a client is not waited for."""
DISCARD_TIMEOUT: Final = 30.0
"""Seconds for which it is waited for in all."""
_NOTHING: Final = memoryview(b"")
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
"""How a chunked body ends that has neither trailers nor anything behind it."""


class Connection(RequestHandler):
    """One client's connection.

    It is parsed until the first error, or the answer that ends it; what comes then is read and discarded, so that
    the answer arrives and is not lost by a reset. Behind a request that is queued nothing is parsed.
    """

    __slots__ = (
        "_crowd",
        "_discarded",
        "_held",
        "_noted",
        "_on_problem",
        "_part_bytes",
        "_payload",
        "_tail",
        "_timer",
        "_trailed",
        "_turns",
    )

    def __init__(
        self,
        manager: Server,
        *,
        crowd: Crowd,
        turns: Turns,
        on_problem: Callable[[Problem], Response],
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(manager, **options)
        self._crowd = crowd
        self._turns = turns
        self._on_problem = on_problem
        self._held = _NOTHING
        """Input that is to be parsed; while there is some, reading is paused."""
        self._payload: StreamReader = EMPTY_PAYLOAD
        """The body of the request that was parsed last; until it is complete a body is being read, else a head."""
        self._tail: bytes | None = None
        """The last bytes of that body, where it is chunked."""
        self._trailed = False
        """Whether something came behind a chunked body: aiohttp takes a trailer for the next request's header."""
        self._part_bytes = 0
        """How much of that body or head came after the slice in which it began."""
        self._noted = 0
        """Of these, what the crowd knows."""
        self._discarded = -1
        """How much came since parsing ended; -1: it goes on."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress or bool(self._messages)

    @property
    def waits_for_client(self) -> bool:
        """Whether the client is to send the rest of a request, or another one, or to take what was answered."""
        return not self.busy or self._paused or not self._payload.is_eof()

    @property
    def lingering(self) -> bool:
        """Whether the last answer was sent."""
        return self._discarded >= 0 and not self.busy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await the first request."""
        super().connection_made(transport)
        cast("asyncio.Transport", transport).set_write_buffer_limits(0)  # writing is paused: something is unsent
        self._set_timer(FIRST_REQUEST_TIMEOUT, self._head_timed_out)
        self._crowd.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection, and all that it holds."""
        self._stop_parsing()
        self._crowd.leave(self)
        self._messages.clear()
        super().connection_lost(exc)
        self._payload = EMPTY_PAYLOAD

    def data_received(self, data: bytes) -> None:
        """Parse a small piece now; of a larger one, or one that comes too early, a slice in each turn."""
        if self._discarded >= 0:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.force_close()
        elif data and (len(data) > SLICE_BYTES or self._held or self._messages):
            self._held = memoryview(b"".join((self._held, data)) if self._held else data)
            self._note_unfinished()
            self._pause_reading_for_buffer()
            self._ask_for_turn()
        else:
            self._parse(data)  # without data: what aiohttp's parser has kept itself
            self._ask_for_turn()

    def _ask_for_turn(self) -> None:
        if self._held and not self._messages and not self._reading_paused:
            self._turns.ask(self._parse_held)

    def _parse_held(self) -> None:
        if self._held and not self._messages and not self._reading_paused and not self._force_close:
            piece = bytes(self._held[:SLICE_BYTES])
            self._held = self._held[SLICE_BYTES:]
            self._parse(piece)
            self._resume_reading_if_drained()

    def _resume_reading_if_drained(self) -> None:
        """Go on after a pause, once no request is queued and nothing is held. aiohttp calls it, too."""
        if self._discarded < 0 and not self._messages:
            self._parse(b"")  # what aiohttp's parser has kept itself
        if self._held:
            self._ask_for_turn()
        elif self._buffer_paused and not self._messages:
            self._resume_reading_for_buffer()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Go on reading a body, if it was paused: aiohttp asks for each chunk that is taken from it."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _parse(self, data: bytes) -> None:
        count, in_body = self._request_count, not self._payload.is_eof()
        super().data_received(data)
        came = self._request_count - count
        if self._tail is not None:
            self._look_behind_chunks(data, came)
        if came:
            self._message_came(data, came, is_first=count == 0)
        elif in_body == self._payload.is_eof():
            self._part_bytes = 0  # the body is complete
        else:
            begins = not self._part_bytes
            self._part_bytes += len(data)
            if in_body:
                if self._part_bytes - self._payload.total_bytes > MAX_FRAMING_BYTES:
                    self._fail(Problem("malformed-request", "The body's framing is out of proportion."))
            elif self._part_bytes > MAX_HEAD_BYTES:
                self._fail(Problem("headers-too-large", f"Target and headers may have {MAX_HEAD_BYTES} bytes."))
            elif begins and data:
                self._set_timer(HEAD_TIMEOUT, self._head_timed_out)
        if self._upgraded:
            self._stop_parsing()  # what follows may not be HTTP
        self._note_unfinished()

    def _look_behind_chunks(self, data: bytes, others: int) -> None:
        """Take note of whether a chunked body's end, if it has come, is the end of what came."""
        self._tail = (cast("bytes", self._tail) + data)[-len(_LAST_CHUNK) :]
        if self._payload.is_eof():
            self._trailed = self._trailed or others > 0 or self._tail != _LAST_CHUNK
            self._tail = None

    def _message_came(self, data: bytes, count: int, *, is_first: bool) -> None:
        if is_first:
            self._crowd.used(self)
        self._cancel_timer()
        self._part_bytes = 0
        message, payload = self._messages[-1]
        if isinstance(message, _ErrInfo):
            self._messages.pop()
            problem = problem_of(message.exc)
            message.exc.__traceback__ = None  # it holds the input, and itself
            self._fail(problem)
        else:
            self._payload = payload
            if message.chunked:
                self._tail = b""
                self._look_behind_chunks(data, count - 1)
        if count > 1 and any(getattr(other, "chunked", False) for other, _ in self._messages):
            self._trailed = True

    def _fail(self, problem: Problem) -> None:
        """Parse no more; `problem` is the answer, after those to the requests that came before."""
        self._stop_parsing()
        if self._payload.is_eof():
            self._messages.append((_ErrInfo(problem.status, problem, ""), EMPTY_PAYLOAD))
            if self._is_waiting():
                cast("asyncio.Future[None]", self._waiter).set_result(None)
        else:
            self._payload.set_exception(RequestPayloadError())
            self._payload.feed_eof()  # wakes who reads it: an exception alone may go unseen

    def _stop_parsing(self) -> None:
        self._cancel_timer()
        self._held = _NOTHING
        self._part_bytes = 0
        self._note_unfinished()
        if self._discarded < 0:
            self._discarded = 0
            self._parser = None
            self._message_tail = b""
            self._reading_paused = False
            self._resume_reading_for_buffer()

    def _note_unfinished(self) -> None:
        count = self._part_bytes + len(self._held)
        if count != self._noted:
            self._noted = count
            self._crowd.unfinished(self, count)

    def _is_waiting(self) -> bool:
        """Return whether no request is being answered."""
        return self._waiter is not None and not self._waiter.done()

    def _set_timer(self, seconds: float, callback: Callable[..., None], *arguments: object) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, callback, *arguments)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_timed_out(self) -> None:
        if self._is_waiting():
            self.force_close()
        else:
            self._set_timer(HEAD_TIMEOUT, self._head_timed_out)

    async def finish_response(
        self,
        request: BaseRequest,
        resp: StreamResponse,
        start_time: float | None,  # noqa: ARG002 - aiohttp's signature
    ) -> tuple[StreamResponse, bool]:
        """Send an answer until the kernel has taken all of it; where no request can follow, end the connection."""
        response, transport = cast("Response", resp), self.transport
        if not self._can_go_on(request, response.status):
            response.keep_alive = False
        try:
            if transport is None:
                return resp, True
            transport.write(response.encode(with_body=request.method != "HEAD"))
            if self._paused:
                await self._taken(transport)
        except ConnectionError:
            return resp, True
        finally:
            response.release()
        if response.keep_alive:
            self._crowd.used(self)
        else:
            self.close()
        return resp, False

    def _can_go_on(self, request: BaseRequest, status: int) -> bool:
        headers = request.headers
        if request.version != HttpVersion11 or not request.keep_alive or self._trailed:
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

    async def _taken(self, transport: asyncio.Transport) -> None:
        """Wait until the kernel has taken all that was written, at `MIN_PACE` or faster."""
        pace = Pace(transport, self._loop)
        try:
            await self._drain_helper()
        finally:
            pace.stop()

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
        self._crowd.expendable(self)
        end = self._loop.time() + DISCARD_TIMEOUT
        self._set_timer(DISCARD_QUIET, self._look_whether_more_came, self._discarded, end)

    def force_close(self) -> None:
        """Close at once; what is held is free from now on, not only when the loop tells of the end."""
        self._stop_parsing()
        transport = self.transport
        super().force_close()
        if self._paused and transport is not None:
            transport.abort()  # orderly, it would stay open until the client has taken what is unsent

    def _look_whether_more_came(self, before: int, end: float) -> None:
        if self._discarded == before or self._loop.time() >= end:
            self.force_close()
        else:
            self._set_timer(DISCARD_QUIET, self._look_whether_more_came, self._discarded, end)

    def handle_error(
        self,
        request: BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> StreamResponse:
        """Answer what was not HTTP, or was too large, in our own form: nothing of it is echoed or logged."""
        if not isinstance(exc, Problem):
            _log.error("an answer failed in an unforeseen way", exc_info=exc)
            exc = Problem("internal-error", "The request failed in an unforeseen way.")
        response = self._on_problem(exc)
        response.keep_alive = False
        return cast("StreamResponse", response)
