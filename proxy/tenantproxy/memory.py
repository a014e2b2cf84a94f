"""How much memory a proxy needs at most; `resources.limits.memory` must have room for it."""

from typing import Final

from tenantproxy.admission import MAX_HELD_BYTES

_MIB: Final = 1024 * 1024
BASE: Final = 96 * _MIB
"""The process itself, with its connections, tokens and keys."""
HELD: Final = 2 * MAX_HELD_BYTES
"""Responses in flight, of all requests, some of them as a copy."""
PER_ANSWER_BYTE: Final = 20
"""Bytes for each byte of the one large answer that is converted at a time, at most (`oms.conversion`)."""


def needed(max_response_bytes: int) -> int:
    """Return the bytes that a proxy may come to use where the OMS's answers may be so large."""
    return BASE + HELD + PER_ANSWER_BYTE * max_response_bytes
