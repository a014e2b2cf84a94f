"""When certificates expire.

Read by hand, since `cryptography` is 11 MiB, which a pod whose OMS has a CA of its own would have for this alone.
OpenSSL has taken the files before, so here nothing is checked.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import Final

EARLIEST: Final[Callable[[Iterable[float]], float]] = min
"""Of a chain that is sent: each of its certificates has to be valid."""
LATEST: Final[Callable[[Iterable[float]], float]] = max
"""Of CAs that are trusted: where one is being replaced, the old one is still among them."""

_CERTIFICATE: Final = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----([^-]*)-----END ")
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80
"""Of a length: it is not this byte, but in as many that follow."""


def expiry_of(path: Path, which: Callable[[Iterable[float]], float]) -> float:
    """Return when the certificates of a PEM file expire, Unix time; NaN where that can't be told."""
    try:
        return which([_expiry(b64decode(found)) for found in _CERTIFICATE.findall(path.read_bytes())])
    except (OSError, ValueError, IndexError):
        return nan  # OpenSSL has taken the file, so it is in use: it may tolerate more


def _expiry(der: bytes) -> float:
    """Return notAfter of a certificate (RFC 5280 section 4.1).

    Raises:
        ValueError, IndexError: There is none.

    """
    ((_, certificate),) = _elements(der)
    (_, to_be_signed), *_ = _elements(certificate)
    parts = [content for tag, content in _elements(to_be_signed) if tag != _VERSION]
    _serial_number, _signature, _issuer, validity, *_ = parts
    _not_before, (tag, not_after) = _elements(validity)
    text = not_after.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    year, month, day, hour, minute, second = (int(text[at : at + 2]) for at in (2, 4, 6, 8, 10, 12))
    return datetime(100 * int(text[:2]) + year, month, day, hour, minute, second, tzinfo=UTC).timestamp()


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a sequence: their tags and contents."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & _LONG:
            size = length - _LONG
            length, at = int.from_bytes(der[at : at + size]), at + size
        yield tag, der[at : at + length]
        at += length
