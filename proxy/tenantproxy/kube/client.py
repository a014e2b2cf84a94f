"""The Kubernetes API by plain HTTP: the one place that calls it, for proxies and for the operator.

No generated models: paths, bytes and statuses. A call costs a third of what `kubernetes`' client takes.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from tenantproxy import __version__
from tenantproxy.kube.write_guard import SecondsLeft, WriteGuard, last_look, open_socket
from tenantproxy.retry_after import parse_retry_after

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's token and the API server's CA."""

METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The media type of an object's metadata alone."""
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_TOKEN_SECONDS: Final = 10.0
"""Seconds for which a token is used before its file is read again; the kubelet rotates it."""
_TIMEOUT: Final = 30.0
"""Seconds for one call, unless told otherwise."""
_CONNECT_TIMEOUT: Final = 5.0
"""Seconds to connect."""
_NOT_MODIFIED: Final = 304
_BINARY: Final = aiohttp.WSMsgType.BINARY
_LONGEST_MESSAGE: Final = 1000
"""Characters of a `Status` message that are kept: admission webhooks write what they like."""

T = TypeVar("T")


class KubeError(Exception):
    """A call of the API server failed."""

    retry_after: float | None = None
    """Seconds, where the server named them."""


class UnreachableError(KubeError):
    """There was no answer: the API server is down or hangs, or its certificate is not trusted."""


class StatusError(KubeError):
    """It answered with an error, a `Status` object."""

    def __init__(self, status: int, reason: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message[:_LONGEST_MESSAGE]}")
        self.status = status
        self.reason = reason
        """CamelCase, such as `AlreadyExists`: 409 has several."""
        self.message = message[:_LONGEST_MESSAGE]
        self.retry_after = retry_after


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None


class Status(msgspec.Struct):
    """`metav1.Status`, as far as it is used."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None

    def to_error(self, status: int) -> StatusError:
        """Return it as an exception; `status` is that of the HTTP response."""
        retry_after = self.details.retry_after_seconds if self.details else None
        return StatusError(self.code or status, self.reason or "Unknown", self.message, retry_after=retry_after)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class Page(msgspec.Struct):
    """One page of a list of objects, each still to be decoded."""

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The exceptions that decoding an answer raises."""


def unreadable(error: Exception) -> KubeError:
    """Return one of `UNREADABLE` as a KubeError; it names a place in the answer, and quotes nothing."""
    return KubeError(f"an answer that can't be read: {error}")


def decoded(answer: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Return an answer of the API server, decoded as `kind`.

    Raises:
        KubeError: It can't be read, such as a page of HTML by a load balancer.

    """
    try:
        return msgspec.json.decode(answer, type=kind)
    except UNREADABLE as error:
        raise unreadable(error) from None


@dataclass(frozen=True, kw_only=True)
class KubeAccess:
    """The address of the API server, its CAs, and the credentials."""

    url: str
    tls: ssl.SSLContext | None = None
    """None: the system's CAs, or plain http."""
    authorization: Callable[[], str | None] = lambda: None
    """Returns the `Authorization` to send now."""

    @classmethod
    def in_cluster(cls, directory: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Self:
        """Return how a pod reaches the API server of its own cluster.

        Raises:
            KubeError: This is no pod, or it has no service account's token.

        """
        try:
            host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
            tls = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        except KeyError as error:
            raise KubeError(f"the environment has no {error.args[0]}; is this a pod?") from None
        except (OSError, ssl.SSLError) as error:
            raise KubeError(f"{directory}/ca.crt can't be used ({error.strerror}); is a token mounted?") from None
        # Python 3.13 sets this flag; but the CAs of some clusters (EKS) lack the key identifiers that it demands.
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        host = f"[{host}]" if ":" in host else host
        return cls(url=f"https://{host}:{port}", tls=tls, authorization=TokenFile(directory / "token"))


class TokenFile:
    """A bearer token in a file, read again when it may have been rotated."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._authorization: str | None = None
        self._read_at = 0.0

    def __call__(self) -> str | None:
        """Return the `Authorization`; None where there has never been a token."""
        now = self._clock()
        if self._authorization is None or now - self._read_at >= _TOKEN_SECONDS:
            if (token := self._read()) is not None:  # the last one may still be good
                self._authorization = f"Bearer {token}"
            self._read_at = now
        return self._authorization

    def _read(self) -> str | None:
        """Return the token; None where there is none, or one that no header can carry."""
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return token if token and token.isprintable() else None


class KubeClient:
    """Calls the API server."""

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
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT, sock_connect=_CONNECT_TIMEOUT),
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
        timeout: float = _TIMEOUT,  # noqa: ASYNC109 - aiohttp's own
    ) -> bytes:
        """Return the body of a successful answer.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is none within `timeout` seconds.
            KubeError: It is a write, and the guard forbids it.

        """
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
        timeout: float = _TIMEOUT,  # noqa: ASYNC109 - aiohttp's own
        seconds_left: SecondsLeft | None = None,
    ) -> tuple[Mapping[str, str], bytes]:
        """Return the headers and the body of a successful answer. Raises KubeError."""
        with _translated():
            async with self._session.request(
                method,
                url,
                data=body,
                headers={**headers, **self._authorization()},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT_TIMEOUT)),
                trace_request_ctx=seconds_left,
            ) as response:
                answer = await response.read()
                if response.status >= 300:  # noqa: PLR2004 - a redirect is no success either
                    raise _error(response, answer)
                return response.headers, answer

    async def pages(
        self, path: str, *, query: Mapping[str, str], accept: str = "application/json", size: int
    ) -> AsyncIterator[Page]:
        """Yield a list of objects in pages of `size`; all of one resource version.

        Raises:
            KubeError: As `request`; or an answer can't be read.

        """
        token: str | None = ""
        while token is not None:
            wanted = {**query, "limit": str(size)} | ({"continue": token} if token else {})
            page = decoded(await self.request("GET", path, query=wanted, accept=accept), Page)
            yield page
            token = page.metadata.continue_ or None

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, silence: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream of lines; end it with an error after `silence` seconds without a byte.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is none, or it breaks off.

        """
        with _translated():
            async with asyncio.timeout(_TIMEOUT):
                response = await self._session.get(
                    self._url(path, query),
                    headers={"Accept": accept} | self._authorization(),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT, sock_read=silence),
                )
            async with response, contextlib.aclosing(_lines(response.content)) as lines:
                if response.status >= 300:  # noqa: PLR2004 - as above
                    async with asyncio.timeout(_TIMEOUT):
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
                    self._url(path, query), protocols=(protocol,), headers=self._authorization(), max_msg_size=0
                )
            except aiohttp.WSServerHandshakeError as error:
                raise StatusError(error.status, "NoWebSocket", "the WebSocket was refused") from None
            async with socket:
                yield socket.send_bytes, (message.data async for message in socket if message.type is _BINARY)

    def _authorization(self) -> dict[str, str]:
        value = self._access.authorization()
        return {} if value is None else {"Authorization": value}

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        tail = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return URL(f"{self._access.url}{path}{tail}", encoded=True)


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


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yield lines of any length, which aiohttp's own `readline` refuses beyond 128 KiB.

    Empty ones are left out, and so is what follows the last newline: the end of the stream has cut it.
    """
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        first, *rest = chunk.split(b"\n")
        parts.append(first)
        for following in rest:
            if line := b"".join(parts):
                yield line
            parts = [following]


def _error(response: aiohttp.ClientResponse, body: bytes) -> StatusError:
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = Status(message="the answer is no Status object", reason=response.reason or "")
    error = status.to_error(response.status)
    if error.retry_after is None:
        headers = response.headers
        error.retry_after = parse_retry_after(headers.get("Retry-After", ""), headers.get("Date", ""))
    return error
