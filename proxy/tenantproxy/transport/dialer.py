"""Makes connections to one server: it alone knows the way there, which is direct or through a forward proxy."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import aiohappyeyeballs
from aiohttp.abc import ResolveResult

from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.egress import EgressRefusedError, GuardedResolver
from tenantproxy.transport.forward_proxy import ForwardProxy, Tunnel
from tenantproxy.transport.resumption import ResumingContext

_P = TypeVar("_P", bound=asyncio.Protocol)

CONNECT_TIMEOUT: Final = 1.0
"""Seconds for DNS, TCP and TLS; with a forward proxy as many to reach it, for its tunnel, and for TLS in that."""
_HAPPY_EYEBALLS_DELAY: Final = 0.25
"""Seconds before the next address is tried beside the last one (RFC 8305)."""
_TCP_OPTIONS: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 2000}
"""A connection that is quiet for 30 s is asked for a sign of life, long before NAT or a load balancer forgets it
(of the large clouds' the first does so after 4 minutes); what is not acknowledged for 2 s (in ms) ends it."""


class Dialer:
    """Connects to one server, whose name `resolver` guards."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        resolver: GuardedResolver,
        forward_proxy: ForwardProxy | None,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._host = host
        self._port = port
        self._resolver = resolver
        self.forward_proxy: Final = (
            forward_proxy if forward_proxy is not None and forward_proxy.is_for(host, port) else None
        )
        """The one that is on the way, if any."""

    async def dial(self, protocol: Callable[[], _P], context: ssl.SSLContext | None) -> _P:
        """Return a connection, with TLS by `context` where there is one.

        Raises:
            UpstreamError: There is none to be had.

        """
        try:
            try:
                return await self._connected(protocol, context)
            except (ssl.SSLError, ConnectionError, TimeoutError) as error:
                # Some servers end, or hang in, the handshake of a session that they can't resume.
                if isinstance(error, TimeoutError) or not _forgotten(context, self._host):
                    raise
                return await self._connected(protocol, context)
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

    async def close(self) -> None:
        """Release the resolver."""
        await self._resolver.close()

    async def _connected(self, protocol: Callable[[], _P], context: ssl.SSLContext | None) -> _P:
        if self.forward_proxy is None:
            async with asyncio.timeout(self._connect_timeout):
                return await self._direct(protocol, context)
        self._resolver.check_unresolved(self._host, self._port)
        if context is None:
            return await _reach(self.forward_proxy, protocol)
        return await self._through(self.forward_proxy, protocol, context)

    async def _direct(self, protocol: Callable[[], _P], context: ssl.SSLContext | None) -> _P:
        addresses = await self._resolver.resolve(self._host, self._port)
        return await _connect(addresses, protocol, context, self._host)

    async def _through(
        self, forward_proxy: ForwardProxy, protocol: Callable[[], _P], context: ssl.SSLContext
    ) -> _P:
        """Connect by a tunnel, in which TLS is with the server itself."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        authorization = forward_proxy.authorization()
        tunnel = await _reach(forward_proxy, lambda: Tunnel(f"{host}:{self._port}", authorization))
        try:
            transport = await _established(tunnel)
            connection = protocol()
            async with asyncio.timeout(CONNECT_TIMEOUT):
                connection.connection_made(await _secured(transport, connection, context, self._host))
        except BaseException:
            tunnel.abort()
            raise
        return connection


def _forgotten(context: ssl.SSLContext | None, host: str) -> bool:
    """Resume no session with a host; return whether there was one."""
    return isinstance(context, ResumingContext) and context.forget(host)


async def _established(tunnel: Tunnel) -> asyncio.Transport:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await tunnel.established()
    except TimeoutError:
        raise UpstreamError("forward-proxy-timeout") from None


async def _secured(
    transport: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext, host: str
) -> asyncio.Transport:
    """Return the transport with TLS; the protocol is not told of it."""
    secured = await asyncio.get_running_loop().start_tls(transport, protocol, context, server_hostname=host)
    if secured is None:  # it was closed at that moment
        raise UpstreamError("disconnected")
    return secured


async def _reach(forward_proxy: ForwardProxy, protocol: Callable[[], _P]) -> _P:
    """Connect to the forward proxy itself."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            addresses = await forward_proxy.resolver.resolve(forward_proxy.host, forward_proxy.port)
            return await _connect(addresses, protocol, forward_proxy.context(), forward_proxy.host)
    except OSError:  # of any kind: a timeout, a forbidden address, TLS
        raise UpstreamError("forward-proxy-connect") from None


async def _connect(
    addresses: Iterable[ResolveResult], protocol: Callable[[], _P], context: ssl.SSLContext | None, host: str
) -> _P:
    """Connect to the first of some addresses that accepts; `host` is whom TLS has to be with."""
    loop = asyncio.get_running_loop()
    try:
        bound = await aiohappyeyeballs.start_connection(
            [_address_info(result) for result in addresses],
            happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY,
            interleave=1,
            loop=loop,
        )
    except OSError as error:
        raise error.with_traceback(None) from None  # that holds a frame which holds the error
    try:
        _watch(bound)
        _, connected = await loop.create_connection(
            protocol, sock=bound, ssl=context, server_hostname=host if context is not None else None
        )
    except BaseException:
        bound.close()
        raise
    return connected


def _watch(connection: socket.socket) -> None:
    """Have the kernel find out that what is at the other end, or between, has forgotten a connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:  # other systems than Linux lack some
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _address_info(result: ResolveResult) -> tuple[int, int, int, str, tuple[str, int]]:
    address = ipaddress.ip_address(result["host"])
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (result["host"], result["port"]))
