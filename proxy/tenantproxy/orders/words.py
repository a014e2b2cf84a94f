"""Words: an OMS's single values as a configuration writes them, for comparing.

A text is its own word; true and false are `true` and `false`; a number is whatever number has the same value, so
that `5` in a configuration is `5.0` or `50e-1` of an OMS. Numbers are compared as they are written, never by
floating point.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from msgspec import UNSET, Raw, UnsetType

from tenantproxy.orders.json_members import STRING, text
from tenantproxy.orders.numbers import GRAMMAR

T = TypeVar("T")

Number = tuple[bool, str, int]
"""Whether it is negative, its digits without zeros around them, and the power of ten of the last one."""

Word = str | Number
"""What a value is compared by."""

_ZERO: Final[Number] = (False, "", 0)


def number(written: bytes) -> Number | None:
    """Return the value of a JSON number (RFC 8259 section 6); None: it is none, or its exponent is absurd."""
    found = GRAMMAR.fullmatch(written)
    if found is None:
        return None
    sign, whole, fraction, exponent = found.groups(b"")
    digits = (whole + fraction).decode().lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return _ZERO
    power = int(exponent or b"0") - len(fraction) + len(digits) - len(significant)
    return bool(sign), significant, power


def word_of(raw: Raw) -> Word | None:
    """Return what a value is compared by; None: it is null, a list or an object, which no word stands for."""
    first = memoryview(raw)[0]
    if first == STRING:
        return text(raw)
    written = bytes(raw)
    return written.decode() if first in b"tf" else number(written)


def look_up(values: Mapping[str, T]) -> Callable[[Raw], T | UnsetType]:
    """Return what finds what a value stands for, by its word; UNSET: its word is not among them.

    Of two words for one number the last one counts (`same_numbers` tells of them).
    """
    known: dict[Word | None, T] = {}
    for word, value in values.items():
        known[word] = value
        if (same := number(word.encode())) is not None:
            known[same] = value

    def find(raw: Raw) -> T | UnsetType:
        return known.get(word_of(raw), UNSET)

    return find


def are_texts(words: Iterable[str]) -> bool:
    """Return whether each word is of a text alone: none is of a number, or true or false, too."""
    return not any(word in ("true", "false") or number(word.encode()) is not None for word in words)


def repeated(words: Iterable[str]) -> Iterator[str]:
    """Yield each word that is there more than once.

    `0` and `0.00` are two: they are of the same number, but each of a text of its own.
    """
    yield from (word for word, times in Counter(words).items() if times > 1)


def same_numbers(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each word that is of the same number as one before, with that one."""
    known: dict[Number, str] = {}
    for word in words:
        key = number(word.encode())
        if key is not None and known.setdefault(key, word) != word:
            yield word, known[key]
