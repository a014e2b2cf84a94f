"""When to come again, as a server says it: the header `Retry-After` (RFC 9110 section 10.2.3), and its like."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,9}")
_LONGEST: Final = 999_999.0
"""Seconds; more, or a later date, count as so many."""
_OTHER_NAMES: Final = ("x-retry-after", "ratelimit-retry-after")
"""What BigCommerce and WooCommerce call it."""
_IN_MILLISECONDS: Final = "x-rate-limit-time-reset-ms"
"""What BigCommerce sends with every answer: when its limit is forgotten."""


def parse_retry_after(value: str, date: str = "") -> float | None:
    """Return the seconds in a `Retry-After`, a number (Shopify's is `2.0`) or a date; None where it says nothing.

    A date is read against the answer's own `Date`, as the server's clock may differ from ours; without one against
    our clock.
    """
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST)
    until = _time(value)
    if until is None:
        return None
    now = _time(date) or datetime.now(UTC)
    return min(max(0.0, (until - now).total_seconds()), _LONGEST)


def _time(text: str) -> datetime | None:
    """Return the time of a date in any form of RFC 9110 section 5.6.7; without a zone it is in UTC."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - half a MiB; hardly any server sends a date

    try:
        time = parsedate_to_datetime(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time
    except (ValueError, TypeError, OverflowError):
        return None


def named_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, by `Retry-After` or a header like it; None: it names none.

    The headers' names are in lower case.
    """
    date = headers.get("date", "")
    for name in ("retry-after", *_OTHER_NAMES):
        if name in headers and (seconds := parse_retry_after(headers[name], date)) is not None:
            return seconds
    left = headers.get(_IN_MILLISECONDS, "")
    return int(left) / 1000 if _MILLISECONDS.fullmatch(left) else None
