"""When to come again, as a server says it: the header `Retry-After` (RFC 9110 section 10.2.3)."""

import re
from email.utils import parsedate_to_datetime
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_LONGEST: Final = 999_999.0
"""Seconds; a later date counts as so many."""


def parse_retry_after(value: str, date: str = "") -> float | None:
    """Return the seconds in a `Retry-After`, a number or a date; None where it says nothing.

    A date is read against the answer's own `Date`, as the server's clock may differ from ours.
    """
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, date))
        return min(max(0.0, (until - now).total_seconds()), _LONGEST)
    except (ValueError, TypeError, OverflowError):
        return None
