"""The schema of TenantProxies that the API server serves, beside this version's own. Pure.

The two differ while only one of CustomResourceDefinition and operator has been updated, or rolled back. By a newer
schema the API server sets fields in every spec that this version doesn't know, where they have a default; by an
older one it drops fields of specs, and refuses to apply a status that has others.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.fields import Schema

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_ANYTHING: Final[Schema] = {_PRESERVE: True}


class ServedSchema(msgspec.Struct, frozen=True):
    """The part of a schema that decides what is kept of an object: which fields there are, and their defaults."""

    spec: Schema
    status: Schema
    readable: bool = True
    """False: the API server does not let us read it, so that any field may be in it."""

    @classmethod
    def of(cls, schema: Schema) -> "ServedSchema":
        """Return that of a whole TenantProxy's schema."""
        properties = schema.get("properties", {})
        return cls(spec=_structure(properties.get("spec", {})), status=_structure(properties.get("status", {})))

    def added_fields(self) -> dict[str, Schema]:
        """Return the fields of a spec that this version doesn't know, by their paths."""
        return dict(_only_in(self.spec, own_schema().spec, "spec"))

    def missing_fields(self) -> list[str]:
        """Return the paths of this version's fields that are not served."""
        own = own_schema()
        return [
            path
            for mine, served, name in ((own.spec, self.spec, "spec"), (own.status, self.status, "status"))
            for path, _ in _only_in(mine, served, name)
        ]

    def known_spec(self, spec: Any) -> tuple[Any, list[str]]:  # noqa: ANN401 - whatever the API server lets pass
        """Return a spec without the fields that can only come from the schema, and the paths of those in use.

        A field that has its default is not in use: the API server has set it. One that no schema has stays, and so
        is an error: it was let pass where the schema preserves unknown fields.
        """
        used: list[str] = []
        return _known(spec, own_schema().spec, self.spec if self.readable else None, "spec", used), used

    def known_status(self, status: dict[str, Any]) -> dict[str, Any]:
        """Return a status without the fields that the API server would refuse."""
        kept: dict[str, Any] = _pruned(status, self.status) if self.readable else status
        return kept


@cache
def own_schema() -> ServedSchema:
    """Return the schema of this version."""
    (version,) = build_crd()["spec"]["versions"]
    return ServedSchema.of(version["schema"]["openAPIV3Schema"])


def unreadable_schema() -> ServedSchema:
    """Return what is known where the schema can't be read."""
    return msgspec.structs.replace(own_schema(), readable=False)


def _structure(schema: Schema) -> Schema:
    bare: Schema = {key: schema[key] for key in ("default", _PRESERVE) if key in schema}
    if "properties" in schema:
        bare["properties"] = {name: _structure(field) for name, field in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(key), dict):
            bare[key] = _structure(inner)
        elif inner is True:
            bare |= _ANYTHING
    return bare


def _field(schema: Schema, name: str) -> Schema | None:
    """Return the schema of an object's field; None where it has none of that name."""
    properties = schema.get("properties", {})
    field: Schema | None = properties[name] if name in properties else schema.get("additionalProperties")
    return field


def _inside(schema: Schema) -> Schema:
    """Return the schema of what is in an object that has no field of that name."""
    return _ANYTHING if _PRESERVE in schema else {}


def _only_in(first: Schema, second: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield path and schema of what `first` has and `second` has not: the outermost fields alone."""
    if _PRESERVE in second:
        return
    if _PRESERVE in first:
        yield f"{path}.*", _ANYTHING
    for name, field in first.get("properties", {}).items():
        if (other := _field(second, name)) is None:
            yield f"{path}.{name}", field
        else:
            yield from _only_in(field, other, f"{path}.{name}")
    for key, step in (("items", "[]"), ("additionalProperties", ".*")):
        if key in first:
            yield from _only_in(first[key], second.get(key, {}), f"{path}{step}")


def _known(value: Any, own: Schema, served: Schema | None, path: str, used: list[str]) -> Any:  # noqa: ANN401 - JSON
    """Return a value without the fields that only the served schema has; `served` is None where it is unknown."""
    if isinstance(value, list) and "items" in own:
        inner = None if served is None else served.get("items", _inside(served))
        return [_known(item, own["items"], inner, f"{path}[{at}]", used) for at, item in enumerate(value)]
    if not isinstance(value, dict) or not ("properties" in own or "additionalProperties" in own):
        return value  # of another type than this version's, or passed on as it is
    known = {}
    for name, inner in value.items():
        field, place = _field(own, name), f"{path}.{name}"
        source = None if served is None else _field(served, name)
        if field is not None:
            source = _inside(served) if source is None and served is not None else source
            known[name] = _known(inner, field, source, place, used)
        elif source is not None:
            if "default" not in source or inner != _with_defaults(source["default"], source):
                used.append(place)
        elif served is None:
            used.append(place)
        elif _PRESERVE in served:
            known[name] = inner
        # Else it is of a schema that is newer than the one that was read last; that will be read soon.
    return known


def _with_defaults(value: Any, schema: Schema) -> Any:  # noqa: ANN401 - JSON
    """Return a value with the defaults of the fields inside, as the API server fills them in."""
    if isinstance(value, list):
        return [_with_defaults(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    defaults = {
        name: field["default"]
        for name, field in schema.get("properties", {}).items()
        if "default" in field and name not in value
    }
    return {name: _with_defaults(inner, _field(schema, name) or {}) for name, inner in (defaults | value).items()}


def _pruned(value: Any, schema: Schema) -> Any:  # noqa: ANN401 - JSON
    """Return a value without the fields that a schema does not have, as the API server prunes."""
    if isinstance(value, list):
        return [_pruned(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict) or _PRESERVE in schema:
        return value
    fields = ((name, inner, _field(schema, name)) for name, inner in value.items())
    return {name: _pruned(inner, field) for name, inner, field in fields if field is not None}
