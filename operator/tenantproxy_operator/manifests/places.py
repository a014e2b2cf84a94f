"""Which fields there are at a place of a model, as manifests write them."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


def fields_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Return the names of the fields that an object at a path may have, sorted; none where any may stand there."""
    whole = _schema(model)
    places = list(_alternatives(whole, whole))
    for step in path:
        below = [found for place in places for found in _below(place, step)]
        # A step that the schema doesn't have is pydantic's own, such as which alternative it tried.
        places = [each for found in below for each in _alternatives(found, whole)] or places
    return sorted({name for place in places for name in place.get("properties", {})})


def places_of(model: type[BaseModel], name: str) -> list[str]:
    """Return at which paths fields of that name stand, lists as `[]`; recursive models only once."""
    whole = _schema(model)
    return sorted(set(_search(whole, whole, name, "", ())))


@cache
def _schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(by_alias=True)


def _alternatives(schema: Schema, whole: Schema) -> Iterator[Schema]:
    """Yield a schema, or those that it refers to or is one of."""
    if reference := schema.get("$ref"):
        yield from _alternatives(whole["$defs"][reference.rpartition("/")[2]], whole)
        return
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for found in schema.get(word, ()):
            yield from _alternatives(found, whole)


def _below(schema: Schema, step: int | str) -> Iterator[Schema]:
    if isinstance(step, int):
        found = schema.get("items")
    else:
        found = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    if isinstance(found, dict):
        yield found


def _search(schema: Schema, whole: Schema, name: str, path: str, above: tuple[str, ...]) -> Iterator[str]:
    reference = str(schema.get("$ref", ""))
    if reference and reference in above:
        return
    for place in _alternatives(schema, whole):
        for known, below in place.get("properties", {}).items():
            here = f"{path}.{known}".removeprefix(".")
            if known == name:
                yield here
            yield from _search(below, whole, name, here, (*above, reference))
        for word, suffix in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(below := place.get(word), dict):
                yield from _search(below, whole, name, path + suffix, (*above, reference))
