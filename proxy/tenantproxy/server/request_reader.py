"""Turn the bytes of one connection into requests, under our limits. Overrides parts of aiohttp's protocol."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web import RequestHandler, RequestPayloadError, Server
from aiohttp.web_protocol import _ErrInfo

from tenantproxy.problems import Problem
from tenantproxy.server.connection_limits import ConnectionLimits, ParseScheduler
from tenantproxy.server.parse_errors import problem_of

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a target and headers together: aiohttp counts headers only when all of them have come."""
MAX_FRAMING_BYTES: Final = 16 * 1024
"""What a chunked body may have beside its content (sizes, extensions, trailers)."""
SLICE_BYTES: Final = 8 * 1024
"""What is parsed in one turn of the event loop: 0.8 ms at most, for chunks of one byte."""
HEAD_TIMEOUT: Final = 10.0
"""Seconds from a request's first byte to the end of its headers."""
MAX_DISCARDED_BYTES: Final = 8 * 1024 * 1024
"""What is read from a client, without parsing it, that keeps sending while its last response is being sent."""
_NOTHING: Final = memoryview(b"")
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
"""How a chunked body ends that has neither trailers nor anything behind it."""


class RequestReader(RequestHandler):
    """The input side of a connection.

    Input is parsed until the first error, or until `_stop_parsing`; what comes then is discarded. While a request
    is queued, nothing behind it is parsed.
    """

    __slots__ = (
        "_chunked_end",
        "_discarded",
        "_has_trailing_data",
        "_limits",
        "_partial_bytes",
        "_payload",
        "_reported_bytes",
        "_scheduler",
        "_timer",
        "_unparsed",
    )

    def __init__(
        self,
        manager: Server,
        *,
        limits: ConnectionLimits,
        scheduler: ParseScheduler,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(manager, **options)
        self._limits = limits
        self._scheduler = scheduler
        self._unparsed = _NOTHING
        """Input that waits to be parsed; while there is some, reading is paused."""
        self._payload: StreamReader = EMPTY_PAYLOAD
        """The body of the request that was parsed last; until it is complete a body is being read, else a head."""
        self._chunked_end: bytes | None = None
        """The last bytes of that body, where it is chunked."""
        self._has_trailing_data = False
        """Whether something came behind a chunked body: aiohttp takes a trailer for the next request's header."""
        self._partial_bytes = 0
        """How much of that body or head came after the slice in which it began."""
        self._reported_bytes = 0
        """What was last reported to the limits: bytes of an incomplete request."""
        self._discarded = -1
        """How much came since parsing ended; -1: it continues."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress or bool(self._messages)

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to send the rest of a request, or another one, or to receive a response."""
        return not self.busy or self._paused or not self._payload.is_eof()

    def data_received(self, data: bytes) -> None:
        """Parse a small piece now; of a larger one, or one that comes too early, a slice in each turn."""
        if self._discarded >= 0:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.force_close()
        elif data and (len(data) > SLICE_BYTES or self._unparsed or self._messages):
            self._unparsed = memoryview(b"".join((self._unparsed, data)) if self._unparsed else data)
            self._report_pending()
            self._pause_reading_for_buffer()
            self._schedule_parsing()
        else:
            self._parse(data)  # without data: what aiohttp's parser has kept itself
            self._schedule_parsing()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Go on reading a body, if it was paused: aiohttp asks for each chunk that is taken from it."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _resume_reading_if_drained(self) -> None:
        """Go on after a pause, once no request is queued and all input is parsed. aiohttp calls it, too."""
        if self._discarded < 0 and not self._messages:
            self._parse(b"")  # what aiohttp's parser has kept itself
        if self._unparsed:
            self._schedule_parsing()
        elif self._buffer_paused and not self._messages:
            self._resume_reading_for_buffer()

    def _schedule_parsing(self) -> None:
        if self._unparsed and not self._messages and not self._reading_paused:
            self._scheduler.schedule(self._parse_next_slice)

    def _parse_next_slice(self) -> None:
        if self._unparsed and not self._messages and not self._reading_paused and not self._force_close:
            piece = bytes(self._unparsed[:SLICE_BYTES])
            self._unparsed = self._unparsed[SLICE_BYTES:]
            self._parse(piece)
            self._resume_reading_if_drained()

    def _parse(self, data: bytes) -> None:
        count, in_body = self._request_count, not self._payload.is_eof()
        super().data_received(data)
        new = self._request_count - count
        if self._chunked_end is not None:
            self._check_end_of_chunks(data, new)
        if new:
            self._on_messages(data, new, is_first=count == 0)
        elif in_body == self._payload.is_eof():
            self._partial_bytes = 0  # the body is complete
        else:
            begins = not self._partial_bytes
            self._partial_bytes += len(data)
            if in_body:
                if self._partial_bytes - self._payload.total_bytes > MAX_FRAMING_BYTES:
                    self._fail(Problem("malformed-request", "The body's framing is out of proportion."))
            elif self._partial_bytes > MAX_HEAD_BYTES:
                self._fail(
                    Problem("headers-too-large", f"Target and headers may have at most {MAX_HEAD_BYTES} bytes.")
                )
            elif begins and data:
                self._set_timer(HEAD_TIMEOUT, self._on_head_timeout)
        if self._upgraded:
            self._stop_parsing()  # what follows may not be HTTP
        self._report_pending()

    def _check_end_of_chunks(self, data: bytes, others: int) -> None:
        """Note whether the end of a chunked body, if it has come, is the end of the input."""
        self._chunked_end = (cast("bytes", self._chunked_end) + data)[-len(_LAST_CHUNK) :]
        if self._payload.is_eof():
            self._has_trailing_data = self._has_trailing_data or others > 0 or self._chunked_end != _LAST_CHUNK
            self._chunked_end = None

    def _on_messages(self, data: bytes, count: int, *, is_first: bool) -> None:
        """Take the requests, or the error, that aiohttp's parser has just put into its queue."""
        if is_first:
            self._limits.mark_active(self)
        self._cancel_timer()
        self._partial_bytes = 0
        message, payload = self._messages[-1]
        if isinstance(message, _ErrInfo):
            self._messages.pop()
            problem = problem_of(message.exc)
            message.exc.__traceback__ = None  # it holds the input, and itself
            self._fail(problem)
        else:
            self._payload = payload
            if message.chunked:
                self._chunked_end = b""
                self._check_end_of_chunks(data, count - 1)
        if count > 1 and any(getattr(other, "chunked", False) for other, _ in self._messages):
            self._has_trailing_data = True

    def _fail(self, problem: Problem) -> None:
        """Parse no more; `problem` is the response, after those to the requests that came before."""
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
        self._unparsed = _NOTHING
        self._partial_bytes = 0
        self._report_pending()
        if self._discarded < 0:
            self._discarded = 0
            self._parser = None
            self._message_tail = b""
            self._reading_paused = False
            self._resume_reading_for_buffer()

    def _report_pending(self) -> None:
        count = self._partial_bytes + len(self._unparsed)
        if count != self._reported_bytes:
            self._reported_bytes = count
            self._limits.set_pending_bytes(self, count)

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

    def _on_head_timeout(self) -> None:
        if self._is_waiting():
            self.force_close()
        else:
            self._set_timer(HEAD_TIMEOUT, self._on_head_timeout)
