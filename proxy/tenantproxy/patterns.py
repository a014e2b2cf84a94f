"""Patterns of ids and criteria: the part of regular expressions that takes a time linear in the value's length.

A pattern becomes the set of its positions and of what may follow each (Glushkov's automaton), as the bits of
integers: nothing is ever tried twice, so that no value makes it slow.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_LENGTH: Final = 128
"""Characters of a pattern."""
MAX_POSITIONS: Final = 256
"""Characters of a pattern once its counted repeats are written out: so many steps does a character of a value cost
at most."""

_MAX_READS: Final = 4096
_TOO_LONG: Final = f"is longer than {MAX_POSITIONS} characters with its repeats written out; simplify it"
_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d{1,3})(,(\d{1,3})?)?\}")
_SPECIAL: Final = frozenset("^$*+?{}|()[]")
_CLASSES: Final = {"d": (("0", "9"),), "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))}
_ASCII: Final = 128

_Ranges = tuple[tuple[str, str], ...]


class PatternError(ValueError):
    """It is no pattern; the message says the problem and the fix."""


class _Characters(NamedTuple):
    """The characters that may stand at a position."""

    ranges: _Ranges
    negated: bool = False

    def has(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) != self.negated


class _Part(NamedTuple):
    """A part of a pattern: whether it may be empty, and the positions that it may begin and end with."""

    empty: bool
    first: int
    last: int


_NOTHING: Final = _Part(empty=True, first=0, last=0)


class Pattern:
    """A compiled pattern, of a whole value."""

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            PatternError: It is none, or too large.

        """
        if len(text) > MAX_LENGTH:
            raise PatternError(f"has {len(text)} characters; shorten it to at most {MAX_LENGTH}")
        parser = _Parser(text)
        whole = parser.whole()
        self._empty, self._first, self._last = whole
        if not self._first:
            raise PatternError("is of no value but the empty one; write what a value may be")
        self._follow = parser.follow
        self._characters = parser.characters
        self._ascii = [self._positions_of(chr(code)) for code in range(_ASCII)]
        self.steps: Final = len(self._characters)
        """How many a character of a value costs at most; each takes some 30 ns."""

    def matches(self, value: str) -> bool:
        """Return whether the whole of a value is as the pattern says."""
        if not value:
            return self._empty
        possible, here = self._first, 0
        for character in value:
            code = ord(character)
            here = possible & (self._ascii[code] if code < _ASCII else self._positions_of(character))
            possible, left = 0, here
            while left:
                lowest = left & -left
                possible |= self._follow[lowest.bit_length() - 1]
                left ^= lowest
        return bool(here & self._last)

    def example(self, characters: str) -> str | None:
        """Return one of the shortest values of these characters, preferring the first ones; None: there is none.

        The empty value is none.
        """
        preferred = [next(filter(given.has, characters), "") for given in self._characters]
        values = {at: preferred[at] for at in _bits(self._first)}
        seen: set[int] = set()
        while values := {at: value for at, value in values.items() if preferred[at] and at not in seen}:
            if ends := [value for at, value in values.items() if self._last >> at & 1]:
                return min(ends, key=lambda value: [characters.index(each) for each in value])
            seen |= values.keys()
            values = {
                after: value + preferred[after]
                for at, value in values.items()
                for after in _bits(self._follow[at])
            }
        return None

    def _positions_of(self, character: str) -> int:
        return sum(1 << number for number, given in enumerate(self._characters) if given.has(character))


def _bits(number: int) -> Iterator[int]:
    """Yield which bits are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


class _Parser:
    """Reads a pattern by recursive descent; a part that is repeated is read as often as it is written out."""

    def __init__(self, text: str) -> None:
        self._text = text.removeprefix("^")
        if self._text.endswith("$") and not self._text.endswith("\\$"):
            self._text = self._text[:-1]
        self._at = 0
        self._reads = 0
        self.characters: list[_Characters] = []
        self.follow: list[int] = []

    def whole(self) -> _Part:
        part = self._alternatives()
        if self._at < len(self._text):
            raise PatternError("has a ) without its (; write \\) for the character")
        return part

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        if not character:
            raise PatternError("ends too early; close its brackets, and write \\\\ for a backslash")
        self._at += 1
        return character

    def _alternatives(self) -> _Part:
        part = self._sequence()
        while self._peek() == "|":
            self._at += 1
            other = self._sequence()
            part = _Part(part.empty or other.empty, part.first | other.first, part.last | other.last)
        return part

    def _sequence(self) -> _Part:
        part = _NOTHING
        while self._peek() not in ("", "|", ")"):
            part = self._then(part, self._repeated())
        return part

    def _repeated(self) -> _Part:
        start = self._at
        part = self._one()
        if not (found := _QUANTIFIER.match(self._text, self._at)):
            return part
        end = self._at = found.end()
        if self._peek() in ("*", "+", "?", "{"):
            raise PatternError("repeats a repeat; put the inner one into brackets, lazy ones don't exist")
        sign = found[0][0]
        least = {"*": 0, "?": 0, "+": 1}.get(sign, int(found[1] or 0))
        most = {"*": None, "+": None, "?": 1}.get(sign, least)
        if sign == "{" and found[2]:
            most = int(found[3]) if found[3] else None
        if most is not None and most < max(least, 1):
            raise PatternError("has a repeat of {m,n} where n is 0 or less than m; write the smaller number first")
        for count in range(2, (most or max(least, 1)) + 1):
            self._at = start
            again = self._one()
            part = self._then(part, again._replace(empty=again.empty or count > least))
        if most is None:
            self._loop(again if least > 1 else part)
        self._at = end
        return part if least else part._replace(empty=True)

    def _one(self) -> _Part:
        self._reads += 1
        if self._reads > _MAX_READS:  # of brackets with nothing in them, which take no position
            raise PatternError(_TOO_LONG)
        character = self._take()
        if character == "(":
            if self._text.startswith("?", self._at):
                if not self._text.startswith("?:", self._at):
                    raise PatternError("has a (? other than (?:; look-around and flags don't exist here")
                self._at += 2
            part = self._alternatives()
            if self._take() != ")":  # pragma: no cover - alternatives end at ) or at the end
                raise PatternError("has a ( without its )")
            return part
        if character == "[":
            return self._position(self._class())
        if character == ".":
            return self._position(_Characters((), negated=True))
        if character == "\\":
            return self._position(_Characters(self._escaped()))
        if character in _SPECIAL:
            raise PatternError(f"has {character} where it means nothing; write \\{character} for the character")
        return self._position(_Characters(((character, character),)))

    def _escaped(self) -> _Ranges:
        character = self._take()
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() or not character.isascii():
            raise PatternError(f"has the unknown \\{character}; there are \\d, \\w and \\ before a sign")
        return ((character, character),)

    def _class(self) -> _Characters:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        while (character := self._take()) != "]" or not ranges:
            if character == "]":
                raise PatternError("has an empty []; write \\] for the character")
            if character == "[":
                raise PatternError("has a [ within []; write \\[ for the character")
            if character == "\\":
                ranges += (found := self._escaped())
                if len(found) > 1 or found[0][0] != found[0][1]:
                    continue
                character = ranges.pop()[0]
            high = character
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                high = self._take()
                if high == "\\":
                    high = self._escaped()[0][0]
                if high < character:
                    raise PatternError(f"has the range {character}-{high}, which is the wrong way round")
            ranges.append((character, high))
        return _Characters(tuple(ranges), negated)

    # ---- positions

    def _position(self, characters: _Characters) -> _Part:
        if len(self.characters) >= MAX_POSITIONS:
            raise PatternError(_TOO_LONG)
        bit = 1 << len(self.characters)
        self.characters.append(characters)
        self.follow.append(0)
        return _Part(empty=False, first=bit, last=bit)

    def _then(self, part: _Part, after: _Part) -> _Part:
        self._let_follow(part.last, after.first)
        return _Part(
            part.empty and after.empty,
            part.first | (after.first if part.empty else 0),
            after.last | (part.last if after.empty else 0),
        )

    def _loop(self, part: _Part) -> None:
        self._let_follow(part.last, part.first)

    def _let_follow(self, last: int, first: int) -> None:
        for number in _bits(last):
            self.follow[number] |= first
