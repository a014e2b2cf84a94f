"""A PosLog as a tree of elements, as rules and documents read it."""

from collections.abc import Iterator
from typing import NamedTuple


class Element(NamedTuple):
    """An element; namespaces are left out of all names, since tills' prefixes and namespaces differ."""

    name: str
    attributes: dict[str, str]
    text: str
    """Directly in it, without white space around it."""
    children: "tuple[Element, ...]"

    def child(self, name: str) -> "Element | None":
        """Return the first child of that name."""
        return next((each for each in self.children if each.name == name), None)

    def text_of(self, name: str) -> str | None:
        """Return the text of the first child of that name; None where there is no such child, or it is empty."""
        child = self.child(name)
        return child.text or None if child is not None else None

    def descendants(self) -> "Iterator[Element]":
        """Yield all elements below, in the document's order."""
        for each in self.children:
            yield each
            yield from each.descendants()
