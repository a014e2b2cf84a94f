"""Find the elements of a list: of nested lists, too, of an object's members, and one object in place of a list."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from tenantproxy.orders import pointers
from tenantproxy.orders.json_members import LIST, OBJECT, elements, reader, unless_null

_NUMERIC: Final = re.compile(r"[0-9]{1,18}")
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode


class NoListError(Exception):
    """There is something else where a list must be."""


FindElements = Callable[[Raw], Sequence[Raw] | None]
"""Return the elements; None: there is no list, however far the way leads. Raises NoListError."""


def finder(tokens: Sequence[str], *, single: bool) -> tuple[Sequence[str], FindElements]:
    """Return the pointer to the first list on the way, and what finds the elements, from there on.

    `single`: wherever a list should be, an object is a list of one.
    """
    first, *further = pointers.ways(tokens)
    return first, _finder(further, single=single)


def _finder(ways: list[list[str]], *, single: bool) -> FindElements:
    """Return what finds the elements at the end of several ways, each from what every list before it has."""

    def children(raw: Raw) -> Sequence[Raw]:
        first = memoryview(raw)[0]
        if first == LIST:
            return elements(raw)
        if first == OBJECT and (single or ways):
            return [raw] if single else _in_order(raw)
        raise NoListError

    if ways in ([], [[]]):
        return children
    read = reader(ways[:1])
    find = _finder(ways[1:], single=single)

    def spread(raw: Raw) -> Sequence[Raw] | None:
        parents = children(raw)
        ends = [end for parent in parents if (end := unless_null(*read(parent))) is not None]
        lists = [found for end in ends if (found := find(end)) is not None]
        # Parents of which none has a list are more likely a wrong pointer than an order without lines.
        return [element for found in lists for element in found] if lists or not parents else None

    return spread


def _in_order(raw: Raw) -> list[Raw]:
    """Return an object's members: those with numbers as names by these, then the others as they come."""
    members = _members(raw)
    return [members[name] for name in sorted(members, key=place)]


def place(name: str) -> tuple[bool, int]:
    """Return what members with numbers as names are ordered by, and the others after them."""
    return (False, int(name)) if _NUMERIC.fullmatch(name) else (True, 0)
