"""The pieces that answers of the corpus are made of."""

import json
from typing import Final

from support.proxy.oms import ORDER

ASKED: Final = "CO-1"
"""The order that the attacked read asks for."""
NEXT: Final = "CO-2"
"""The order of the read behind it, which a poisoned connection would answer with `EXTRA`."""

LINE: Final = b"HTTP/1.1 200 OK\r\n"
JSON: Final = b"Content-Type: application/json\r\n"


def order(name: str, customer: str = "C-1") -> bytes:
    """Return the body for an order."""
    return json.dumps({"customerOrder": ORDER | {"customerOrderId": name, "customerId": customer}}).encode()


def whole(body: bytes, *headers: bytes) -> bytes:
    """Return an answer with a right length."""
    lines = b"".join(line + b"\r\n" for line in headers)
    return LINE + JSON + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, *headers: bytes) -> bytes:
    """Return an answer whose body is chunked already."""
    lines = b"".join(line + b"\r\n" for line in headers)
    return LINE + JSON + lines + b"Transfer-Encoding: chunked\r\n\r\n" + body


BODY: Final = order(ASKED)
GOOD: Final = whole(BODY)
EXTRA: Final = whole(order(NEXT, "MARKED"))
"""What nobody asked for: a right answer to the next read, but for the mark in it."""
