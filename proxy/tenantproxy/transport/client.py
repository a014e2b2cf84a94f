"""An `HttpTransport` on a pool of HTTP/1.1 connections: bounded, guarded, and as lean as a hot path wants it.

It does what a proxy needs of a client and nothing else: no redirects, cookies or decompression.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver

from tenantproxy.admission import Bulkhead, Ticket
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.connection import HttpConnection
from tenantproxy.transport.connection_pool import ConnectionPool
from tenantproxy.transport.dialer import CONNECT_TIMEOUT, Dialer
from tenantproxy.transport.egress import GuardedResolver, Policy
from tenantproxy.transport.forward_proxy import PROXY_AUTHENTICATION_REQUIRED, ForwardProxy
from tenantproxy.transport.keeping import BRIEFLY, Keeping
from tenantproxy.transport.stream import HttpStream
from tenantproxy.transport.tls import Contexts

_log = logging.getLogger(__name__)

_NOTHING: Final = object()
_TICK: Final = 0.001
"""Seconds: the resolution of an event loop's clock; a timeout may end a call that much before its deadline."""


class HttpClient:
    """The connections to one server."""

    def __init__(
        self,
        url: str,
        *,
        max_connections: int,
        max_response_bytes: int,
        policy: Policy,
        tls: Contexts,
        resolver: AbstractResolver | None = None,
        forward_proxy: ForwardProxy | None = None,
        keeping: Keeping = BRIEFLY,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc
        self._own_target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._prefix = parts.path.rstrip("/")
        self._tls = tls if parts.scheme == "https" else None
        self._max_response_bytes = max_response_bytes
        self._dialer = Dialer(
            self._host,
            port,
            resolver=GuardedResolver(policy, resolver),
            forward_proxy=forward_proxy,
            connect_timeout=connect_timeout,
        )
        self._relay = None if self._tls is not None else self._dialer.forward_proxy
        """The forward proxy that reads and passes on our requests themselves, since there is no TLS; if any."""
        self._warmed_for: ssl.SSLContext | object | None = _NOTHING
        self._pool = ConnectionPool(max_connections, self._connect, self._context, keeping)

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ticket: Ticket | None = None,
        drain_seconds: float | None = None,
        on_drained: Callable[[int | None], None] | None = None,
        before: Callable[[], None] | None = None,
    ) -> UpstreamResponse:
        """Make one request and return the whole answer; see `HttpTransport`."""
        request = self._encoded(method, path, headers, body)
        caller, bulkhead = (None, None) if ticket is None else (ticket.caller, ticket.bulkhead)
        connection = self._pool.at_hand(caller, bulkhead) or await self._pool.acquire(caller, bulkhead)
        is_reused = connection.idle_since > 0
        if ticket is not None:
            ticket.observation.connection_reused = is_reused
        asked_at = asyncio.get_running_loop().time()
        try:
            if before is not None:
                before()
        except BaseException:
            self._pool.release(connection, caller, bulkhead)
            raise
        try:
            answer = await connection.exchange(request, ticket)
        except asyncio.CancelledError:
            deadline = None if drain_seconds is None else asked_at + drain_seconds
            self._abandon(connection, caller, bulkhead, deadline, on_drained)
            raise
        except BaseException as error:
            connection.close()
            if is_reused and isinstance(error, UpstreamError) and error.reason == "disconnected":
                self._pool.drop_idle()  # so that whoever sends the request again does so on a new one
            self._pool.release(connection, caller, bulkhead)
            raise
        self._pool.release(connection, caller, bulkhead)
        if self._relay is not None and answer.status == PROXY_AUTHENTICATION_REQUIRED:
            raise UpstreamError("forward-proxy-auth")
        return answer

    def room(self) -> int:
        """Return how many more requests would have a connection soon; see `PooledTransport`."""
        return self._pool.room

    async def open(self, path: str, headers: Mapping[str, str]) -> HttpStream:
        """Make a GET on a connection of its own, whose answer is read as it comes; the caller closes it.

        Raises:
            UpstreamError: No answer begins.

        """
        context = self._context()
        stream = await self._dialer.dial(lambda: HttpStream(self._max_response_bytes, context), context)
        try:
            await stream.begin(self._encoded("GET", path, headers, None))
        except BaseException:
            stream.close()
            raise
        return stream

    async def warm_up(self) -> None:
        """Make a connection that is used by none yet, once for each context; see `HttpTransport`."""
        context = self._context()
        if self._warmed_for is context:
            return
        self._warmed_for = context
        self._pool.release(await self._pool.acquire(None), None)

    def _encoded(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        target = self._prefix + path if path else self._own_target
        headers = {"Host": self._authority, **headers}
        if self._relay is not None:  # RFC 9112 section 3.2.2
            target = f"http://{self._authority}{target}"
            headers |= self._relay.authorization()
        return encode_request(method, target, headers, body)

    def _abandon(
        self,
        connection: HttpConnection,
        caller: str | None,
        bulkhead: Bulkhead | None,
        deadline: float | None,
        on_drained: Callable[[int | None], None] | None,
    ) -> None:
        """Drain the response of a call whose caller is gone; its place is kept as long as the server may work."""

        def ended(status: int | None) -> None:
            self._pool.release(connection, caller, bulkhead)
            if on_drained is not None:
                on_drained(status)

        if not connection.in_exchange:  # it has just come to its end
            ended(connection.ended_with)
        elif deadline is None or deadline - asyncio.get_running_loop().time() <= _TICK:
            connection.close()
            ended(None)
        else:
            connection.abandon(deadline, ended)

    def _on_unsolicited(self) -> None:
        """Use each connection once for a while, since the server sends unsolicited responses.

        One that comes when the next request is on its way can't be told from the response to it.
        """
        if self._pool.stop_reuse():
            _log.warning("%s sent unsolicited data: connections to it are not reused for a minute", self._host)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()
        await self._dialer.close()

    def _context(self) -> ssl.SSLContext | None:
        return self._tls.current() if self._tls is not None else None

    async def _connect(self, context: ssl.SSLContext | None) -> HttpConnection:
        return await self._dialer.dial(
            lambda: HttpConnection(self._max_response_bytes, context, self._on_unsolicited), context
        )


def encode_request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return the bytes of a request."""
    values = "".join(headers.values())
    if "\r" in values or "\n" in values:
        raise ValueError("a line break in a header")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    head = f"{method} {target} HTTP/1.1\r\n{lines}{length}\r\n".encode("latin-1")
    return head + body if body else head
