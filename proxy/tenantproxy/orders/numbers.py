"""Numbers as JSON writes them (RFC 8259 section 6): changed in their text, never by way of floating point.

Only those of a configuration, which YAML and Kubernetes read as floating point, have been there: `keeps_digits`.
"""

import math
import re
from typing import Final

MAX_PLACES: Final = 20
"""By which a point is moved at most: the decimal places of the finest money that a known system has."""

GRAMMAR: Final = re.compile(rb"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,18}))?")
"""Sign, whole, fraction and exponent; one with a longer exponent is none that an OMS has."""
_ZERO: Final = re.compile(rb"0(?:\.0+)?(?:[eE].*)?")


MAX_DIGITS: Final = 15
"""Of a number with a fraction; every one with as many comes out of floating point as it was written."""
LARGEST_INTEGER: Final = 2**53
"""Beyond it JSON readers disagree about an integer's value (RFC 8259 section 6)."""


def keeps_digits(value: float) -> bool:
    """Return whether a number of a configuration is sure to be the one that was written."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_INTEGER
    digits = repr(value).partition("e")[0].replace(".", "").strip("-0")
    return math.isfinite(value) and len(digits) <= MAX_DIGITS


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
