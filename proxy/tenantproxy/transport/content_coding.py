"""What a server has compressed, though nobody asked for it (RFC 9110 section 8.4.1); within bounds.

It is told by its first bytes: headers say gzip of what a gateway has decompressed, and nothing of what another one
has compressed. No JSON text begins like gzip or zlib.
"""

import re
import zlib
from typing import Final

LIGHT_BYTES: Final = 64 * 1024
"""Decompressed in a tenth of a millisecond."""
MAX_RATIO: Final = 500
"""Times its compressed size that a body beyond `LIGHT_BYTES` may have: orders have 4 to 30, equal items up to 300,
a bomb 1,000."""

MAX_MEMBERS: Final = 8
"""Of a gzip file (RFC 1952 section 2.2); each is a copy of what follows it."""
_BEHIND: Final = b"\0\t\n\r "
"""What is dropped behind the last one, as gzip's own tools do: padding, and a line's end."""
_UNREADABLE: Final = frozenset({"br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"})
"""Compressions (IANA's content codings) that can't be read; any other word there is an error of the server."""

_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_TEXT: Final = (b"", *(bytes([byte]) for byte in b'{["n \n\xef'))
"""What a JSON text begins with, a byte order mark included; no compressed one does that has no head of zlib's."""
_WINDOW_BITS: Final = {"gzip": 31, "zlib": 15, "deflate": -15}


def coding_of(body: bytes, header: str = "") -> str | None:
    """Return how a body is compressed (`gzip`, `zlib`, or `deflate` without zlib's head); None: it is not.

    `header` is its `Content-Encoding`, without which `deflate` can't be told.
    """
    start = body[:2]
    if start == _GZIP:
        return "gzip"
    if start in _ZLIB:
        return "zlib"
    return "deflate" if header.strip().lower() == "deflate" and body[:1] not in _TEXT else None


def unreadable(header: str) -> str | None:
    """Return a compression in a `Content-Encoding` that can't be read; None: it names none."""
    return min(_UNREADABLE.intersection(re.split(r"[\s,]+", header.lower())), default=None)


def decompressed(body: bytes, coding: str, limit: int) -> bytes | None:
    """Return what a body holds; None: that is more than `limit` bytes, or out of all proportion.

    Raises:
        ValueError: It is malformed, cut off, or followed by something else.

    """
    limit = min(limit, max(LIGHT_BYTES, MAX_RATIO * len(body)))
    plain = b""
    for _ in range(MAX_MEMBERS if coding == "gzip" else 1):
        inflater = zlib.decompressobj(_WINDOW_BITS[coding])
        try:
            plain += inflater.decompress(body, limit + 1 - len(plain))
        except zlib.error:
            raise ValueError("malformed") from None
        if len(plain) > limit:
            return None
        body = inflater.unused_data
        if not body.startswith(_GZIP):
            break
    if not inflater.eof or body.strip(_BEHIND):
        raise ValueError("cut off, or followed by something else")
    return plain
