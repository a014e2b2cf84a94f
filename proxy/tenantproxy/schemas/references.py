"""The schemas of one file: what a value may be by them, one shape for each alternative.

`$ref` within the file, `allOf`, `anyOf` and `oneOf` are worked out; nothing is fetched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from tenantproxy.orders import pointers
from tenantproxy.schemas.reader import SchemaError
from tenantproxy.schemas.shapes import Node, Shape, anything, own_shape, parts_of

MAX_ALTERNATIVES: Final = 64
"""Of one value; each rule looks at all of them."""
MAX_DEPTH: Final = 64
"""Of references to references, and of combinations in combinations."""
_NOT_LOOKED_AT: Final = ("if", "not", "dependentSchemas", "$dynamicRef", "$recursiveRef")
"""What could forbid more; what is told without them is true as well."""


class Schemas:
    """The schemas of one file; `notes` has what was not looked at, by its location."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401 - whatever the file holds
        self.document = document
        self.notes: dict[str, str] = {}
        self._known: dict[int, tuple[Shape, ...]] = {}
        """By the schema's identity: what is aliased in YAML is there once."""
        self._merged: dict[tuple[int, ...], tuple[Shape, ...]] = {}
        """By the identities of schemas that a value has to fit all at once."""

    def shapes(self, nodes: Iterable[Node]) -> tuple[Shape, ...]:
        """Return what a value may be that fits all of these.

        Raises:
            SchemaError: One of them is no schema.

        """
        given = tuple(nodes)
        key = tuple(id(node.schema) for node in given)
        if key not in self._merged:
            self._merged[key] = self._combined([self._shapes(node, ()) for node in given])
        return self._merged[key]

    def at_most(self, shapes: Iterable[Shape]) -> tuple[Shape, ...]:
        """Return each of these alternatives once; of too many, that the value may be anything."""
        different = tuple({id(shape): shape for shape in shapes}.values())
        if len(different) <= MAX_ALTERNATIVES:
            return different
        return self._anything(different[0].location)

    def target(self, node: Node) -> Node:
        """Return what a node's chain of `$ref`s leads to, or the node itself where it has none.

        Raises:
            SchemaError: It leads nowhere, to another file, or round in a circle.

        """
        for _ in range(MAX_DEPTH):
            if not (isinstance(node.schema, dict) and isinstance(node.schema.get("$ref"), str)):
                return node
            reference = node.schema["$ref"]
            if not reference.startswith("#"):
                raise SchemaError(f"{node.location}: is in another file, which is not read; bundle the files")
            node = self.at(reference, f"{node.location}/$ref")
        raise SchemaError(f"{node.location}: its `$ref` goes round in a circle")

    def at(self, reference: str, location: str) -> Node:
        """Return what is at a pointer such as `#/components/schemas/Order`; `location` names it in errors.

        Raises:
            SchemaError: There is nothing.

        """
        node = Node(self.document, "#")
        problems: list[Any] = []
        tokens = pointers.parse(unquote(reference.removeprefix("#")), location, problems)
        if problems and not tokens:
            raise SchemaError(
                f"{location}: is not `#` and an RFC 6901 pointer, such as #/components/schemas/Order"
            )
        for token in tokens:
            schema = node.schema
            if isinstance(schema, dict) and token in schema:
                node = node.child(token)
            elif (
                isinstance(schema, list) and token.isdecimal() and token.isascii() and int(token[:9]) < len(schema)
            ):
                node = node.child(int(token[:9]))
            else:
                raise SchemaError(f"{location}: points at nothing; correct it")
        return node

    def _shapes(self, node: Node, way: tuple[int, ...]) -> tuple[Shape, ...]:
        """Return the alternatives of one schema; `way` is through which schemas it was come to."""
        schema = node.schema
        if schema is True:
            return (anything(node),)
        if schema is False:
            return ()
        if not isinstance(schema, dict):
            raise SchemaError(f"{node.location}: is not a schema, which is an object; correct it")
        if id(schema) in self._known:
            return self._known[id(schema)]
        if id(schema) in way or len(way) == MAX_DEPTH:
            self.notes[node.location] = "is within itself, or nested too deeply"
            return (anything(node),)
        self._known[id(schema)] = shapes = self._worked_out(node, (*way, id(schema)))
        return shapes

    def _worked_out(self, node: Node, way: tuple[int, ...]) -> tuple[Shape, ...]:
        schema: dict[str, Any] = node.schema
        parts: list[tuple[Shape, ...]] = []
        if (reference := schema.get("$ref")) is not None:
            if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
                parts.append(self._shapes(self.at(reference, f"{node.location}/$ref"), way))
            else:
                self.notes[node.location] = "has a `$ref` to another file, or to a name, which is not followed"
                return (anything(node),)
        parts += [self._shapes(part, way) for part in parts_of(node, "allOf")]
        for word in ("anyOf", "oneOf"):
            if choices := parts_of(node, word):
                parts.append(tuple(shape for choice in choices for shape in self._shapes(choice, way)))
        for word in _NOT_LOOKED_AT:
            if word in schema:
                self.notes[node.location] = f"has `{word}`"
        shapes = self._combined([(own_shape(node),), *parts])
        if schema.get("nullable") is True or schema.get("x-nullable") is True:
            return tuple(replace(shape, types=shape.types | {"null"}) for shape in shapes)
        return shapes

    def _combined(self, parts: Sequence[tuple[Shape, ...]]) -> tuple[Shape, ...]:
        """Return the alternatives of a value that fits one of each part; none: it can't be anything."""
        combined: tuple[Shape, ...] = ()
        for place, part in enumerate(parts):
            if len(combined) * len(part) > MAX_ALTERNATIVES:
                return self._anything(combined[0].location)
            if place:
                both = [one.merged(other) for one in combined for other in part]
                combined = tuple(shape for shape in both if shape.types)
            else:
                combined = part
        return combined

    def _anything(self, location: str) -> tuple[Shape, ...]:
        self.notes[location] = f"has more than {MAX_ALTERNATIVES} alternatives"
        return (anything(Node(None, location)),)
