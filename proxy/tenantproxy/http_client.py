"""An `Upstream` on a pool of HTTP/1.1 connections: bounded, guarded, and as lean as a hot path wants it.

It does what a proxy needs of a client and nothing else: no redirects, cookies, proxies or decompression.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohappyeyeballs
from aiohttp.abc import AbstractResolver, ResolveResult

from tenantproxy.egress import EgressRefusedError, GuardedResolver, Policy
from tenantproxy.http_connection import HttpConnection
from tenantproxy.tls import ContextSource
from tenantproxy.upstream import Answer, UpstreamError

CONNECT_TIMEOUT: Final = 1.0
"""Seconds for DNS, TCP and TLS."""
IDLE_SECONDS: Final = 15.0
"""For which an idle connection is kept."""
_HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds before the next address is tried beside the last one (RFC 8305)."""


class HttpClient:
    """The connections to one server."""

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
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc
        self._own_target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._prefix = parts.path.rstrip("/")
        self._tls = tls if parts.scheme == "https" else None
        self._max_connections = max_connections
        self._max_response_bytes = max_response_bytes
        self._resolver = GuardedResolver(policy, resolver)
        self._connections: set[HttpConnection] = set()
        self._connecting = 0
        self._idle: list[HttpConnection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Make one request and return the whole answer; see `Upstream`."""
        target = self._prefix + path if path else self._own_target
        request = _encode(method, target, {"Host": self._authority, **headers}, body)
        connection = await self._acquire()
        try:
            answer = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        finally:
            self._release(connection)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._idle.clear()
        await self._resolver.close()

    # ---- the pool

    async def _acquire(self) -> HttpConnection:
        context = self._tls.current() if self._tls is not None else None
        while True:
            while self._idle:
                connection = self._idle.pop()
                if connection.reusable and connection.context is context:
                    return connection
                self._forget(connection)
            if len(self._connections) + self._connecting < self._max_connections:
                return await self._connect(context)
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()  # the place that was given to the cancelled one goes to the next
                raise

    def _release(self, connection: HttpConnection) -> None:
        if connection.reusable and connection in self._connections:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)
        else:
            self._forget(connection)
        self._wake()

    def _forget(self, connection: HttpConnection) -> None:
        connection.close()
        self._connections.discard(connection)

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

    def _close_idle(self) -> None:
        """Close what has been idle for too long, or was closed by the server, and come again if any is left."""
        self._sweep = None
        oldest = time.monotonic() - IDLE_SECONDS
        kept = [other for other in self._idle if other.reusable and other.idle_since > oldest]
        for connection in self._idle:
            if connection not in kept:
                self._forget(connection)
        self._idle = kept
        if kept:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle)

    # ---- connecting

    async def _connect(self, context: ssl.SSLContext | None) -> HttpConnection:
        connection = None
        self._connecting += 1
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                connection = await self._open(context)
        except TimeoutError:
            raise UpstreamError("connect-timeout") from None
        except EgressRefusedError:
            raise UpstreamError("egress") from None
        except socket.gaierror:
            raise UpstreamError("dns") from None
        except ssl.SSLError:
            raise UpstreamError("tls") from None
        except OSError:
            raise UpstreamError("connect") from None
        finally:
            self._connecting -= 1
            if connection is None:
                self._wake()  # the place is free again
        self._connections.add(connection)
        return connection

    async def _open(self, context: ssl.SSLContext | None) -> HttpConnection:
        loop = asyncio.get_running_loop()
        bound = await aiohappyeyeballs.start_connection(
            [_address_info(result) for result in await self._resolver.resolve(self._host, self._port)],
            happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY,
            interleave=1,
            loop=loop,
        )
        try:
            _, connection = await loop.create_connection(
                lambda: HttpConnection(self._max_response_bytes, context),
                sock=bound,
                ssl=context,
                server_hostname=self._host if context is not None else None,
            )
        except BaseException:
            bound.close()
            raise
        return connection


def _address_info(result: ResolveResult) -> tuple[int, int, int, str, tuple[str, int]]:
    address = ipaddress.ip_address(result["host"])
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (result["host"], result["port"]))


def _encode(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1\r\n"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"a line break in the header {name}")
        lines.append(f"{name}: {value}\r\n")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("latin-1")
    return head + body if body else head
