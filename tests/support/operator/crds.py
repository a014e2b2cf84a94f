"""CustomResourceDefinitions of other versions: the next one has more fields than ours, the previous one fewer."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tenantproxy_operator.api.crd import build_crd

Crd = dict[str, Any]

ADDED: Final[Mapping[str, Any]] = {
    # An object that the API server fills in from the inside.
    "spec.later": {
        "type": "object",
        "default": {},
        "properties": {"ttl": {"type": "string", "default": "5s"}, "size": {"type": "integer"}},
    },
    # The items of a list, and a field of them.
    "spec.peers": {
        "type": "array",
        "default": [{"name": "a"}],
        "items": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
        },
    },
    # A field of an object that has been there before, with a default and without one.
    "spec.upstream.mode": {"type": "string", "default": "fast"},
    "spec.upstream.hint": {"type": "string"},
    # A field of the values of a map.
    "spec.mapping.getOrder.fields.*.unit": {"type": "string", "default": "none"},
    "status.later": {"type": "string"},
}
"""The fields of the next version, by their paths; `*` is the values of a map, `[]` the items of a list."""
_NOT_YET_SEEN: Final = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "Pending",
    "message": "by default",
    "lastTransitionTime": "1970-01-01T00:00:00Z",
    "observedGeneration": 0,
}
"""What the next version's CRD says of a TenantProxy that no operator has seen."""
REMOVED: Final = (
    "spec.suspend",
    "spec.upstream.operations.getOrder.idMatch",
    "status.secretName",
    "status.conditions[].observedGeneration",
)
"""The fields that the previous version does not have."""


def next_crd(before: Crd | None = None, added: Mapping[str, Any] = ADDED) -> Crd:
    """Return a CRD with more fields than another one, this version's if none is given; a status has a default."""
    crd = copy.deepcopy(before or build_crd())
    for path, field in added.items():
        schema, name = _place(schema_of(crd), path)
        assert name not in schema["properties"], path
        schema["properties"][name] = field
    schema_of(crd)["properties"]["status"]["default"] = {"conditions": [_NOT_YET_SEEN]}
    return crd


def previous_crd() -> Crd:
    """Return one with fewer fields than this version's, and no default of the status."""
    crd = build_crd()
    for path in REMOVED:
        schema, name = _place(schema_of(crd), path)
        del schema["properties"][name]
        if name in schema.get("required", ()):
            schema["required"].remove(name)
    schema_of(crd)["properties"]["status"].pop("default", None)
    return crd


def schema_of(crd: Crd) -> dict[str, Any]:
    """Return the schema of the CRD's version, to be changed in place."""
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def _place(schema: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the schema of the object in which a field is, and the field's name."""
    *steps, name = path.replace("[]", ".[]").split(".")
    for step in steps:
        match step:
            case "*":
                schema = schema["additionalProperties"]
            case "[]":
                schema = schema["items"]
            case _:
                schema = schema["properties"][step]
    return schema, name


_MOST: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_LEAST: Final = ("minimum", "minLength", "minItems", "minProperties")


def incompatibilities(old: Crd, new: Crd) -> list[str]:
    """Return what `new` does that harms TenantProxies, or an operator, of `old`; CEL rules are not compared."""
    return list(_incompatible(schema_of(old), schema_of(new), ""))


def _incompatible(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the differences of a schema, and of those inside it."""
    where = path.removeprefix(".")
    # What a status is before an operator has written one is a word to others, not to an operator.
    harmless = ("another default",) if where == "status" else ()
    yield from (f"{where}: {problem}" for problem in _narrower(old, new) if problem not in harmless)
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{where}.{name}: required"
    for name, field in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _incompatible(field, new["properties"][name], f"{path}.{name}")
        else:
            yield f"{where}.{name}: gone"
    for key, step in (("items", "[]"), ("additionalProperties", ".*")):
        if key in old:
            yield from _incompatible(old[key], new.get(key, {}), f"{path}{step}")


def _narrower(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield why a value that `old` takes is none for `new`, or another one."""
    for key in ("type", "default", "pattern", "format"):
        if key in old and old[key] != new.get(key):
            yield f"another {key}"
    if "pattern" in new.keys() - old.keys():
        yield "a pattern"
    if "enum" in new and not set(new["enum"]) >= set(old.get("enum", ("anything",))):
        yield "fewer values"
    for keys, sign in ((_MOST, 1), (_LEAST, -1)):
        for key in keys:
            if key in new and (key not in old or sign * new[key] < sign * old[key]):
                yield f"a narrower {key}"
