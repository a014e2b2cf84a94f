"""What a value may be by the schemas of a file, whatever they refer to and combine, within bounds."""

from typing import Any

import pytest

from tenantproxy.schemas.places import Place, Walk
from tenantproxy.schemas.reader import SchemaError, parse
from tenantproxy.schemas.references import MAX_ALTERNATIVES, Schemas
from tenantproxy.schemas.shapes import Node


def place(document: Any, *tokens: str) -> tuple[Place, Schemas]:
    """Return what is at a pointer by the schema that a whole file is."""
    schemas = Schemas(document)
    walk = Walk(schemas)
    start = walk.place((Node(document, "#"),))
    return walk.follow(start.shapes, tokens) if tokens else start, schemas


def types(document: Any, *tokens: str) -> set[str]:
    found, _ = place(document, *tokens)
    return set(found.types)


def test_types() -> None:
    """They are named, or told by what else a schema has."""
    assert types({"type": "number"}) == {"integer", "fraction"}
    assert types({"type": ["integer", "null"]}) == types({"type": "integer", "nullable": True}) == {"integer"}
    assert types({"properties": {"a": {}}}) == types({"additionalProperties": {}}) == {"object"}
    assert types({"items": {}}) == {"array"}
    assert types({"enum": ["a", None]}) == types({"const": "a"}) == {"string"}
    assert types({}) == types(True) == types({"type": "any"}) == types({"description": "x"}) == set()  # noqa: FBT003
    assert place({"type": "string", "x-nullable": True})[0].absent == "#"


def test_references() -> None:
    """Followed within the file, with `~1`, `%20` and indexes; a name beside them counts as well."""
    assert types({"$defs": {"a/b c": {"type": "string"}}, "$ref": "#/$defs/a~1b%20c"}) == {"string"}
    assert types({"allOf": [{"type": "string"}, {"$ref": "#/allOf/0"}]}) == {"string"}
    nullable = {"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a", "nullable": True}
    assert place(nullable)[0].absent == "#/$defs/a"
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}, "name": {"type": "string"}}}
    assert types(tree, *["child"] * 9, "name") == {"string"}


@pytest.mark.parametrize("reference", ["other.yaml#/a", "https://oms.example/a.json", "#name", 5])
def test_references_that_are_not_followed(reference: Any) -> None:
    """To other files and addresses, and to names: nothing is fetched, and that is told."""
    found, schemas = place({"properties": {"a": {"$ref": reference}}}, "a")
    assert (found.types, found.missing) == (frozenset(), None)
    assert schemas.notes == {"#/properties/a": "has a `$ref` to another file, or to a name, which is not followed"}


def test_what_is_not_looked_at() -> None:
    """Told, where a pointer came by."""
    found, schemas = place({"type": "object", "properties": {"a": {"type": "string", "not": {}}}, "if": {}}, "a")
    assert found.types == {"string"}
    assert schemas.notes == {"#": "has `if`", "#/properties/a": "has `not`"}


def test_all_of() -> None:
    """Members are those of all parts; what is said of one by several holds together."""
    base = {"type": "object", "required": ["a"], "properties": {"a": {"type": ["string", "integer"]}}}
    more = {"properties": {"a": {"type": ["string", "boolean"]}, "b": {"type": "integer"}}, "required": ["b"]}
    document = {"allOf": [base, more]}
    assert types(document, "a") == {"string"}
    assert types(document, "b") == {"integer"}
    assert (place(document, "a")[0].absent, place(document, "b")[0].absent) == ("", "")
    closed = {"allOf": [base | {"additionalProperties": False}, more]}
    missing = place(closed, "c")[0].missing
    assert missing is not None
    assert missing.is_certain
    words = place({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]})[0].words
    assert [bytes(word) for word in words or ()] == [b'"b"']


def test_alternatives() -> None:
    """What one of them has is there, and may be absent where another one has it not."""
    one = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    other = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    for word in ("oneOf", "anyOf"):
        assert types({word: [one, other]}, "a") == {"string", "integer"}
        assert place({word: [one, {"type": "object", "properties": {"b": {}}}]}, "a")[0].absent == f"#/{word}/1"
        member = {"required": ["x"], "properties": {"x": {word: [one, {"type": "null"}]}}}
        assert place(member, "x", "a")[0].absent == f"#/properties/x/{word}/1"
    assert types({"type": "string", "oneOf": [{"type": "string"}, {"type": "integer"}]}) == {"string"}


def test_bounds() -> None:
    """Circles, depth, and alternatives that multiply end in what may be anything, and are told."""
    for circle in (
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"oneOf": [{"$ref": "#/oneOf/0"}, {"type": "string"}]},
    ):
        assert place(circle)[1].notes
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        deep = {"allOf": [deep]}
    found, schemas = place(deep)
    assert found.types == frozenset()
    assert list(schemas.notes.values()) == ["is within itself, or nested too deeply"]
    choice: dict[str, Any] = {"oneOf": [{"properties": {str(number): {}}} for number in range(9)]}
    found, schemas = place({"allOf": [choice, dict(choice), dict(choice)]})
    assert len(found.shapes) <= MAX_ALTERNATIVES
    assert "has more than 64 alternatives" in schemas.notes.values()
    wide = {"anyOf": [{"properties": {"a": {"anyOf": [{"const": word} for word in range(9)]}}} for _ in range(9)]}
    found, schemas = place(wide, "a")
    assert (found.types, found.words) == (frozenset(), None)
    assert "has more than 64 alternatives" in schemas.notes.values()


def test_aliases_that_multiply() -> None:
    """What is there once is worked out once."""
    lines = ["a0: &a0 {type: object, properties: {x: {type: string}}}"]
    lines += [f"a{n}: &a{n} {{allOf: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 30)]
    document = parse("\n".join([*lines, "allOf: [*a29]"]).encode())
    assert types(document, "x") == {"string"}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (5, "#: is not a schema, which is an object; correct it"),
        ({"allOf": 5}, "#/allOf: is not a list; correct it"),
        ({"oneOf": [5]}, "#/oneOf/0: is not a schema, which is an object; correct it"),
        ({"properties": []}, "#/properties: is not an object; correct it"),
        ({"enum": "a"}, "#/enum: is not a list; correct it"),
        ({"type": 5}, "#/type: is neither a text nor a list; correct it"),
        ({"$ref": "#/nothing"}, "#/$ref: points at nothing; correct it"),
        ({"$ref": "#/~2"}, "#/$ref: is not `#` and an RFC 6901 pointer, such as #/components/schemas/Order"),
    ],
)
def test_broken_schemas(document: Any, problem: str) -> None:
    """What is broken is named by its place."""
    with pytest.raises(SchemaError) as caught:
        place(document)
    assert str(caught.value) == problem
