"""The seam to the OMS's HTTP server: one call, its answer bounded, its failures classified.

Everything that speaks HTTP outwards is behind `Upstream`, so that aiohttp's client can be replaced.
"""

import ssl
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from tenantproxy.egress import EgressRefusedError, GuardedResolver, Policy
from tenantproxy.tls import ContextSource

CONNECT_TIMEOUT: Final = 1.0
"""Seconds for TCP and TLS."""

FailureReason = Literal[
    "connect", "connect-timeout", "disconnected", "dns", "egress", "http", "incomplete", "tls", "too-large"
]
UNREACHABLE: Final = frozenset({"connect", "connect-timeout", "dns", "egress", "tls"})
"""No connection was made."""
RETRYABLE: Final = frozenset({"connect", "connect-timeout", "disconnected", "dns"})
"""Nothing of an answer had come: a read may be sent again."""


class Answer(NamedTuple):
    """An HTTP answer, whole: status, headers (names in lower case), body (undecoded)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UpstreamError(Exception):
    """No whole answer came."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Upstream(Protocol):
    """One HTTP server, named by a base URL."""

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make one request, never following a redirect, and return the whole answer.

        `path` is added to the base URL as it is. Cancelling the call closes its connection.

        Raises:
            UpstreamError: No whole answer came.

        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class AiohttpUpstream:
    """An `Upstream` on aiohttp's client."""

    def __init__(
        self,
        url: str,
        *,
        max_connections: int,
        max_response_bytes: int,
        policy: Policy,
        tls: ContextSource,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._base = url.rstrip("/")
        self._tls = tls if url.startswith("https:") else None
        self._max_response_bytes = max_response_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections,
                resolver=GuardedResolver(policy, resolver),
                use_dns_cache=False,  # each new connection's addresses pass the guard
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            auto_decompress=False,
        )
        # aiohttp would send a GET again by itself when its connection breaks; `exchange` decides on retries.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make one request and return the whole answer."""
        url = URL(self._base + path, encoded=True)
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                ssl=self._tls.current() if self._tls is not None else True,
            ) as response:
                return Answer(response.status, _lowered(response.headers), await self._read(response))
        except (aiohttp.ClientError, ValueError, ssl.SSLError, OSError) as error:
            raise UpstreamError(_reason(error)) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._max_response_bytes:
            raise UpstreamError("too-large")
        chunks = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._max_response_bytes:
                raise UpstreamError("too-large")
            chunks.append(chunk)
        return b"".join(chunks)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _reason(error: Exception) -> FailureReason:  # noqa: PLR0911 - a table
    match error:
        case aiohttp.ClientConnectorDNSError(os_error=EgressRefusedError()):
            return "egress"
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return "connect-timeout"
        case aiohttp.ClientConnectorError():
            return "connect"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return "disconnected"
        case aiohttp.ClientPayloadError():
            return "incomplete"
    return "http"
