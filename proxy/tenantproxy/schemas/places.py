"""What a schema has at a pointer."""

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Raw

from tenantproxy.orders import pointers
from tenantproxy.schemas.references import Schemas
from tenantproxy.schemas.shapes import Nodes, Shape

_LONGEST: Final = 100


class Missing(NamedTuple):
    """Why there is nothing at a pointer."""

    location: str
    """The schema that does not have it."""
    detail: str
    nearest: str = ""
    """The pointer that was meant, maybe."""
    is_certain: bool = True
    """Whether the schema rules it out, and does not only not mention it."""


class Place(NamedTuple):
    """What is at a pointer: the alternatives but null, or why there is nothing."""

    shapes: Sequence[Shape] = ()
    absent: str = ""
    """The schema by which there may be nothing, or null; empty: there always is something."""
    missing: Missing | None = None

    @property
    def types(self) -> frozenset[str]:
        """The types that it may have; none, if some alternative may be anything."""
        if not all(shape.is_known for shape in self.shapes):
            return frozenset()
        return frozenset().union(*(shape.types for shape in self.shapes)) - {"null"}

    @property
    def objects(self) -> list[Shape]:
        """The alternatives that may be objects."""
        return [shape for shape in self.shapes if "object" in shape.types]

    @property
    def location(self) -> str:
        """The schema of the first alternative."""
        return self.shapes[0].location if self.shapes else self.absent

    @property
    def words(self) -> list[Raw] | None:
        """The single values that it may have; None: others, too."""
        words: list[Any] = []
        for shape in self.shapes:
            of_shape = words_of(shape)
            if of_shape is None:
                return None
            words += of_shape
        return [raw_of(word) for word in words]


class Walk:
    """Follows pointers through the schemas of one file."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def place(self, nodes: Nodes) -> Place:
        """Return what fits these schemas."""
        return self._place(self._schemas.shapes(nodes), "")

    def follow(self, start: Iterable[Shape], tokens: Sequence[str], *, single: bool = False) -> Place:
        """Return what is at a pointer, whose steps may be `*`, from a value on; `single`: see `elements`."""
        place = Place(tuple(start))
        for done, token in enumerate(tokens):
            if token == pointers.EVERY:
                step = self.elements(place, members=not single, single=single)
            else:
                step = self._step(place, token)
            if step.missing is not None:
                nearest = step.missing.nearest
                if nearest:
                    nearest = pointers.written([*tokens[:done], nearest, *tokens[done + 1 :]])
                return Place(missing=step.missing._replace(nearest=nearest))
            place = step
        return place

    def elements(self, place: Place, *, members: bool = False, single: bool = False) -> Place:
        """Return what the elements of a list may be.

        `members`: those of an object, too; `single`: an object is a list of one.
        """
        found: list[Shape] = []
        unfit = []
        for shape in place.shapes:
            if not shape.is_known:
                found.append(shape)
            if shape.is_known and "array" in shape.types:
                nodes = [*shape.firsts, shape.elements]
                found += (each for some in nodes if some or len(nodes) == 1 for each in self._schemas.shapes(some))
                if not shape.elements and not shape.firsts:
                    found.append(Shape(shape.location, is_known=False))
            elif shape.is_known and "object" in shape.types and single:
                found.append(shape)
            elif shape.is_known and "object" in shape.types and members:
                found += self._members(shape)
            elif shape.is_known:
                unfit.append(shape)
        if not found and unfit:
            detail = f"is {shown_types(unfit[0].types)}, and no list"
            return Place(missing=Missing(unfit[0].location, detail))
        return self._place(found, place.absent)

    def _members(self, shape: Shape) -> Iterator[Shape]:
        for nodes in [*shape.members.values(), shape.others]:
            if nodes:
                yield from self._schemas.shapes(nodes)
        if not shape.members and not shape.others:
            yield Shape(shape.location, is_known=False)

    def _step(self, place: Place, token: str) -> Place:
        """Return what is at one further step."""
        found: list[Shape] = []
        absent = place.absent
        without: list[Missing] = []
        for shape in place.shapes:
            if not shape.is_known:
                found.append(shape)
                continue
            nodes = self._child(shape, token)
            if isinstance(nodes, Missing):
                without.append(nodes)
            else:
                child = self._schemas.shapes(nodes) if nodes else (Shape(shape.location, is_known=False),)
                found += child
                if token not in shape.required and nodes:
                    absent = absent or (child[0].location if child else shape.location)
        if not found and without:
            return Place(missing=min(without, key=lambda each: (each.is_certain, not each.nearest)))
        if without and not absent:
            absent = without[0].location
        return self._place(found, absent)

    def _child(self, shape: Shape, token: str) -> "Nodes | Missing":
        """Return the schemas of one member or element; none: it may be anything."""
        if "object" in shape.types:
            if token in shape.members:
                return shape.members[token]
            if shape.others or shape.is_open or not (shape.members or shape.is_closed):
                return shape.others
            nearest = difflib.get_close_matches(token, shape.members, n=1)
            nearest = nearest or [name for name in shape.members if name.lower() == token.lower()]
            return Missing(
                shape.location,
                "is a member that the schema rules out" if shape.is_closed else "is not in the schema",
                nearest[0] if nearest else "",
                is_certain=shape.is_closed,
            )
        if "array" in shape.types:
            if not (token.isascii() and token.isdecimal()):
                return Missing(shape.location, f"is no index, but the schema has a list before {shown(token)}")
            place = int(token[:9])
            return shape.firsts[place] if place < len(shape.firsts) else shape.elements
        return Missing(shape.location, f"has {shown_types(shape.types)} in the schema before {shown(token)}")

    def _place(self, shapes: Iterable[Shape], absent: str) -> Place:
        """Return a place without what is null."""
        different = self._schemas.at_most(shapes)
        for shape in different:
            if shape.is_known and "null" in shape.types:
                absent = absent or shape.location
        return Place(tuple(shape for shape in different if shape.types - {"null"}), absent)


def words_of(shape: Shape) -> Sequence[Any] | None:
    """Return the single values that an alternative may be; None: others, too."""
    if shape.words is not None:
        return [word for word in shape.words if _is_word(word)]
    return (True, False) if shape.types - {"null"} == {"boolean"} else None


def raw_of(word: Any) -> Raw:  # noqa: ANN401 - JSON
    """Return a single value as an OMS may send it."""
    return Raw(json.dumps(word).encode())


def _is_word(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Return whether an OMS can have it in JSON as a single value."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, int | float) and math.isfinite(value)


def shown(text: object) -> str:
    """Return a text of the file as messages quote it."""
    given = str(text)
    given = given if given.isprintable() else ascii(given)[1:-1]
    return f"`{given}`" if len(given) <= _LONGEST else f"`{given[:_LONGEST]}…`"


def shown_types(types: Iterable[str]) -> str:
    """Return types in words."""
    names = {"integer": "an integer", "fraction": "a number", "array": "a list", "object": "an object"}
    given = set(types) - {"null"}
    if "fraction" in given:
        given.discard("integer")
    return " or ".join(names.get(name, f"a {name}") for name in sorted(given)) or "null"
