"""One HTTP/1.1 connection to a server: bytes out, one whole answer in (RFC 9112)."""

import asyncio
import ssl
from typing import Final, cast

import httptools

from tenantproxy.upstream import Answer, FailureReason, UpstreamError

MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_INTERIM: Final = 8
"""Interim (1xx) answers before the final one."""
_SWITCHING_PROTOCOLS: Final = 101
_OK: Final = 200


class HttpConnection(asyncio.Protocol):
    """A connection in use by one exchange at a time; httptools (llhttp, strict) parses what comes.

    `context` is what TLS was made with; None for plain HTTP.
    """

    def __init__(self, max_body_bytes: int, context: ssl.SSLContext | None) -> None:
        self.context = context
        self.reusable = True
        """Whether another exchange may follow the last one."""
        self.idle_since = 0.0
        self._max_body_bytes = max_body_bytes
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answered: asyncio.Future[Answer] | None = None
        self._interim = 0
        self._complete = False
        self._begin_message()

    async def exchange(self, request: bytes) -> Answer:
        """Send a request and return its answer; after a failure the connection is of no more use.

        Raises:
            UpstreamError: No whole answer came.

        """
        if self._transport is None or not self.reusable:
            raise UpstreamError("disconnected")
        self._parser = httptools.HttpResponseParser(self)
        self._interim = 0
        self._begin_message()
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answered
        finally:
            self._answered = None

    def close(self) -> None:
        """Close the connection at once."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse; a byte that belongs to no exchange ends the connection's use."""
        if self._answered is None or self._parser is None:
            self.close()
            return
        if not self._headers_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.reusable = False
            if not self._complete:
                self._fail("http")
        if self._complete:
            self._succeed()
        elif not self._headers_complete and self._head_bytes > MAX_HEAD_BYTES:
            self._fail("http")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """End the exchange, if there is one."""
        self.reusable = False
        self._transport = None
        if self._answered is None:
            return
        if not self._headers_complete:
            self._fail("disconnected")
        elif b"content-length" in self._headers or b"transfer-encoding" in self._headers:
            self._fail("incomplete")
        else:
            self._succeed()  # the end of the connection is the end of the body (RFC 9112 section 6.3)

    # ---- httptools' callbacks

    def on_message_begin(self) -> None:
        """Take note of an answer that nobody asked for, behind the one that is complete."""
        if self._complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the last of one name counts."""
        if not self._complete:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Refuse a body that will be too large before it comes."""
        if self._complete:
            return
        assert self._parser is not None  # noqa: S101 - it calls this
        self._status = self._parser.get_status_code()
        self._headers_complete = self._status >= _OK
        if int(self._headers.get(b"content-length", 0)) > self._max_body_bytes:
            self._fail("too-large")

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self._complete:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._max_body_bytes:
            self._fail("too-large")
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """End the exchange, or await the final answer after an interim one."""
        if self._complete:
            return
        if self._status >= _OK:
            self._complete = True
            if self._parser is not None and not self._parser.should_keep_alive():
                self.reusable = False
        elif self._status == _SWITCHING_PROTOCOLS or self._interim == _MAX_INTERIM:
            self._fail("http")
        else:
            self._interim += 1
            self._begin_message()

    def _begin_message(self) -> None:
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._headers_complete = False
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._complete = False

    def _succeed(self) -> None:
        if self._answered is not None and not self._answered.done():
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()}
            self._answered.set_result(Answer(self._status, headers, b"".join(self._body)))

    def _fail(self, reason: FailureReason) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(UpstreamError(reason))
        self.close()
