"""Compile mapping rules, which bring the answers of an OMS of another shape to the documented one.

Compiled rules make a document of the documented shape out of the OMS's answer (`transform`), which then passes the
same contract as an unmapped answer (`contract`): no rule can get around it.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders import pointers, transform
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.orders.transform import (
    KIND_NAMES,
    MAX_VIOLATIONS,
    ContractError,
    ConvertValue,
    FieldSource,
    Location,
    TransformState,
)
from tenantproxy.orders.weight import HeavyError, Outward, is_heavy
from tenantproxy.orders.words import look_up


class MappingError(ValueError):
    """Rules can't be used; `errors` name each rule by its path below `mapping`."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


CompiledMapping = Mapping[str, Outward]
"""The function that makes the outward body of the OMS's answer, by the operation's name."""


def compile_mapping(mapping: config.Mapping) -> CompiledMapping:
    """Compile the rules into functions that convert the OMS's answers to the outward shape.

    Raises:
        MappingError: A rule is contradictory, names no output field, or can't yield what its field needs.

    """
    errors: list[FieldProblem] = []
    compiled = {}
    for operation in OPERATIONS:
        contract = CONTRACTS[operation.name]
        make = _compile_operation(operation, mapping.of(operation), contract.document, errors)
        compiled[operation.name] = contract.outward if make is None else _mapped(make, contract.outward)
    if errors:
        raise MappingError(errors)
    return compiled


def _mapped(make: transform.Transform, contract: Outward) -> Outward:
    """Return what makes the outward body by rules, and holds it to the contract."""

    def outward(body: bytes, *, at_once: bool = False) -> bytes:
        if at_once and is_heavy(body):
            raise HeavyError
        made, found = make(body)
        try:
            checked = contract(made)
        except ContractError as error:
            explained = {violation.field for violation in found}
            found += [violation for violation in error.violations if violation.field not in explained]
        if found:
            raise ContractError(found[:MAX_VIOLATIONS])
        return checked

    return outward


def _compile_operation(
    operation: Operation,
    mapping: config.OperationMapping,
    shape: type[msgspec.Struct],
    errors: list[FieldProblem],
) -> transform.Transform | None:
    """Return what makes the outward document; its one member is made of what is at the root."""
    if mapping.root is None and not mapping.fields:
        return None
    root = operation.root if mapping.root is None else mapping.root
    tokens = pointers.parse(root, f"{operation.name}.root", errors)
    (field,) = msgspec.structs.fields(shape)
    kind, inner = transform.outward_type(field.type)
    source = transform.nested(field, kind, _sources(mapping.fields, inner, f"{operation.name}.fields", errors))
    return transform.document(source._replace(tokens=tokens))


# ---- compiling: each function checks one kind of rule


def _sources(
    rules: dict[str, config.Rule], shape: type[msgspec.Struct], path: str, errors: list[FieldProblem]
) -> list[FieldSource]:
    """Return where the fields of an outward object come from."""
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    for name in rules:
        if name not in fields:
            known = ", ".join(f"`{field}`" for field in fields)
            errors.append(FieldProblem(f"{path}.{name}", f"is not an output field; there are {known}"))
    return [
        _source(rules[name], field, f"{path}.{name}", errors) if name in rules else transform.same_field(field)
        for name, field in fields.items()
    ]


def _source(
    rule: config.Rule, field: msgspec.structs.FieldInfo, path: str, errors: list[FieldProblem]
) -> FieldSource:
    kind, inner = transform.outward_type(field.type)
    _check_form(rule, kind, path, errors)
    _check_constants(rule, kind, path, errors, required=field.required)
    source = transform.same_field(field)
    if rule.fields is not None and kind in ("object", "list"):
        source = transform.nested(field, kind, _sources(rule.fields, inner, f"{path}.fields", errors))
    elif rule.values is not None:
        source = source._replace(convert=_convert_word(rule.values, rule.default))
    pointer = rule.each if rule.each is not None else rule.from_
    if pointer is not None:
        name = "each" if rule.each is not None else "from"
        source = source._replace(tokens=pointers.parse(pointer, f"{path}.{name}", errors))
    return source._replace(default=rule.default, const=rule.const)


def _check_form(rule: config.Rule, kind: str, path: str, errors: list[FieldProblem]) -> None:
    """Check that the parts of a rule can be combined."""
    given = [
        name
        for name, there in (
            ("from", rule.from_ is not None),
            ("const", rule.const is not UNSET),
            ("each", rule.each is not None),
        )
        if there
    ]
    if len(given) > 1:
        errors.append(FieldProblem(path, f"has both `{given[0]}` and `{given[1]}`; keep one"))
    if rule.const is not UNSET and (rule.values is not None or rule.fields is not None):
        errors.append(FieldProblem(path, "has `const` together with other rules; a constant needs none"))
    if rule.each is not None and kind != "list":
        errors.append(FieldProblem(f"{path}.each", f"is for lists; this field is {KIND_NAMES[kind]}, use `from`"))
    if rule.each is not None and rule.fields is None:
        errors.append(FieldProblem(f"{path}.each", "needs `fields`; `from` takes a list as it is"))
    if rule.fields is not None and kind not in ("list", "object"):
        errors.append(
            FieldProblem(f"{path}.fields", f"is for lists and objects; this field is {KIND_NAMES[kind]}")
        )
    if rule.fields is not None and kind == "list" and rule.from_ is not None:
        errors.append(FieldProblem(f"{path}.from", "does not go with `fields` on a list; use `each`"))
    if rule.values is not None and kind in ("list", "object"):
        errors.append(FieldProblem(f"{path}.values", f"is for single values; this field is {KIND_NAMES[kind]}"))


def _check_constants(
    rule: config.Rule, kind: str, path: str, errors: list[FieldProblem], *, required: bool
) -> None:
    """Check that the values in a rule are of the output field's type."""
    supplied = [("const", rule.const), ("default", rule.default)]
    supplied += [(f"values.{word}", value) for word, value in (rule.values or {}).items()]
    for part, value in supplied:
        if value is UNSET:
            continue
        if value is None:
            if required:
                errors.append(FieldProblem(f"{path}.{part}", "is null, but the output field is required"))
        elif not _is_constant(kind, value):
            errors.append(FieldProblem(f"{path}.{part}", f"must be {KIND_NAMES[kind]}, as the output field is"))
    if rule.values is not None and not rule.values and (rule.default is UNSET or rule.default is None):
        errors.append(FieldProblem(f"{path}.values", "lists no value and there is no `default`"))


def _is_constant(kind: str, value: Any) -> bool:  # noqa: ANN401 - whatever the rule holds
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case "list":
            return value == [] and isinstance(value, list)
    return False


def _convert_word(values: dict[str, Any], default: Any) -> ConvertValue:  # noqa: ANN401 - the rule's values
    find = look_up(values)

    def convert(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        value = find(raw)
        if value is not UNSET:
            return value
        if default is UNSET:
            state.add_violation(location, "has a value that the mapping's `values` don't list")
        return default

    return convert
