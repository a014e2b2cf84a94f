"""The parser of requests: aiohttp's `HttpRequestParser`, which is llhttp with aiohttp's own checks.

It is told to stop behind each request (`max_msg_queue_size=1`): what it was fed beyond, it keeps, and looks at
when it is fed again. It also keeps the last head, so it is better given up where it was fed one request, and
nothing else.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, cast

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import StreamReader

from tenantproxy.server.parse_errors import MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from tenantproxy.server.request import MAX_BODY_BUFFER, Head

OTHERS: Final = -1
"""Instead of a number of missing bytes: of other requests something has come, too, or may have."""
_END_OF_HEAD: Final = b"\r\n\r\n"


class RequestParser(Protocol):
    """What we use of it."""

    def feed_data(self, data: bytes) -> tuple[Sequence[tuple[Head, StreamReader]], bool, bytes]:
        """Return the request that begins in the data, if any, and two things of no interest."""
        ...

    def message_consumed(self) -> None:
        """Let it parse the next request."""
        ...


def parser_for(protocol: object, loop: asyncio.AbstractEventLoop) -> RequestParser:
    """Return a new one; it, and bodies, ask for `protocol.connected`, `pause_reading` and `resume_reading`."""
    parser = HttpRequestParser(
        cast("BaseProtocol", protocol),
        loop,
        MAX_BODY_BUFFER // 2,  # of which it pauses at twice as many
        max_line_size=MAX_TARGET_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
        auto_decompress=False,
        max_msg_queue_size=1,
    )
    return cast("RequestParser", parser)


def missing(head: Head, data: bytes) -> int:
    """Return how many bytes of a request are missing in what its parser was fed; `OTHERS` or less: more was."""
    end = data.find(_END_OF_HEAD)
    if end < 0 or head.chunked:
        return OTHERS
    return end + len(_END_OF_HEAD) + int(head.headers.get("Content-Length", 0)) - len(data)
