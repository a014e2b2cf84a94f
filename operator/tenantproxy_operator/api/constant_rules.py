"""CEL rules about the constants of a mapping, for an admission policy: what `compile_mapping` refuses, too.

`const`, `default`, and the outputs of `values` and `table` may be of any type, so that a schema's rules can't see
them. A policy can, as `dyn`.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from tenantproxy.operations import OPERATIONS
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.rule_words import KINDS
from tenantproxy.orders.transform import KIND_NAMES, outward_type

_IS: Final = {
    "string": "type({0}) == string",
    "boolean": "type({0}) == bool",
    "number": "type({0}) == int || type({0}) == double",
    "list": "dyn({0}) == []",
    "object": "false",
}
"""Whether a value is a constant for an output field of a kind."""


def constant_rules() -> Iterator[tuple[str, str]]:
    """Return expressions, each with what is wrong where it is false."""
    for operation in OPERATIONS:
        _, shape = outward_type(SHAPES[operation.name])
        yield from _of_fields(shape, f"object.spec.?mapping.?{operation.name}", f"spec.mapping.{operation.name}")


def _of_fields(shape: type[msgspec.Struct], above: str, path: str) -> Iterator[tuple[str, str]]:
    """Return the rules for the `fields` of what is `above`, which an optional expression reads."""
    for field in msgspec.structs.fields(shape):
        kind, inner = outward_type(field.type)
        rule, where = f"{above}.?fields[?'{field.name}']", f"{path}.fields.{field.name}"
        yield _of_field(rule, where, kind, required=field.required)
        yield _of_values(rule, where, kind)
        if inner is not None:
            yield from _of_fields(inner, rule, where)


def _of_field(rule: str, where: str, kind: str, *, required: bool) -> tuple[str, str]:
    """Return the rule for the types of an output field's constants."""
    right = _IS[kind] if required else f"{_IS[kind]} || {{0}} == null"
    one = f"each.optMap(it, {right.format('it')}).orValue(true)"
    ones = f"[dyn(rule)[?'const'], dyn(rule)[?'default']].all(each, {one})"
    words = f"dyn(rule)[?'values'].optMap(them, them.all(word, {right.format('them[word]')})).orValue(true)"
    row = f"dyn(row)[?'value'].optMap(it, {right.format('it')}).orValue(true)"
    rows = f" && rule.?table.?rows.optMap(rows, rows.all(row, {row})).orValue(true)"
    null = "null is not, as the field is required" if required else "or null"
    message = (
        f"{where} has a constant (`const`, `default`, `values`, `table`) that must be {KIND_NAMES[kind]}, as the"
        f" output field is; {null}"
    )
    return _where_there(rule, f"{ones} && {words}{rows if kind in KINDS['table'] else ''}"), message


def _of_values(rule: str, where: str, kind: str) -> tuple[str, str]:
    """Return the rule for the `values` of an output field, as a whole."""
    if kind in ("list", "object"):
        message = f"{where}.values is for single values; this field is {KIND_NAMES[kind]}, remove it"
        return _where_there(rule, "!dyn(rule)[?'values'].hasValue()"), message
    some = "dyn(rule)[?'values'].optMap(them, size(them) > 0).orValue(true)"
    default = "dyn(rule)[?'default'].optMap(it, it != null).orValue(false)"
    message = f"{where}.values lists no value and there is no `default`; add one"
    return _where_there(rule, f"{some} || {default}"), message


def _where_there(rule: str, condition: str) -> str:
    return f"{rule}.optMap(rule, {condition}).orValue(true)"
