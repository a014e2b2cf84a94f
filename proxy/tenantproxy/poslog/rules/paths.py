"""Paths of a rule: which elements it is about, and where an order's id is from there."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from tenantproxy.poslog.elements import Element

MAX_LENGTH: Final = 256
"""Characters of a path."""
NAME: Final = r"[A-Za-z_][A-Za-z0-9_.-]{0,63}"
"""An element's or attribute's local name."""
TYPE_CODE: Final = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
ELEMENT: Final = rf"{NAME}(/{NAME}){{0,3}}"
"""An element's name, or the last names of its path."""
ID: Final = rf"\.|/?({NAME}/){{0,5}}({NAME}|@{NAME}|Property\[{TYPE_CODE}\])"
"""A path of an order's id."""

_MAX_STEP: Final = 64
_LAST: Final = re.compile(rf"(?P<attribute>@{NAME})|Property\[(?P<code>{TYPE_CODE})\]|{NAME}")

Chain = tuple[Element, ...]
"""An element, after those that it is in, from the transaction down."""


class Needed(NamedTuple):
    """What a document must have somewhere, all of it, so that a rule can match."""

    names: frozenset[str]
    """Of elements and attributes, which XML has as they are."""
    codes: frozenset[str]
    """`TypeCode`s: in an attribute's value a character may be written as a reference to it."""

    def with_(self, other: "Needed") -> "Needed":
        """Return both."""
        return Needed(self.names | other.names, self.codes | other.codes)

    def is_in(self, other: "Needed") -> bool:
        """Return whether the other one is never there without this."""
        return self.names <= other.names and self.codes <= other.codes


class FoundText(NamedTuple):
    """A text that a path leads to: where it is, and `@name` if it is an attribute's."""

    chain: Chain
    attribute: str
    text: str


class IdPath(NamedTuple):
    """Where an id is: from the transaction or an element, down these names, and what it is there."""

    from_transaction: bool
    names: tuple[str, ...]
    attribute: str = ""
    type_code: str = ""
    """Of the `Property` that is last in `names`."""

    @property
    def needs(self) -> "Needed":
        """What a document must have for this path to lead anywhere."""
        names = filter(None, (*self.names, self.attribute, "TypeCode" if self.type_code else ""))
        return Needed(frozenset(names), frozenset(filter(None, (self.type_code,))))

    def texts(self, chain: Chain) -> Iterator[FoundText]:
        """Yield the texts, none empty, that the path leads to from the last element of a chain, in their order."""
        start = chain[:1] if self.from_transaction else chain
        for found in _below(start, self.names):
            last = found[-1]
            if self.type_code and last.attributes.get("TypeCode") != self.type_code:
                continue
            text = last.attributes.get(self.attribute, "").strip() if self.attribute else last.text
            if text:
                yield FoundText(found, self.attribute, text)


def parse_id_path(text: str) -> IdPath:
    """Return the path that is written as `ID` says."""
    if text == ".":
        return IdPath(from_transaction=False, names=())
    *names, last = text.removeprefix("/").split("/")
    from_transaction = text.startswith("/")
    match = _LAST.fullmatch(last)
    if match and (attribute := match["attribute"]):
        return IdPath(from_transaction, tuple(names), attribute=attribute[1:])
    if match and (code := match["code"]):
        return IdPath(from_transaction, (*names, "Property"), type_code=code)
    return IdPath(from_transaction, (*names, last))


def _below(chain: Chain, names: tuple[str, ...]) -> Iterator[Chain]:
    if not names:
        yield chain
        return
    for child in chain[-1].children:
        if child.name == names[0]:
            yield from _below((*chain, child), names[1:])


class PathWriter:
    """Writes where elements of one document are, such as `/POSLog/Transaction/LineItem[2]`."""

    def __init__(self, root: Element, chains: Iterable[Chain]) -> None:
        """Prepare to write these chains; what stands beside their elements is gone through once."""
        wanted: dict[int, tuple[Element, set[int]]] = {}
        for chain in chains:
            for parent, child in pairwise((root, *chain)):
                wanted.setdefault(id(parent), (parent, set()))[1].add(id(child))
        self._root = root
        self._steps: dict[int, str] = {}
        for parent, children in wanted.values():
            self._number(parent, children)

    def write(self, chain: Chain, attribute: str = "") -> str:
        """Return the path of a chain's last element, or of its attribute."""
        steps = [_name(self._root), *(self._steps[id(each)] for each in chain)]
        return "/" + "/".join([*steps, f"@{attribute}"] if attribute else steps)

    def _number(self, parent: Element, children: set[int]) -> None:
        totals: dict[str, int] = {}
        numbered: list[tuple[Element, int]] = []
        for each in parent.children:
            number = totals[each.name] = totals.get(each.name, 0) + 1
            if id(each) in children:
                numbered.append((each, number))
        for each, number in numbered:
            name = _name(each)
            self._steps[id(each)] = f"{name}[{number}]" if totals[each.name] > 1 else name


def _name(element: Element) -> str:
    """Return an element's name, cut where no rule has one so long."""
    return element.name[:_MAX_STEP]
