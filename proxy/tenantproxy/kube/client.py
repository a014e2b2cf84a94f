"""The Kubernetes API by plain HTTP, for the operator. A call costs a third of what `kubernetes`' client takes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Final

import aiohttp
from yarl import URL

from tenantproxy import __version__
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import (
    CONNECT_TIMEOUT,
    TIMEOUT,
    KubeApi,
    StatusError,
    UnreachableError,
    error_of,
    lines_of,
    target,
)
from tenantproxy.kube.write_guard import SecondsLeft, WriteGuard, last_look, open_socket

_NOT_MODIFIED: Final = 304
_BINARY: Final = aiohttp.WSMsgType.BINARY


class KubeClient(KubeApi):
    """The operator's client."""

    def __init__(
        self,
        access: KubeAccess,
        *,
        connections: int = 100,
        program: str = "tenantproxy",
        write_guard: WriteGuard | None = None,
    ) -> None:
        """Prepare for calls, at most `connections` of them at once; further ones wait.

        `write_guard` says whether and for how long a write may be under way: none leaves when that is over.
        """
        self._access = access
        self._write_guard = write_guard
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                ssl=access.tls or True,
                keepalive_timeout=60,
                socket_factory=open_socket if write_guard else None,
            ),
            trace_configs=[last_look()] if write_guard else [],
            timeout=aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=CONNECT_TIMEOUT),
            # Compression would take both sides more time than it saves on a cluster's network.
            headers={"User-Agent": f"{program}/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - aiohttp's own
    ) -> bytes:
        """Return the body of a successful answer; KubeError also where the guard forbids a write."""
        headers = {"Accept": accept} | ({"Content-Type": content_type} if body is not None else {})
        guard = self._write_guard(path) if self._write_guard and method != "GET" else contextlib.nullcontext()
        with guard as seconds_left:
            if seconds_left is not None:
                timeout = min(timeout, seconds_left())
            _, answer = await self._send(
                method, self._url(path, query), headers, body=body, timeout=timeout, seconds_left=seconds_left
            )
            return answer

    async def read_if_changed(self, path: str, tag: str) -> tuple[str, bytes] | None:
        """Return a document, and the ETag by which its next version is told; None where it still has this one.

        Raises:
            KubeError: As `request`.

        """
        headers = {"Accept": "application/json"} | ({"If-None-Match": tag} if tag else {})
        try:
            answered, answer = await self._send("GET", self._url(path, None), headers)
        except StatusError as error:
            if error.status == _NOT_MODIFIED:
                return None
            raise
        return answered.get("ETag", ""), answer

    async def _send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - aiohttp's own
        seconds_left: SecondsLeft | None = None,
    ) -> tuple[Mapping[str, str], bytes]:
        """Return the headers and the body of a successful answer. Raises KubeError."""
        with _translated():
            async with self._session.request(
                method,
                url,
                data=body,
                headers={**headers, **self._access.headers()},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_TIMEOUT)),
                trace_request_ctx=seconds_left,
            ) as response:
                answer = await response.read()
                if response.status >= 300:  # noqa: PLR2004 - a redirect is no success either
                    raise _error(response, answer)
                return response.headers, answer

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream of lines."""
        with _translated():
            async with asyncio.timeout(TIMEOUT):
                response = await self._session.get(
                    self._url(path, query),
                    headers={"Accept": accept} | self._access.headers(),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=silence),
                )
            async with response, contextlib.aclosing(lines_of(response.content.iter_any())) as lines:
                if response.status >= 300:  # noqa: PLR2004 - as above
                    async with asyncio.timeout(TIMEOUT):
                        raise _error(response, await response.read())
                try:
                    yield lines
                finally:
                    _abort(response)

    @contextlib.asynccontextmanager
    async def messages(
        self, path: str, *, query: Mapping[str, str], protocol: str
    ) -> AsyncIterator[tuple[Callable[[bytes], Awaitable[None]], AsyncIterator[bytes]]]:
        """Open a WebSocket; yield what sends a message, and the messages that come, to the connection's end.

        Raises:
            StatusError: The answer is an error; what it says is not known.
            UnreachableError: There is none, or it breaks off.

        """
        with _translated():
            try:
                socket = await self._session.ws_connect(
                    self._url(path, query), protocols=(protocol,), headers=self._access.headers(), max_msg_size=0
                )
            except aiohttp.WSServerHandshakeError as error:
                raise StatusError(error.status, "NoWebSocket", "the WebSocket was refused") from None
            async with socket:
                yield socket.send_bytes, (message.data async for message in socket if message.type is _BINARY)

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        return URL(self._access.url + target(path, query), encoded=True)


def _abort(response: aiohttp.ClientResponse) -> None:
    """Close the connection of an answer that has not ended.

    aiohttp would end TLS in good order, and wait for half a minute for a server that is silent, also after the
    client's end.
    """
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise what aiohttp raises as our own."""
    try:
        yield
    except TimeoutError:
        raise UnreachableError("no answer in time") from None
    except OSError as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from None
    except aiohttp.ClientError as error:
        raise UnreachableError(type(error).__name__) from None  # its message may quote what came


def _error(response: aiohttp.ClientResponse, body: bytes) -> StatusError:
    return error_of(response.status, response.headers, body, response.reason or "")
