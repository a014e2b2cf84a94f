"""A PosLog as a tree of elements, as rules and documents read it."""

from collections.abc import Iterator

import msgspec


class Element(msgspec.Struct, frozen=True, gc=False):
    """An element; namespaces are left out of all names, since tills' prefixes and namespaces differ.

    Nothing in a tree leads back up, so the garbage collector need not look at it: that would be most of the work.
    """

    name: str
    attributes: dict[str, str]
    """Without those that declare namespaces. Of two that have the same name then, the one without a prefix."""
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
