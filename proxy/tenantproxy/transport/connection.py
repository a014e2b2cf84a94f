"""One HTTP/1.1 connection to a server: bytes out, one whole answer in (RFC 9112)."""

import asyncio
import random
import select
import ssl
import time
from collections.abc import Callable
from math import inf
from typing import Final, NoReturn, cast

import httptools

from tenantproxy.admission import Ticket
from tenantproxy.transport.base import FailureReason, UpstreamError, UpstreamResponse
from tenantproxy.transport.folding import Unfolder
from tenantproxy.transport.keeping import AGE_SPREAD, MAX_AGE, promised
from tenantproxy.transport.resumption import ResumingContext

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of an answer's head, interim answers before it included."""
MAX_HEADERS: Final = 128
MAX_FRAMING_BYTES: Final = 64 * 1024
"""Of chunk sizes, chunk extensions and trailers, beyond as many bytes as the body has."""
_MAX_INTERIM: Final = 8
"""Interim (1xx) answers before the final one."""
_PIECE: Final = 16 * 1024
"""Bytes that are parsed before the bounds are checked again: of the tiniest chunks a millisecond's work."""
_SWITCHING_PROTOCOLS: Final = 101
_IDLE_TIMEOUTS: Final = (b"HTTP/1.1 408 ", b"HTTP/1.0 408 ")
"""What some servers say before they close an idle connection."""
_OK: Final = 200


class HttpConnection(asyncio.Protocol):
    """A connection in use by one exchange at a time; httptools parses what comes, as strictly as it can.

    `context` is what TLS was made with; None for plain HTTP.
    """

    def __init__(
        self,
        max_body_bytes: int,
        context: ssl.SSLContext | None,
        on_unsolicited: Callable[[], None] = lambda: None,
    ) -> None:
        self.context = context
        self._on_unsolicited = on_unsolicited
        self.reusable = True
        """Whether another exchange may follow the last one."""
        self.idle_since = 0.0
        self._old_at = time.monotonic() + MAX_AGE * random.uniform(1 - AGE_SPREAD, 1)  # noqa: S311 - no secret
        self._promised = inf  # seconds for which the server keeps it between two exchanges
        self._tls: ssl.SSLObject | None = None  # until an answer has come, and its session is remembered
        self.ended_with: int | None = None
        """The status of the last exchange's answer; None: no whole one came."""
        self._max_body_bytes = max_body_bytes
        self._transport: asyncio.Transport | None = None
        self._incoming = select.poll()
        self._usable = True
        self._parser: httptools.HttpResponseParser | None = None
        self._answered: asyncio.Future[UpstreamResponse] | None = None
        self._ticket: Ticket | None = None
        self._refusal: FailureReason = "http"
        self._ended: Callable[[int | None], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begin_answer()

    def _begin_answer(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._headers_complete = False
        self._unfold = Unfolder()
        self._interim = 0
        self._body = bytearray()
        self._body_bytes = 0
        self._room = 0
        self._received = 0
        self._complete = False

    @property
    def in_exchange(self) -> bool:
        """Whether the answer to a request is still to come, or to end."""
        return self._parser is not None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer: no byte, and not the end.

        The socket is polled, since the event loop may not have read it yet: an unsolicited response would be taken
        for the response to the next request.
        """
        return self.reusable and not self._incoming.poll(0)

    def may_be_kept(self, now: float) -> bool:
        """Return whether an idle connection is young enough, and the server has said nothing else."""
        return self.reusable and now < self._old_at and now - self.idle_since < self._promised

    def exchange(self, request: bytes, ticket: Ticket | None = None) -> "asyncio.Future[UpstreamResponse]":
        """Send a request and return its answer, counted on `ticket`; after a failure the connection is of no use.

        Who is cancelled must `abandon` or `close` it, if it is still `in_exchange`.

        Raises:
            UpstreamError: No whole answer came.

        """
        if self._transport is None or not self.reusable:
            raise UpstreamError("disconnected")
        self._parser = httptools.HttpResponseParser(self)
        # Some servers pad a chunk's size to the length that they have left room for.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self._begin_answer()
        self._ticket = ticket
        self._answered = answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return answered

    def abandon(self, deadline: float, ended: Callable[[int | None], None]) -> None:
        """Drain the response to an exchange whose caller is gone.

        `ended` gets the status, or None: there was no whole answer, or the deadline (loop time) came first.
        """
        self._ticket = None
        self._body = bytearray()
        self._ended = ended
        self._timer = asyncio.get_running_loop().call_at(deadline, self._fail, "incomplete")

    def discard(self) -> None:
        """Do not use it again; a response that is still to come may be to another request, and is not returned."""
        self._usable = False
        if not self.in_exchange:
            self.close()

    def close(self) -> None:
        """Close the connection at once."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._tls = transport.get_extra_info("ssl_object")
        self._incoming.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse; a byte that belongs to no exchange ends the connection's use."""
        if len(data) <= _PIECE:
            self._parse(data)
            return
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            self._parse(view[start : start + _PIECE])

    def _parse(self, data: bytes | memoryview) -> None:
        parser = self._parser
        if parser is None:
            self.close()
            if not bytes(data[:16]).startswith(_IDLE_TIMEOUTS):
                self._on_unsolicited()
            return
        self._received += len(data)
        if not self._headers_complete:
            data = self._unfold(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.reusable = False
            if not self._complete:
                self._fail(self._refusal)
                return
        if self._complete:
            self._succeed()
            return
        framing = self._received - self._body_bytes
        most = MAX_HEAD_BYTES + MAX_FRAMING_BYTES + self._body_bytes if self._headers_complete else MAX_HEAD_BYTES
        if framing > most:
            self._fail("http")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """End the exchange, if there is one."""
        self.reusable = False
        self._transport = None
        if not self.in_exchange:
            return
        if not self._headers_complete:
            self._fail("disconnected")
        elif "content-length" in self._headers or "transfer-encoding" in self._headers:
            self._fail("incomplete")
        else:
            self._succeed()  # the end of the connection is the end of the body (RFC 9112 section 6.3)

    # ---- httptools' callbacks

    def on_message_begin(self) -> None:
        """Take note of an unsolicited response, behind the one that is complete."""
        if self._complete:
            self.reusable = False
            self._on_unsolicited()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header: the last of one name, but all links. What follows the head (a trailer) is none."""
        if self._headers_complete:
            return
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            self._refuse("http")
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        if key == "link" and key in self._headers:  # servers send a line for each
            text = f"{self._headers[key]}, {text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        """Refuse a body that will be too large before it comes."""
        if self._complete:
            return
        assert self._parser is not None  # noqa: S101 - it calls this
        self._status = self._parser.get_status_code()
        self._headers_complete = self._status >= _OK
        if not self._headers_complete:
            return
        length = int(self._headers.get("content-length", 0))  # the parser saw to it that it is one number
        if length > self._max_body_bytes:
            self._refuse("too-large")
        self._take_room(length)

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self._complete:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._max_body_bytes:
            self._refuse("too-large")
        if self._body_bytes > self._room:
            self._take_room(self._body_bytes - self._room)
        if self._ended is None:
            self._body += data

    def on_message_complete(self) -> None:
        """End the exchange, or await the final answer after an interim one."""
        if self._complete:
            return
        if self._status >= _OK:
            self._complete = True
            if self._parser is not None and not self._parser.should_keep_alive():
                self.reusable = False
        elif self._status == _SWITCHING_PROTOCOLS or self._interim == _MAX_INTERIM:
            self._refuse("http")
        else:
            self._interim += 1
            self._headers.clear()

    def _take_room(self, count: int) -> None:
        if self._ticket is not None and not self._ticket.grow(count):
            self._refuse("overloaded")
        self._room += count

    def _refuse(self, reason: FailureReason) -> NoReturn:
        """End the parser's work, whose error this is then."""
        self._refusal = reason
        raise ValueError(reason)

    # ---- the end of an exchange

    def _succeed(self) -> None:
        if not self._usable:
            self._fail("disconnected")
            return
        if (keep_alive := self._headers.get("keep-alive")) is not None:
            self._promised = promised(keep_alive)
        if self._tls is not None and isinstance(self.context, ResumingContext):
            self.context.remember(self._tls)
            self._tls = None
        self._end(UpstreamResponse(self._status, self._headers, bytes(self._body), self.discard))

    def _fail(self, reason: FailureReason) -> None:
        self.close()
        self._end(UpstreamError(reason))

    def _end(self, outcome: UpstreamResponse | UpstreamError) -> None:
        """Tell the outcome to who waits for it, and keep nothing of it."""
        answered, ended, timer = self._answered, self._ended, self._timer
        self.ended_with = outcome.status if isinstance(outcome, UpstreamResponse) else None
        self._parser = self._answered = self._ticket = self._ended = self._timer = None
        self._body = bytearray()
        if timer is not None:
            timer.cancel()
        if ended is not None:
            ended(self.ended_with)
        elif answered is None or answered.done():
            return
        elif isinstance(outcome, UpstreamResponse):
            answered.set_result(outcome)
        else:
            answered.set_exception(outcome)
