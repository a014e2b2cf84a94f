"""When certificates expire."""

from collections.abc import Callable, Iterable
from math import nan
from pathlib import Path
from typing import Final

EARLIEST: Final[Callable[[Iterable[float]], float]] = min
"""Of a chain that is sent: each of its certificates has to be valid."""
LATEST: Final[Callable[[Iterable[float]], float]] = max
"""Of CAs that are trusted: where one is being replaced, the old one is still among them."""


def expiry_of(path: Path, which: Callable[[Iterable[float]], float]) -> float:
    """Return when the certificates of a PEM file expire, Unix time; NaN where that can't be told."""
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - few have certificates of their own

    try:
        found = load_pem_x509_certificates(path.read_bytes())
        return which(certificate.not_valid_after_utc.timestamp() for certificate in found)
    except (OSError, ValueError, OverflowError):
        return nan  # OpenSSL has taken the file, so it is in use: it may tolerate more
