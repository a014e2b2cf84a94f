"""One request of a client: its head as the parser has found it, and its body, which may still be arriving."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp.http_writer import HttpVersion
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

from tenantproxy.admission import overloaded
from tenantproxy.problems import Problem

BODY_TIMEOUT: Final = 10.0
"""Seconds for a request's body."""
MAX_BODY_BUFFER: Final = 64 * 1024
"""Bytes of a body that is not taken, at which reading pauses."""


class Head(Protocol):
    """A request's head as the parser found it: aiohttp's parser in C has a class of its own for it."""

    @property
    def method(self) -> str: ...  # noqa: D102 - HTTP's terms
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> HttpVersion: ...  # noqa: D102
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...  # noqa: D102
    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]: ...  # noqa: D102
    @property
    def should_close(self) -> bool: ...  # noqa: D102
    @property
    def chunked(self) -> bool: ...  # noqa: D102


class Request:
    """What handlers need of a request; `raw_path` is its target as it was sent."""

    __slots__ = (
        "chunked",
        "content",
        "headers",
        "keep_alive",
        "method",
        "raw_headers",
        "raw_path",
        "refused",
        "transport",
        "version",
        "waited",
    )

    def __init__(self, head: Head, content: StreamReader, transport: asyncio.Transport | None) -> None:
        self.method = head.method
        self.raw_path = head.path
        self.version = head.version
        self.headers = head.headers
        self.raw_headers = head.raw_headers
        self.keep_alive = not head.should_close
        """Whether the client is ready to send another request."""
        self.content = content
        self.transport = transport
        self.waited = 0.0
        """Seconds, at the entrance."""
        self.refused = False
        """Whether that was too long."""

    @property
    def content_length(self) -> int:
        """How long the body is said to be; 0 also where nothing says so."""
        return int(self.headers.get("Content-Length", 0))  # the parser saw to it that it is one number

    @property
    def size(self) -> int:
        """How many bytes it holds, at most, of its head and of what has come of its body."""
        head = len(self.raw_path) + sum(len(name) + len(value) for name, value in self.raw_headers)
        return head + (self.content.total_bytes if self.content.is_eof() else MAX_BODY_BUFFER)

    @property
    def peer(self) -> str | None:
        """The address of who is connected."""
        address = self.transport.get_extra_info("peername") if self.transport is not None else None
        return address[0] if address else None


async def read_body(
    request: Request,
    limit: int,
    *,
    seconds: float | None = None,
    holds: Callable[[int], bool] = lambda _: True,
) -> bytes:
    """Return a request's body; `holds` is asked whether there is room for so many bytes of it.

    Raises:
        Problem: `payload-too-large`: over `limit` bytes; `request-timeout`: it did not come in time;
            `malformed-request`: it is not framed as HTTP wants it; `overloaded`: there is no room for it.

    """
    content = request.content
    if request.content_length > limit or content.total_bytes > limit:
        raise _too_large(limit)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if content.is_eof() and content.exception() is None:  # nearly always: it came with its head
        if not holds(content.total_bytes):
            raise _no_room()
        return content.read_nowait()
    chunks: list[bytes] = []
    size, held = 0, True
    try:
        async with asyncio.timeout(BODY_TIMEOUT if seconds is None else seconds):
            while size <= limit and held and (chunk := await content.readany()):
                size += len(chunk)
                held = holds(size)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem("request-timeout", "The body did not arrive in time.") from None
    except Exception as error:  # noqa: BLE001 - aiohttp's payload errors have several bases; all quote the input
        error.__traceback__ = None  # it holds the body, which holds the error
        raise _malformed() from None
    if content.exception() is not None:
        raise _malformed()
    if size > limit or not held:
        raise _too_large(limit) if size > limit else _no_room()
    return b"".join(chunks)


def _no_room() -> Problem:
    return overloaded("There is no room for the body now.")


def _malformed() -> Problem:
    return Problem("malformed-request", "The body can't be parsed.")


def _too_large(limit: int) -> Problem:
    return Problem("payload-too-large", f"The body may have at most {limit} bytes.")
