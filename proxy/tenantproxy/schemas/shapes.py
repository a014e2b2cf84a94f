"""What a schema says itself of a value; `references` works out what it refers to and combines.

OpenAPI 2.0, 3.0 and 3.1 and JSON Schema are read alike, since what one has and another has not does not contradict
(`nullable` beside lists of types, `items` as a list beside `prefixItems`).
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from tenantproxy.orders import pointers
from tenantproxy.schemas.reader import SchemaError

ALL_TYPES: Final = frozenset(("null", "boolean", "integer", "fraction", "string", "array", "object"))
"""`number` is a whole number or a fraction, so that types can be intersected."""
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    **{name: frozenset((name,)) for name in ALL_TYPES - {"fraction"}},
    "number": frozenset(("integer", "fraction")),
}


class Node(NamedTuple):
    """A schema in the file, and the pointer to it, as messages show it."""

    schema: Any
    location: str

    def child(self, *names: str | int) -> "Node":
        """Return the schema below these names, which are there."""
        schema, location = self.schema, self.location
        for name in names:
            schema = schema[name]
            text = pointers.escaped(str(name))
            location += "/" + (text if text.isprintable() else ascii(text)[1:-1])
        return Node(schema, location)


Nodes = tuple[Node, ...]
"""Schemas that a value has to fit all at once."""


@dataclass(frozen=True)
class Shape:
    """One alternative of what a value may be."""

    location: str
    types: frozenset[str] = ALL_TYPES
    is_known: bool = True
    """Whether the schema says anything; of a value that may be anything there is nothing to tell."""
    words: tuple[Any, ...] | None = None
    """The values that it may have; None: others, too."""
    members: Mapping[str, Nodes] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    others: Nodes = ()
    """What members are that are not listed."""
    is_closed: bool = False
    """Whether there are none."""
    is_open: bool = False
    """Whether there are said to be others: by their names, or of any type."""
    elements: Nodes = ()
    firsts: tuple[Nodes, ...] = ()
    """The first elements, if these differ from the others."""

    def merged(self, other: "Shape") -> "Shape":
        """Return what fits both."""
        if not other.is_known:
            return self
        if not self.is_known:
            return other
        members = dict(self.members)
        for name, nodes in other.members.items():
            members[name] = _all_of(members.get(name, ()), nodes)
        words = self.words if other.words is None else other.words
        if self.words is not None and other.words is not None:
            words = tuple(word for word in self.words if word in other.words)
        return replace(
            self,
            types=self.types & other.types,
            words=words,
            members=members,
            required=self.required | other.required,
            others=_all_of(self.others, other.others),
            is_closed=self.is_closed or other.is_closed,
            is_open=self.is_open and other.is_open,
            elements=_all_of(self.elements, other.elements),
            firsts=tuple(
                _all_of(one, two) for one, two in itertools.zip_longest(self.firsts, other.firsts, fillvalue=())
            ),
        )


def own_shape(node: Node) -> Shape:
    """Return what a schema says itself, without what it refers to.

    Raises:
        SchemaError: It is none.

    """
    schema: dict[str, Any] = node.schema
    members = {name: (node.child("properties", name),) for name in _object(node, "properties")}
    words = (schema["const"],) if "const" in schema else schema.get("enum")
    if words is not None and not isinstance(words, list | tuple):
        raise SchemaError(f"{node.location}/enum: is not a list; correct it")
    required = schema.get("required", [])
    # Draft 3 of JSON Schema has `required: true` in the member; it is met in old files, and says nothing here.
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    others = _others(node)
    elements, firsts = _elements(node)
    types = _types(node, members, elements or firsts, words or ())
    return Shape(
        node.location,
        types=types,
        is_known=types != ALL_TYPES,
        words=None if words is None else tuple(words),
        members=members,
        required=frozenset(names),
        others=others,
        is_closed=False in (schema.get("additionalProperties"), schema.get("unevaluatedProperties")),
        is_open=bool(others) or schema.get("additionalProperties") is True or "patternProperties" in schema,
        elements=elements,
        firsts=firsts,
    )


def _others(node: Node) -> Nodes:
    others = node.schema.get("additionalProperties")
    if isinstance(others, dict) and "patternProperties" not in node.schema:
        return (node.child("additionalProperties"),)
    return ()


def _elements(node: Node) -> tuple[Nodes, tuple[Nodes, ...]]:
    """Return what elements are, and the first ones where these are listed."""
    items = node.schema.get("items")
    first = "items" if isinstance(items, list) else "prefixItems"
    rest = "additionalItems" if isinstance(items, list) else "items"
    firsts = tuple((part,) for part in parts_of(node, first))
    return ((node.child(rest),) if isinstance(node.schema.get(rest), dict) else ()), firsts


def _types(
    node: Node, members: Mapping[str, Nodes], elements: tuple[Any, ...], words: Iterable[Any]
) -> frozenset[str]:
    """Return the types that a schema names; if it names none, those that it tells by what else it has."""
    given = node.schema.get("type")
    if isinstance(given, str | list):
        named = given if isinstance(given, list) else [given]
        return frozenset().union(
            *(_TYPES.get(name, ALL_TYPES) if isinstance(name, str) else ALL_TYPES for name in named)
        )
    if given is not None:
        raise SchemaError(f"{node.location}/type: is neither a text nor a list; correct it")
    if members or isinstance(node.schema.get("additionalProperties"), dict):
        return _TYPES["object"]
    if elements:
        return _TYPES["array"]
    return frozenset().union(*(_TYPES[type_of(word)] for word in words)) or ALL_TYPES


def type_of(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the type of a value in JSON Schema."""
    if value is None:
        return "null"
    for types, name in ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, types):
            return name
    return "object"


def parts_of(node: Node, name: str) -> list[Node]:
    """Return the schemas in a list.

    Raises:
        SchemaError: There is something else.

    """
    given = node.schema.get(name, [])
    if not isinstance(given, list):
        raise SchemaError(f"{node.location}/{name}: is not a list; correct it")
    return [node.child(name, place) for place in range(len(given))]


def _object(node: Node, name: str) -> dict[str, Any]:
    given = node.schema.get(name, {})
    if not isinstance(given, dict):
        raise SchemaError(f"{node.location}/{name}: is not an object; correct it")
    return given


def anything(node: Node) -> Shape:
    """Return the shape of a value of which nothing is known."""
    return Shape(node.location, is_known=False)


def _all_of(one: Nodes, other: Nodes) -> Nodes:
    """Return both without what is there twice."""
    return tuple({id(node.schema): node for node in (*one, *other)}.values())
