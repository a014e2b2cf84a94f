"""Generate the reference of the custom resource from the CustomResourceDefinition, in Markdown.

`python -m tenantproxy_operator.api.reference` prints it.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import click

from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.fields import Schema

_HEAD: Final = """\
<!-- Generated from the models in tenantproxy_operator by `make crd`; don't edit. -->
# TenantProxy: every field

`apiVersion: {group}/{version}`, `kind: {kind}`. `kubectl explain {singular} --recursive` has the same.
How to use the fields is in [configuration.md](configuration.md). In paths, `.<name>` stands for each key of a
map, `[]` for each element of a list.
"""
_PLURALS: Final = {"object": "objects", "string": "strings", "integer": "integers", "any": "anything"}


class _Field(NamedTuple):
    """A field; its path is what stands behind the section's, such as `.limits.cpu`."""

    path: str
    schema: Schema
    required: bool


def reference_markdown() -> str:
    """Return the reference; the same models give the same bytes."""
    crd = build_crd()["spec"]
    (version,) = crd["versions"]
    root = version["schema"]["openAPIV3Schema"]["properties"]
    head = _HEAD.format(
        group=crd["group"],
        version=version["name"],
        kind=crd["names"]["kind"],
        singular=crd["names"]["singular"],
    )
    return "\n".join([head, *_section("spec", root["spec"]), *_section("status", root["status"])])


def _section(name: str, schema: Schema) -> list[str]:
    """Return the section about `spec` or `status`: what stands alone, then a section for each of the others."""
    required = schema.get("required", ())
    fields = [_Field(field, inner, field in required) for field, inner in schema["properties"].items()]
    alone = [field for field in fields if next(_below(field.schema), None) is None]
    own = {key: value for key, value in schema.items() if key != "properties"}
    lines = [f"## {name}", "", _text(schema["description"]), ""]
    lines += [*_table(alone), *_rules(name, [_Field("", own, required=True), *alone])]
    for field in fields:
        if field in alone:
            continue
        path = f"{name}.{field.path}"
        below = list(_below(field.schema))
        need = "Required. " if field.required else ""
        lines += [f"### {path}", "", f"{need}{_text(field.schema['description'])}", ""]
        lines += [*_table(below), *_rules(path, [field._replace(path=""), *below])]
    return lines


def _below(schema: Schema) -> Iterator[_Field]:
    """Yield all fields below a field, depth first."""
    for step, element in _elements(schema):
        for name, inner in element.get("properties", {}).items():
            here = f"{step}.{name}"
            yield _Field(here, inner, name in element.get("required", ()))
            for field in _below(inner):
                yield field._replace(path=here + field.path)


def _elements(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield what holds further fields, and how a path continues to it: an object, a map's or a list's element."""
    if "properties" in schema:
        yield "", schema
    if "additionalProperties" in schema:
        yield ".<name>", schema["additionalProperties"]
    if "items" in schema:
        yield "[]", schema["items"]


def _table(fields: list[_Field]) -> list[str]:
    rows = [
        f"| `{field.path.removeprefix('.')}` | {_type(field.schema)} | {_default(field)} | "
        f"{_bounds(field.schema)} | {_text(field.schema['description'])} |"
        for field in fields
    ]
    return ["| field | type | default | bounds | |", "| --- | --- | --- | --- | --- |", *rows, ""]


def _type(schema: Schema) -> str:
    if "x-kubernetes-int-or-string" in schema:
        return "string or integer"
    kind = schema.get("type")
    if kind is None:
        return "any"
    if kind == "array":
        return f"list of {_plural(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_plural(schema['additionalProperties'])}"
    return str(kind)


def _plural(schema: Schema) -> str:
    kind = _type(schema)
    return _PLURALS.get(kind, kind)


def _default(field: _Field) -> str:
    if field.required:
        return "required"
    if "default" not in field.schema or field.schema["default"] in ({}, []):
        return ""
    default = field.schema["default"]
    return _code(default if isinstance(default, str) else json.dumps(default))


def _bounds(schema: Schema) -> str:
    parts = list(_own_bounds(schema))
    for each in (schema.get("items"), schema.get("additionalProperties")):
        inner = list(_own_bounds(each)) if each else []
        if inner:
            parts.append(f"each: {', '.join(inner)}")
    return "; ".join(parts)


def _own_bounds(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield " or ".join(f"`{value}`" for value in schema["enum"])
    yield from _range(schema.get("minimum"), schema.get("maximum"), "")
    yield from _range(schema.get("minItems"), schema.get("maxItems"), " entries")
    yield from _range(None, schema.get("maxProperties"), " entries")
    yield from _range(None, schema.get("maxLength"), " characters")
    if "pattern" in schema:
        yield _code(schema["pattern"])
    if "format" in schema:
        yield schema["format"]


def _range(least: int | None, most: int | None, what: str) -> Iterator[str]:
    if least is not None and most is not None:
        yield f"{least} to {most}{what}"
    elif least is not None:
        yield f"at least {least}{what}"
    elif most is not None:
        yield f"at most {most}{what}"


def _rules(path: str, fields: list[_Field]) -> list[str]:
    """Return what is checked beyond the bounds, in the words of the API server's error."""
    places: dict[str, list[str]] = {}
    for field in fields:
        for rule in field.schema.get("x-kubernetes-validations", ()):
            place = f"{field.path}{rule.get('fieldPath', '')}".removeprefix(".")
            places.setdefault(rule["message"], []).append(f"`{place or path}`")
    lines = [f"- {', '.join(named)}: {_text(message)}." for message, named in places.items()]
    return ["Further errors:", "", *lines, ""] if lines else []


def _text(text: str) -> str:
    """Return text in which Markdown finds nothing of its own."""
    return re.sub(r"([|<*])", r"\\\1", text)


def _code(text: str) -> str:
    """Return text as code in a table."""
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    click.echo(reference_markdown(), nl=False)
