"""When a server says to come again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.retry_after import named_seconds, parse_retry_after

ASCTIME: Final = "%a %b %e %H:%M:%S %Y"
NOW = "Fri, 31 Dec 1999 23:59:00 GMT"
VALUES: dict[str, float | None] = {
    "17": 17,
    "0": 0,
    "007": 7,
    "86400": 86400,
    "999999": 999_999,
    "Fri, 31 Dec 1999 23:59:59 GMT": 59,
    NOW: 0,
    "Fri, 31 Dec 1999 01:00:00 GMT": 0,
    "Fri, 31 Dec 9999 23:59:59 GMT": 999_999,
    "Fri, 32 Dec 1999 23:59:59 GMT": None,
    "Fri, 31 Dec 1999": None,
    "": None,
    "-1": None,
    "2.0": 2,
    "1.5": 1.5,
    "0.000000001": 1e-9,
    "1.": None,
    ".5": None,
    "1e3": None,
    "1,5": None,
    "NaN": None,
    "inf": None,
    "1000000": 999_999,
    "9999999.0": 999_999,
    "999999.5": 999_999,
    "0.0000000000001": 1e-13,
    "soon": None,
    "12345678901234567890": 999_999,
    "9" * 5000: 999_999,
    "-9999999": None,
    "5\r\nSet-Cookie: x": None,
    "\u0661": None,
}


@pytest.mark.parametrize(("value", "seconds"), VALUES.items())
def test_values(value: str, seconds: float | None) -> None:
    """Seconds or a date; a date that has passed is now; nothing is as long as it would hurt."""
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize("date", ["", "today", "Fri, 32 Dec 1999 23:59:00 GMT"], ids=repr)
def test_a_date_without_the_time_of_the_answer(date: str) -> None:
    """Then it is read against our own clock: a few seconds more or less are better than no pause."""
    soon = datetime.now(UTC) + timedelta(seconds=30)
    for written in (format_datetime(soon, usegmt=True), soon.strftime(ASCTIME)):
        assert parse_retry_after(written, date) == pytest.approx(29.5, abs=1)
    assert parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", date) == 0
    assert parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", date) == 999_999


@pytest.mark.parametrize(
    "date", [NOW, "Friday, 31-Dec-99 23:59:00 GMT", "Fri Dec 31 23:59:00 1999", "Fri, 31 Dec 1999 23:59:00"]
)
def test_any_form_of_a_date(date: str) -> None:
    """All three of RFC 9110 are read, each against each; what names no zone is in UTC."""
    for until in ("Fri, 31 Dec 1999 23:59:30 GMT", "Friday, 31-Dec-99 23:59:30 GMT", "Fri Dec 31 23:59:30 1999"):
        assert parse_retry_after(until, date) == 30


@given(st.text(), st.text())
def test_any_text(value: str, date: str) -> None:
    """Whatever comes, it is a bounded number of seconds or nothing."""
    seconds = parse_retry_after(value, date)
    assert seconds is None or 0 <= seconds <= 999_999


NAMED: dict[str, tuple[dict[str, str], float | None]] = {
    "Shopify": ({"retry-after": "2.0"}, 2.0),
    "BigCommerce": ({"x-retry-after": "15"}, 15),
    "BigCommerce, its window": ({"x-rate-limit-time-reset-ms": "1500"}, 1.5),
    "WooCommerce": ({"ratelimit-retry-after": "8"}, 8),
    "a date": ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": NOW}, 59),
    "the standard first": ({"x-rate-limit-time-reset-ms": "1500", "retry-after": "3"}, 3),
    "the next where one says nothing": ({"retry-after": "soon", "x-retry-after": "4"}, 4),
    "zero": ({"retry-after": "0", "x-retry-after": "4"}, 0),
    "nothing": ({}, None),
    "no milliseconds": ({"x-rate-limit-time-reset-ms": "-1"}, None),
    "too many": ({"x-rate-limit-time-reset-ms": "1234567890"}, None),
}


@pytest.mark.parametrize("name", NAMED)
def test_by_any_name(name: str) -> None:
    """What systems call it."""
    headers, seconds = NAMED[name]
    assert named_seconds(headers) == seconds
