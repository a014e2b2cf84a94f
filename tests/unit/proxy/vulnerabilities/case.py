"""What a case of the corpus says, and the pieces that its bytes are made of.

The bytes are our own; they show the trick of a published vulnerability, they are not its exploit.
"""

from types import EllipsisType
from typing import Final, NamedTuple


class Case(NamedTuple):
    """One trick, as bytes that a client sends or an OMS answers, and what must come of it."""

    advisory: str
    """The id that it was published under, or the name of the technique."""
    project: str
    year: int
    trick: str
    data: bytes
    outcome: tuple[str | int | EllipsisType, ...]
    """Of a request: the answers in order, each a status, or for a read the order's id (`SEARCH` for a search).

    At `...` the proxy may also close the connection; what follows then gets no answer.

    Of an answer: the status or the problem's code for who asked, then what becomes of the connection:
    `kept`, `closed`, or either.
    """
    closes: bool = False
    """Whether the OMS closes the connection behind the bytes."""

    @property
    def name(self) -> str:
        """For pytest's output and its `-k`."""
        return f"{self.advisory} {self.project}: {self.trick}"


MARKED: Final = "MARKED"
"""The id of the order that a smuggled request asks for."""
FIRST: Final = "CO-1"
AFTER: Final = "CO-2"
"""The order of the request that follows each attack on its connection."""
SEARCH: Final = "search"
REFUSED: Final = (400,)
"""Refused, and the connection closed: what followed was not looked at."""

UNIT: Final = b"/api/v1/business-units/BU-1"
BODY: Final = b'{"customerId":"C-1"}'
AS_CHUNK: Final = b"14\r\n" + BODY + b"\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


def read(order: str, *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """Return the request for an order."""
    lines = [b"GET %s/customer-orders/%s %s" % (UNIT, order.encode(), version), b"Host: x", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


SMUGGLED: Final = read(MARKED)
LAST: Final = read(AFTER, b"Connection: close")
HEAD: Final = (
    b"POST " + UNIT + b"/customer-orders:search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
)
"""Of a search, up to the headers that frame its body."""


def length(count: int) -> bytes:
    """Return a `Content-Length`."""
    return b"Content-Length: %d\r\n" % count


def search(*framing: bytes, body: bytes) -> bytes:
    """Return a search, framed by these header lines (without their ends)."""
    return HEAD + b"".join(line + b"\r\n" for line in framing) + b"\r\n" + body
