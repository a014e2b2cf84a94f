"""Turn the bytes of one connection into requests, under our limits.

This is all that we use of aiohttp's server: its parser, and `StreamReader`, in which that puts a body. The one
fault of the parser that is worked around here: it takes a chunked body's trailer for the first header of the next
request, so no request may follow one.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, cast

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from tenantproxy.problems import Problem
from tenantproxy.server.parse_errors import problem_of
from tenantproxy.server.port import Port
from tenantproxy.server.request import Head, Request
from tenantproxy.server.request_parser import OTHERS, RequestParser, missing, parser_for

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
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
"""How a chunked body ends that has neither trailers nor anything behind it."""


class MalformedBodyError(Exception):
    """What comes of a body can't be parsed."""


class RequestReader(asyncio.Protocol):
    """The input side of a connection: one request at a time.

    Nothing behind a request is parsed before that is answered. Input is parsed until the first error, or until
    `_stop_parsing`; what comes then is discarded.
    """

    __slots__ = (
        "_body",
        "_body_waits",
        "_chunked_end",
        "_discarded",
        "_has_trailing_data",
        "_held",
        "_loop",
        "_missing",
        "_parser",
        "_partial_bytes",
        "_port",
        "_reading_paused",
        "_reported_bytes",
        "_timer",
        "request",
        "transport",
    )

    def __init__(self, port: Port) -> None:
        self._port = port
        self._loop = port.loop
        self.transport: asyncio.Transport | None = None
        """None: the connection is closed, or is about to be."""
        self.request: Request | None = None
        """The one that is being answered."""
        self._parser: RequestParser | None = None
        """None: nothing of a request has come, or nothing is parsed any more."""
        self._missing = OTHERS
        """Bytes of the request in hand that the parser was not fed; negative: it may have been fed others, too."""
        self._held: bytearray | None = None
        """Input that waits to be parsed."""
        self._body: StreamReader = EMPTY_PAYLOAD
        """That of the last request; until it is complete a body is being read, else a head."""
        self._body_waits = False
        """Whether as much of it has come as is kept for its reader."""
        self._reading_paused = False
        self._chunked_end: bytes | None = None
        """The last bytes of that body, where it is chunked."""
        self._has_trailing_data = False
        """Whether something came behind a chunked body."""
        self._partial_bytes = 0
        """How much of that body or head came after the slice in which it began."""
        self._reported_bytes = 0
        """What was last reported to the limits: bytes of an incomplete request."""
        self._discarded = -1
        """How much came since parsing ended; -1: it continues."""
        self._timer: asyncio.TimerHandle | None = None

    @abstractmethod
    def _begin(self, request: Request) -> None:
        """Answer a request whose head has come, then `_next_request`."""

    @abstractmethod
    def _refuse(self, problem: Problem) -> None:
        """Answer what is no request, and end the connection."""

    @abstractmethod
    def force_close(self) -> None:
        """Close the connection at once."""

    @property
    @abstractmethod
    def waits_for_client(self) -> bool:
        """Whether the client has to send the rest of a request, or another one, or to receive a response."""

    @property
    def connected(self) -> bool:
        """Whether more may come."""
        return self.transport is not None

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self.request is not None

    def data_received(self, data: bytes) -> None:
        """Parse a small piece now; of a larger one, or one that comes too early, a slice in each turn."""
        if self._discarded >= 0:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED_BYTES:
                self.force_close()
        elif len(data) <= SLICE_BYTES and self._held is None and self._may_parse:
            self._parse(data)
        else:
            if self._held is None:
                self._held = bytearray()
            self._held += data
            self._report_pending()
            self._schedule_parsing()

    def pause_reading(self) -> None:
        """Read no more of the body, of which enough has come; aiohttp asks for it."""
        self._body_waits = True
        self._pause_or_resume()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - aiohttp's signature
        """Go on reading a body, if it was paused: aiohttp asks for each chunk that is taken from it."""
        if self._body_waits:
            self._body_waits = False
            self._schedule_parsing()

    @property
    def _may_parse(self) -> bool:
        """Whether what comes next belongs to the body in hand, or there is no request."""
        return not self._body_waits and (self.request is None or not self._body.is_eof())

    def _schedule_parsing(self) -> None:
        if self._held is not None and self._may_parse:
            self._port.scheduler.schedule(self._parse_next_slice)
        self._pause_or_resume()

    def _parse_next_slice(self) -> None:
        held = self._held
        if held is not None and self._may_parse:
            piece = bytes(held[:SLICE_BYTES])
            del held[:SLICE_BYTES]
            if not held:
                self._held = None
            self._parse(piece)
            self._schedule_parsing()

    def _pause_or_resume(self) -> None:
        """Read no more than can be parsed soon; but read, since the end of a connection is found by reading."""
        paused = self._body_waits or (self._held is not None and len(self._held) > SLICE_BYTES)
        if paused == self._reading_paused or self.transport is None or self.transport.is_closing():
            return
        self._reading_paused = paused
        if paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _next_request(self) -> None:
        """Go on behind a request that is answered, with what the parser has kept, and what is held."""
        self.request = None
        if self._parser is None or not self._body.is_eof():
            return
        self._body = EMPTY_PAYLOAD
        if self._missing == 0:
            self._parser = None
        else:
            self._parser.message_consumed()
            self._parse(b"")
        self._schedule_parsing()

    def _parse(self, data: bytes) -> None:
        in_body = not self._body.is_eof()
        self._missing = self._missing - len(data) if in_body else OTHERS
        parser = self._parser
        if is_first := parser is None:
            parser = self._parser = parser_for(self, self._loop)
        try:
            messages, _, _ = parser.feed_data(data)
            if messages and messages[0][0].should_close:
                parser.feed_data(b"")  # for the parser, what follows the last request is an error
        except HttpProcessingError as error:
            error.__traceback__ = None  # it holds the input, and itself
            self._fail(problem_of(error))
            return
        if self._chunked_end is not None:
            self._check_end_of_chunks(data)
        if messages:
            head, body = messages[0]
            if is_first:
                self._missing = missing(head, data)
            self._on_request(data, head, body)
        elif in_body and self._body.is_eof():
            self._partial_bytes = 0
            self._report_pending()
            if self.request is None:  # it was answered before
                self._cancel_timer()
                self._next_request()
        elif data:
            self._count_partial(len(data), in_body=in_body)

    def _count_partial(self, count: int, *, in_body: bool) -> None:
        """Count what came of a head or body that goes on, up to its bounds."""
        begins = not self._partial_bytes
        self._partial_bytes += count
        if in_body:
            if self._partial_bytes - self._body.total_bytes > MAX_FRAMING_BYTES:
                self._fail(Problem("malformed-request", "The body's framing is out of proportion."))
        elif self._partial_bytes > MAX_HEAD_BYTES:
            self._fail(
                Problem("headers-too-large", f"Target and headers may have at most {MAX_HEAD_BYTES} bytes.")
            )
        elif begins:
            self._set_timer(HEAD_TIMEOUT, self.force_close)
        self._report_pending()

    def _on_request(self, data: bytes, head: Head, body: StreamReader) -> None:
        self._cancel_timer()
        self._partial_bytes = 0
        self._report_pending()
        self._body = body
        if head.chunked:
            self._chunked_end = b""
            self._check_end_of_chunks(data)
        self._port.limits.mark_active(self, self._loop.time())
        request = Request(head, body, self.transport)
        if data:
            self._begin(request)
        else:  # it came with the last one: in a turn of its own
            self.request = request
            self._loop.call_soon(self._begin, request)

    def _check_end_of_chunks(self, data: bytes) -> None:
        """Note whether the end of a chunked body, if it has come, is the end of the input."""
        self._chunked_end = (cast("bytes", self._chunked_end) + data)[-len(_LAST_CHUNK) :]
        if self._body.is_eof():
            self._has_trailing_data = self._has_trailing_data or self._chunked_end != _LAST_CHUNK
            self._chunked_end = None

    def _fail(self, problem: Problem) -> None:
        """Parse no more; `problem` is the answer, unless a body is read: who does says what is wrong with it."""
        body = self._body
        self._stop_parsing()
        if self.request is None:
            self._refuse(problem)
        else:
            body.set_exception(MalformedBodyError())
            body.feed_eof()  # wakes who reads it: an exception alone may go unseen

    def _stop_parsing(self) -> None:
        self._cancel_timer()
        self._held = None
        self._partial_bytes = 0
        self._report_pending()
        if self._discarded < 0:
            self._discarded = 0
            self._parser = None
            self._body_waits = False
            self._pause_or_resume()

    def _report_pending(self) -> None:
        count = self._partial_bytes + (len(self._held) if self._held is not None else 0)
        if count != self._reported_bytes:
            self._reported_bytes = count
            self._port.limits.set_pending_bytes(self, count)

    def _set_timer(self, seconds: float, callback: Callable[..., None], *arguments: object) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, callback, *arguments)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
