"""One connection to the OMS, for what shows on a connection only: the same as a proxy's, but in the open."""

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

from tenantproxy.config import ProxyConfig
from tenantproxy.conformance.call import Call, Ended
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.client import encode_request
from tenantproxy.transport.connection import MAX_HEAD_BYTES, HttpConnection
from tenantproxy.transport.dialer import Dialer
from tenantproxy.transport.egress import GuardedResolver
from tenantproxy.transport.egress_policy import oms_policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.resumption import ResumingContext
from tenantproxy.transport.tls import ContextSource

QUIET: Final = 0.05
"""Seconds after an answer in which nothing else may come."""
_PORTS: Final = {"http": 80, "https": 443}
_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] (\d{3})(?: |$)")
_HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds for TCP and TLS with one address."""


class _Received(asyncio.Protocol):
    """What comes on a connection, as it is: no parser of answers knows that this one is to HEAD."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._changed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if len(self._bytes) <= MAX_HEAD_BYTES:  # more says no more
            self._bytes += data
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._ended = True
        self._changed.set()

    async def head_of(self, request: bytes) -> None:
        """Send a request, and wait for the head of its answer."""
        assert self._transport is not None  # noqa: S101 - it is connected
        self._transport.write(request)
        while _END_OF_HEAD not in self._bytes:
            if self._ended or len(self._bytes) > MAX_HEAD_BYTES:
                raise UpstreamError("http" if self._bytes else "disconnected")
            self._changed.clear()
            await self._changed.wait()

    def answer(self) -> UpstreamResponse:
        head, _, body = bytes(self._bytes).partition(_END_OF_HEAD)
        first, *lines = head.decode("latin-1").split("\r\n")
        if (status := _STATUS_LINE.match(first)) is None:
            raise UpstreamError("http")
        named = (line.partition(":") for line in lines)
        return UpstreamResponse(int(status[1]), {name.lower(): text.strip() for name, _, text in named}, body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class OmsAddress:
    """Where the OMS is, and the ways to it."""

    def __init__(self, config: ProxyConfig, tls: ContextSource, forward_proxy: ForwardProxy | None) -> None:
        parts = urlsplit(config.upstream.url)
        self.is_https = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS[parts.scheme]
        self.is_direct = forward_proxy is None or not forward_proxy.is_for(self.host, self.port)
        self._authority = parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._limit = config.upstream.max_response_bytes
        self._tls = tls
        self._resolver = GuardedResolver(oms_policy(config))
        self._dialer = Dialer(self.host, self.port, resolver=self._resolver, forward_proxy=forward_proxy)

    def context(self) -> ResumingContext:
        """Return what a proxy trusts."""
        return self._tls.current()

    async def open(self, on_unsolicited: Callable[[], None]) -> HttpConnection:
        """Open a connection for exchanges, which tells where something comes that belongs to none.

        Raises:
            UpstreamError: There is none to be had.

        """
        context = self.context() if self.is_https else None
        return await self._dialer.dial(lambda: HttpConnection(self._limit, context, on_unsolicited), context)

    async def exchange(self, connection: HttpConnection, call: Call) -> Ended:
        """Make a call on a connection.

        Raises:
            UpstreamError: No whole answer came.

        """
        start = time.monotonic()
        response = await connection.exchange(self._encoded(call))
        return Ended(call, response, time.monotonic() - start)

    async def head(self, call: Call) -> Ended:
        """Make a call by HEAD, on a connection of its own; whatever comes behind the head is the answer's body.

        Raises:
            UpstreamError: There is no connection, or no head of an answer.

        """
        context = self.context() if self.is_https else None
        call = call._replace(method="HEAD")
        start = time.monotonic()
        received = await self._dialer.dial(_Received, context)
        try:
            await received.head_of(self._encoded(call))
            seconds = time.monotonic() - start
            await asyncio.sleep(QUIET)
            return Ended(call, received.answer(), seconds)
        finally:
            received.close()

    def _encoded(self, call: Call) -> bytes:
        headers = {"Host": self._authority, **call.headers}
        return encode_request(call.method, self._prefix + call.path, headers, call.body)

    async def handshake(self, context: ssl.SSLContext) -> tuple[str, dict[str, object]]:
        """Make a TLS handshake, directly; return the version, and the certificate where it was verified.

        Raises:
            OSError: There is no connection, or no TLS (`ssl.SSLError`).

        """
        *others, last = await self._resolver.resolve(self.host, self.port)
        for each in others:
            try:
                return await self._handshake(each["host"], context)
            except ssl.SSLError:
                raise
            except OSError:
                continue  # as a proxy does, which tries several at a time
        return await self._handshake(last["host"], context)

    async def _handshake(self, address: str, context: ssl.SSLContext) -> tuple[str, dict[str, object]]:
        async with asyncio.timeout(_HANDSHAKE_TIMEOUT):
            _, writer = await asyncio.open_connection(address, self.port, ssl=context, server_hostname=self.host)
        try:
            secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
            return secured.version() or "", dict(secured.getpeercert() or {})
        finally:
            writer.transport.abort()
