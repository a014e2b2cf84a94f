"""One connection to the OMS, for what shows on a connection only: the same as a proxy's, but in the open."""

import asyncio
import ssl
from typing import Final
from urllib.parse import urlsplit

from tenantproxy.config import ProxyConfig
from tenantproxy.transport.base import UpstreamResponse
from tenantproxy.transport.client import encode_request
from tenantproxy.transport.connection import HttpConnection
from tenantproxy.transport.dialer import Dialer
from tenantproxy.transport.egress import GuardedResolver
from tenantproxy.transport.egress_policy import oms_policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.tls import ContextSource

_PORTS: Final = {"http": 80, "https": 443}
_HANDSHAKE_TIMEOUT: Final = 5.0
"""Seconds for TCP and TLS with one address."""


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

    def context(self) -> ssl.SSLContext:
        """Return what a proxy trusts."""
        return self._tls.current()

    async def open(self) -> HttpConnection:
        """Open a connection for exchanges.

        Raises:
            UpstreamError: There is none to be had.

        """
        context = self.context() if self.is_https else None
        return await self._dialer.dial(lambda: HttpConnection(self._limit, context), context)

    async def exchange(
        self, connection: HttpConnection, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> UpstreamResponse:
        """Make one exchange on a connection.

        Raises:
            UpstreamError: No whole answer came.

        """
        given = {"Host": self._authority, **headers}
        return await connection.exchange(encode_request(method, self._prefix + path, given, body))

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
