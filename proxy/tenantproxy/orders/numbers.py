"""Numbers as JSON writes them (RFC 8259 section 6): changed in their text, never by way of floating point."""

import re
from typing import Final

MAX_PLACES: Final = 20
"""By which a point is moved at most: the decimal places of the finest money that a known system has."""

GRAMMAR: Final = re.compile(rb"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,18}))?")
"""Sign, whole, fraction and exponent; one with a longer exponent is none that an OMS has."""
_ZERO: Final = re.compile(rb"0(?:\.0+)?(?:[eE].*)?")


def number_shifted(written: bytes, places: int) -> bytes | None:
    """Return a number with its point moved to the left; None: it is no number, or its exponent is absurd.

    Zero then has no sign.
    """
    if len(written) > places > 0 and written.isdigit() and not written.startswith(b"0"):
        return b"%b.%b" % (written[:-places], written[-places:])
    found = GRAMMAR.fullmatch(written)
    if found is None:
        return None
    sign, whole, fraction, exponent = found.groups()
    if places == 0:
        return written
    if sign and _ZERO.fullmatch(written, 1):
        sign, written = b"", written[1:]
    if exponent is not None:
        return b"%b%d" % (written[: -len(exponent)], int(exponent) - places)
    whole = whole.rjust(places + 1, b"0")
    return b"%b%b.%b%b" % (sign, whole[:-places], whole[-places:], fraction or b"")


def number_negated(written: bytes) -> bytes:
    """Return a number with the other sign; zero has none."""
    if written.startswith(b"-"):
        return written[1:]
    return written if _ZERO.fullmatch(written) else b"-" + written
