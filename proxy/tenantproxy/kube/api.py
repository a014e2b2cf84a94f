"""What the API server is asked, and what it answers: errors, pages of lists, lines of streams.

No generated models: paths, bytes and statuses. Two clients ask it: `client` for the operator, with a leader's
guard before each write and WebSockets; `pod_client` for the proxies, of what these have loaded anyway.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tenantproxy.retry_after import parse_retry_after

METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The media type of an object's metadata alone."""
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

TIMEOUT: Final = 30.0
"""Seconds for one call, unless told otherwise."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds to connect."""
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


class KubeApi(ABC):
    """Calls the API server."""

    @abstractmethod
    async def close(self) -> None:
        """Close all connections."""

    @abstractmethod
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - for each call another one
    ) -> bytes:
        """Return the body of a successful answer.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is none within `timeout` seconds.
            KubeError: It must not be sent now.

        """

    @abstractmethod
    def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, silence: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a stream of lines; end it with an error after `silence` seconds without a byte.

        Raises:
            StatusError: The answer is an error.
            UnreachableError: There is none, or it breaks off.

        """

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


def target(path: str, query: Mapping[str, str] | None) -> str:
    """Return what follows the API server's address in a URL."""
    return path + (f"?{urlencode(query, quote_via=quote)}" if query else "")


async def lines_of(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a stream, of any length.

    Empty ones are left out, and so is what follows the last newline: the end of the stream has cut it.
    """
    parts: list[bytes] = []
    async for piece in pieces:
        first, *rest = piece.split(b"\n")
        parts.append(first)
        for following in rest:
            if line := b"".join(parts):
                yield line
            parts = [following]


def error_of(status: int, headers: Mapping[str, str], body: bytes, reason: str = "") -> StatusError:
    """Return an answer as an exception; `headers` by names in lower case, `reason` for one that names none."""
    try:
        said = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = Status(message="the answer is no Status object", reason=reason)
    error = said.to_error(status)
    if error.retry_after is None:
        error.retry_after = parse_retry_after(headers.get("retry-after", ""), headers.get("date", ""))
    return error
