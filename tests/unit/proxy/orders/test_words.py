"""An OMS's single values are compared by words: numbers by value, exactly."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from tenantproxy.orders.words import look_up, number, word_of

SAME = [b"5", b"5.0", b"5.00", b"50e-1", b"0.5E1", b"5e+0", b"0.05e2", b"500e-2"]
ZEROS = [b"0", b"-0", b"0.0", b"0e5", b"-0.00E-3"]
NO_NUMBERS = [b"", b"-", b"05", b"5.", b".5", b"+5", b"5e", b"0x5", b" 5", b"5 ", b"NaN", b"1" + b"e" + b"9" * 19]


@pytest.mark.parametrize("written", SAME)
def test_a_number_is_its_value(written: bytes) -> None:
    """However it is written."""
    assert number(written) == number(b"5")
    assert look_up({"5": "FIVE"})(Raw(written)) == "FIVE"
    assert look_up({written.decode(): "FIVE"})(Raw(b"5")) == "FIVE"


@pytest.mark.parametrize("written", ZEROS)
def test_zero_is_zero(written: bytes) -> None:
    """With any sign and exponent."""
    assert number(written) == number(b"0")


@pytest.mark.parametrize("written", NO_NUMBERS)
def test_what_is_no_number(written: bytes) -> None:
    """By JSON's grammar; or one with an exponent that no OMS has."""
    assert number(written) is None


@given(st.integers(-(10**40), 10**40), st.integers(-60, 60), st.integers(-(10**40), 10**40), st.integers(-60, 60))
def test_two_numbers_are_the_same_where_decimals_are(first: int, power: int, second: int, other: int) -> None:
    """To the last digit, which floating point has not."""
    one, two = f"{first}e{power}", f"{second}e{other}"
    assert (number(one.encode()) == number(two.encode())) == (Decimal(one) == Decimal(two))
    assert number(one.encode()) == number(f"{first}.000e{power}".encode())


@pytest.mark.parametrize(
    ("raw", "word"),
    [(b'"open"', "open"), (b'"5"', "5"), (b'"\\u00e9"', "é"), (b"true", "true"), (b"false", "false")],
)
def test_the_word_of_a_text_or_a_boolean(raw: bytes, word: str) -> None:
    """It is what a configuration writes."""
    assert word_of(Raw(raw)) == word
    assert look_up({word: 1})(Raw(raw)) == 1


@pytest.mark.parametrize("raw", [b"null", b"[]", b"{}", b'["5"]'])
def test_what_no_word_stands_for(raw: bytes) -> None:
    """Whatever the configuration lists."""
    assert word_of(Raw(raw)) is None
    assert look_up({"null": 1, "": 2, "[]": 3, "{}": 4})(Raw(raw)) is UNSET


def test_a_text_of_digits_is_no_number() -> None:
    """It is the same only as a word that is written so."""
    find = look_up({"5": "FIVE", "6.0": None})
    assert find(Raw(b'"5"')) == "FIVE"
    assert find(Raw(b'"5.0"')) is UNSET
    assert find(Raw(b"6")) is None
    assert find(Raw(b'"6"')) is UNSET
    assert msgspec.json.encode(Raw(b"6")) == b"6"
