"""Places in an OMS's answer: what `json_members` and `rules.lists` read, with the pointers to it."""

import functools
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from tenantproxy.orders import pointers
from tenantproxy.orders.json_members import LIST, NULL, OBJECT, STRING, Read, elements, reader
from tenantproxy.orders.rules.lists import place

_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_KINDS: Final = {NULL: "null", OBJECT: "an object", LIST: "a list", STRING: "a string"}


class Located(NamedTuple):
    """A place in an answer, and what is there; None: nothing."""

    pointer: str
    pattern: str
    """The pointer, with `*` for each element that was reached by going through a list."""
    raw: Raw | None
    is_as_null: bool = False
    """Whether a mapping's `nullIf` has the word that is there."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is there, or null, or what is as good as null."""
        return self.is_as_null or self.raw is None or memoryview(self.raw)[0] == NULL

    @property
    def kind(self) -> str:
        """What is there, in words."""
        if self.raw is None:
            return "absent"
        if self.is_as_null:
            return "null by `nullIf`"
        first = memoryview(self.raw)[0]
        return _KINDS.get(first) or ("a boolean" if first in b"tf" else "a number")

    def at(self, tokens: Sequence[str]) -> "Located":
        """Return what a pointer from here leads to."""
        way = pointers.written(tokens)
        raw = None if self.raw is None else _reader(tuple(tokens))(self.raw)[0]
        return Located(self.pointer + way, self.pattern + way, raw)

    def child(self, token: str | int, raw: Raw | None, *, shown: str = pointers.EVERY) -> "Located":
        """Return a child that was reached by going through all of them."""
        return Located(self.pointer + pointers.written([str(token)]), f"{self.pattern}/{shown}", raw)

    def elements(self) -> list["Located"]:
        """Return a list's elements; of anything else, none."""
        if self.raw is None or memoryview(self.raw)[0] != LIST:
            return []
        return [self.child(index, raw) for index, raw in enumerate(elements(self.raw))]

    def children(self) -> list["Located"]:
        """Return a list's elements, or an object's members."""
        if self.raw is None or memoryview(self.raw)[0] != OBJECT:
            return self.elements()
        return [self.child(name, raw, shown=pointers.escaped(name)) for name, raw in _members(self.raw).items()]


class NoListHereError(Exception):
    """There is something else where a list must be."""

    def __init__(self, there: Located) -> None:
        super().__init__(there.pointer)
        self.there = there


def find_elements(
    start: Located, tokens: Sequence[str], passed: set[str], *, single: bool
) -> list[Located] | None:
    """Return the elements of the list that a pointer with steps `*` leads to, as `rules.lists.finder` does.

    The pointers to what is gone through on the way are added to `passed`.

    Raises:
        NoListHereError: There is something else.

    """
    first, *further = pointers.ways(tokens)
    there = start.at(first)
    passed.add(there.pointer)
    return None if there.is_nothing else _find(there, further, passed, single=single)


def _find(there: Located, ways: list[list[str]], passed: set[str], *, single: bool) -> list[Located] | None:
    parents = _children(there, single=single, of_object=bool(ways))
    if ways in ([], [[]]):
        return parents
    ends = [parent.at(ways[0]) for parent in parents]
    passed.update(end.pointer for end in ends)
    lists = [_find(end, ways[1:], passed, single=single) for end in ends if not end.is_nothing]
    found = [elements for elements in lists if elements is not None]
    return [element for elements in found for element in elements] if found or not parents else None


def _children(there: Located, *, single: bool, of_object: bool) -> list[Located]:
    first = memoryview(there.raw or b"null")[0]
    if first == LIST:
        return there.elements()
    if first == OBJECT and single:
        return [there]
    if first == OBJECT and of_object:
        members = _members(there.raw or b"{}")
        return [there.child(name, members[name]) for name in sorted(members, key=place)]
    raise NoListHereError(there)


@functools.cache
def _reader(tokens: tuple[str, ...]) -> Read:
    """Return what follows one pointer; a mapping has few, and each is followed from many places."""
    return reader([tokens])
