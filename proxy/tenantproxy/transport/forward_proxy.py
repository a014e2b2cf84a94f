"""The forward proxy, through which a process may have to reach servers outside, and the tunnels that it makes.

What it says stays here: of its response to CONNECT (RFC 9110 section 9.3.6) only the status is used, and none of
its headers reaches the server or our caller.
"""

import asyncio
import base64
import logging
import re
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from tenantproxy.config import ProxyConfig
from tenantproxy.transport.base import FailureReason, UpstreamError
from tenantproxy.transport.egress import GuardedResolver
from tenantproxy.transport.egress_policy import platform_policy
from tenantproxy.transport.no_proxy import NoProxy
from tenantproxy.transport.resumption import ResumingContext
from tenantproxy.transport.tls import ContextSource, TlsFiles

_log = logging.getLogger(__name__)

CREDENTIAL_KEYS: Final = ("username", "password")
"""Files, and keys of the Secret (type kubernetes.io/basic-auth), for a forward proxy that demands them."""
MAX_CONNECT_HEAD_BYTES: Final = 16 * 1024
"""Of a response to CONNECT."""
_MAX_CREDENTIAL_BYTES: Final = 4 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
PROXY_AUTHENTICATION_REQUIRED: Final = 407
_UNAUTHORIZED: Final = 401
"""To CONNECT, some (Tinyproxy) answer so where a credential is wrong, and 407 only where there is none."""


class ForwardProxy:
    """The forward proxy of one process: where it is, what goes through it, and how we authenticate to it."""

    def __init__(
        self,
        url: str,
        *,
        no_proxy: NoProxy,
        resolver: GuardedResolver,
        tls: ContextSource,
        credentials: Path | None = None,
    ) -> None:
        """`credentials`: the directory with the files of `CREDENTIAL_KEYS`."""
        self._tls = tls if urlsplit(url).scheme == "https" else None
        self.host, self.port = authority(url)
        self.resolver: Final = resolver
        self._no_proxy = no_proxy
        self._credentials = credentials

    def is_for(self, host: str, port: int) -> bool:
        """Tell whether connections to a destination go through it."""
        return not self._no_proxy.covers(host, port)

    def context(self) -> ResumingContext | None:
        """Return the context for TLS to the forward proxy itself; None for plain HTTP."""
        return None if self._tls is None else self._tls.current()

    def authorization(self) -> dict[str, str]:
        """Return the header that authenticates us; none where there is no credential.

        The files are read again each time, so that a changed Secret is used for the next connection.
        """
        if self._credentials is None:
            return {}
        try:
            parts = [_read(self._credentials / key) for key in CREDENTIAL_KEYS]
        except OSError as error:
            _log.warning("the forward proxy's credential can't be read: %s", error.strerror)
            return {}
        return {"Proxy-Authorization": f"Basic {base64.b64encode(b':'.join(parts)).decode()}"}


def authority(url: str) -> tuple[str, int]:
    """Return the host and the port of an http(s) URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_CREDENTIAL_BYTES).removesuffix(b"\n")


def forward_proxy(config: ProxyConfig, tls: TlsFiles, credentials: Path) -> ForwardProxy | None:
    """Return the configured forward proxy; None where there is none.

    Raises:
        ValueError: An entry of `noProxy`, or a CIDR, is malformed.

    """
    given = config.upstream.forward_proxy
    if not given:
        return None
    return ForwardProxy(
        given.url,
        no_proxy=NoProxy(given.no_proxy),
        resolver=GuardedResolver(platform_policy(config.egress)),
        tls=tls.forward_proxy,
        credentials=credentials if given.credentials else None,
    )


class Tunnel(asyncio.Protocol):
    """A connection to a forward proxy that asks it for a tunnel to a destination, HOST:PORT."""

    def __init__(self, destination: str, authorization: dict[str, str]) -> None:
        self._destination = destination
        self._authorization = authorization
        self._received = bytearray()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def established(self) -> asyncio.Transport:
        """Return the transport to the destination, from which nothing has been read.

        Raises:
            UpstreamError: The forward proxy makes no tunnel.

        """
        await self._answered
        assert self._transport is not None  # noqa: S101 - who answers is connected
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the tunnel."""
        self._transport = cast("asyncio.Transport", transport)
        lines = [f"CONNECT {self._destination} HTTP/1.1", f"Host: {self._destination}"]
        lines += [f"{name}: {value}" for name, value in self._authorization.items()]
        self._transport.write("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))

    def data_received(self, data: bytes) -> None:
        """Read the response's head, and nothing behind it: the destination speaks only when it is spoken to."""
        if self._answered.done():
            return
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 and len(self._received) <= MAX_CONNECT_HEAD_BYTES:
            return
        assert self._transport is not None  # noqa: S101 - data came
        self._transport.pause_reading()
        reason = _refusal(bytes(self._received), end)
        if reason is None:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(UpstreamError(reason))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Fail, if there was no response."""
        if not self._answered.done():
            self._answered.set_exception(UpstreamError("forward-proxy-invalid"))
            self._answered.exception()  # there may be nobody left who asks


def _refusal(received: bytes, end: int) -> FailureReason | None:
    """Return why a response to CONNECT, whose head has its end there, makes no tunnel; None where it does."""
    found = _STATUS_LINE.match(received)
    if found is None or not 0 <= end <= MAX_CONNECT_HEAD_BYTES:
        return "forward-proxy-invalid"
    status = int(found[1])
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return "forward-proxy-invalid" if received[end + 4 :] else None
    if status in (PROXY_AUTHENTICATION_REQUIRED, _UNAUTHORIZED):
        return "forward-proxy-auth"
    return "forward-proxy-gateway" if status >= 500 else "forward-proxy-denied"  # noqa: PLR2004 - HTTP
