"""The PosLog in an event: out of base64, and decompressed within bounds.

How it is compressed is told by its first bytes, whatever `datacontenttype` says: Hii Retail's pages say ZIP, their
code reads a zlib stream (docs/oms.md). It is decompressed to the end, though an early part may tell that nothing
concerns an order: only the end has the checksum, and a later part may tell otherwise.
"""

import binascii
import zlib
from typing import Final

from tenantproxy.poslog.intake import archive
from tenantproxy.poslog.intake.errors import EventError, malformed

LIGHT_BYTES: Final = 128 * 1024
"""Of a PosLog that is decompressed whatever its size was before."""
MAX_RATIO: Final = 500
"""Times its compressed size that a larger one may have: PosLogs have 4 to 20, equal lines up to 250, a bomb
1,000."""

_DAMAGED: Final = "`data` is damaged: it can't be decompressed to its end, or is followed by something else"


def compressed(text: str) -> bytes:
    """Return what an event's `data` is the base64 of.

    Raises:
        EventError: It is no base64.

    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise malformed("`data` is not base64 (RFC 4648 section 4)") from None


def decompressed(content: bytes, limit: int) -> bytes | None:
    """Return a PosLog; None: it has more than `limit` bytes.

    Raises:
        EventError: It is malformed, or out of all proportion.

    """
    if not content.startswith(archive.START):
        if not is_zlib(content):
            raise malformed("`data` is neither a zlib stream nor a ZIP archive")
        return _inflated(content, limit, zlib.MAX_WBITS)
    packed = archive.packed(content)
    if packed.size > limit:
        return None
    if not packed.is_compressed:
        return packed.checked(bytes(packed.content))
    return packed.checked(_inflated(packed.content, packed.size, -zlib.MAX_WBITS))


def _inflated(content: bytes | memoryview, limit: int, window_bits: int) -> bytes | None:
    bound = max(LIGHT_BYTES, MAX_RATIO * len(content))
    inflater = zlib.decompressobj(window_bits)
    try:
        plain = inflater.decompress(content, min(limit, bound) + 1)
    except zlib.error:
        raise malformed(_DAMAGED) from None
    if len(plain) > bound:
        raise EventError("event-too-large", f"the PosLog is more than {MAX_RATIO} times its compressed size")
    if len(plain) > limit:
        return None
    if not inflater.eof or inflater.unused_data:
        raise malformed(_DAMAGED)
    return plain


def is_zlib(content: bytes) -> bool:
    """Return whether it has the head of a zlib stream (RFC 1950 section 2.2)."""
    return len(content) > 1 and content[0] & 15 == zlib.DEFLATED and (content[0] << 8 | content[1]) % 31 == 0
