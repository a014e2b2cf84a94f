"""Numbers are changed in their text: the point is moved and the sign turned, to the last digit."""

import json
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.orders.numbers import MAX_PLACES, keeps_digits, number_negated, number_shifted

EXACT = Context(prec=500)

SHIFTED = [
    (b"1245", 2, b"12.45"),
    (b"5", 2, b"0.05"),
    (b"45", 2, b"0.45"),
    (b"0", 2, b"0.00"),
    (b"100", 2, b"1.00"),
    (b"-1245", 2, b"-12.45"),
    (b"-5", 2, b"-0.05"),
    (b"-0", 2, b"0.00"),
    (b"-0.0", 2, b"0.000"),
    (b"-0e5", 2, b"0e3"),
    (b"-0", 0, b"-0"),
    (b"12.5", 2, b"0.125"),
    (b"0.5", 1, b"0.05"),
    (b"1245", 0, b"1245"),
    (b"-12.50", 0, b"-12.50"),
    (b"1e2", 2, b"1e0"),
    (b"1.5E+3", 2, b"1.5E1"),
    (b"1E-3", 2, b"1E-5"),
    (b"7", 20, b"0.00000000000000000007"),
    (b"12345678901234567890", 2, b"123456789012345678.90"),
    (b"1e999999999999999999", 2, b"1e999999999999999997"),
]
NO_NUMBERS = [
    b"",
    b"-",
    b"007",
    b"01",
    b"+1",
    b"1.",
    b".5",
    b"1e",
    b"0x10",
    b" 1",
    b"1 ",
    b"1,5",
    b"NaN",
    b"1e" + b"9" * 19,
]


@pytest.mark.parametrize(("written", "places", "shifted"), SHIFTED)
def test_the_point_is_moved_to_the_left(written: bytes, places: int, shifted: bytes) -> None:
    """Digits stay what they are, with the zeros that JSON wants, and those that were sent."""
    assert number_shifted(written, places) == shifted


@pytest.mark.parametrize("written", NO_NUMBERS)
@pytest.mark.parametrize("places", [0, 1, 2])
def test_what_is_no_number(written: bytes, places: int) -> None:
    """By JSON's grammar, or by an exponent that no OMS has."""
    assert number_shifted(written, places) is None


@pytest.mark.parametrize(
    ("written", "negated"),
    [
        (b"15.00", b"-15.00"),
        (b"-15.00", b"15.00"),
        (b"0", b"0"),
        (b"-0", b"0"),
        (b"0.00", b"0.00"),
        (b"-0.0e5", b"0.0e5"),
        (b"0e5", b"0e5"),
        (b"0.001", b"-0.001"),
        (b"1e-5", b"-1e-5"),
    ],
)
def test_the_sign_is_turned(written: bytes, negated: bytes) -> None:
    """Zero gets none."""
    assert number_negated(written) == negated


@given(
    st.integers(-(10**40), 10**40),
    st.none() | st.integers(0, 30),
    st.none() | st.integers(-60, 60),
    st.integers(0, MAX_PLACES),
)
def test_the_value_is_exact(digits: int, fraction: int | None, exponent: int | None, places: int) -> None:
    """As `decimal` counts, and right JSON whatever was sent."""
    written = (
        str(digits) + ("" if fraction is None else f".{fraction}") + ("" if exponent is None else f"e{exponent}")
    )
    shifted = number_shifted(written.encode(), places)
    assert shifted is not None
    assert json.loads(shifted, parse_float=Decimal, parse_int=Decimal) == EXACT.scaleb(Decimal(written), -places)
    negated = number_negated(shifted)
    assert json.loads(negated, parse_float=Decimal, parse_int=Decimal) == EXACT.minus(Decimal(shifted.decode()))
    assert len(negated) <= len(written) + MAX_PLACES + 3


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        *[
            (text, True)
            for text in ("12.45", "-0.10", "1e22", "0.000001", "123456789012.345", "0.0", "9007199254740992")
        ],
        *[
            (text, False)
            for text in ("0.1234567890123456789", "123456789012.3456", "9007199254740993", "1e999", "NaN")
        ],
    ],
)
def test_numbers_of_a_configuration(written: str, kept: bool) -> None:  # noqa: FBT001 - a column of the table
    """Read as Python's, they are what was written as long as they have 15 digits."""
    assert keeps_digits(json.loads(written) if written != "1e999" else float(written)) is kept


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-40, 40))
def test_fifteen_digits_are_kept(digits: int, exponent: int) -> None:
    """Whatever their power of ten is."""
    value = float(f"{digits}e{exponent}")
    assert keeps_digits(value)
    assert Decimal(repr(value)) == Decimal(f"{digits}e{exponent}")
