"""Bring an OMS of another shape to the documented one, by rules that are compiled once.

A compiled rule set turns the OMS's answer into a document of the documented shape, which then passes the same
contract as an unmapped answer (`orders`): no rule can get around it.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config, orders
from tenantproxy.credentials import FieldError
from tenantproxy.orders import KIND_NAMES, MAX_VIOLATIONS, ContractError, UnparsableError
from tenantproxy.problems import Detail

Outward = Callable[[bytes], bytes]
"""From an OMS's body to the outward one; raises ContractError, UnparsableError."""

_Members = dict[str, Raw]
_Found = list[Detail]
_Make = Callable[[_Members, str, _Found], Any]
"""Make an outward value from an OMS's object, at an outward pointer; UNSET where there is none."""

_DEFAULT_ROOTS: Final = {"getOrder": "/customerOrder", "searchOrders": "/customerOrders"}
_encode: Final = msgspec.json.Encoder().encode
_whole: Final = msgspec.json.Decoder(Raw).decode
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_elements: Final = msgspec.json.Decoder(list[Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode


class MappingError(ValueError):
    """Rules can't be used; `errors` name each rule by its path below `mapping`."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"`{error.field}` {error.detail}" for error in errors))
        self.errors = errors


class CompiledMapping(NamedTuple):
    """What to do with the OMS's answer to each operation."""

    get_order: Outward
    search_orders: Outward


def compile_mapping(mapping: config.Mapping) -> CompiledMapping:
    """Return the functions that bring the OMS's answers to the outward shape.

    Raises:
        MappingError: A rule is contradictory, names no outward field, or can't yield what its field needs.

    """
    errors: list[FieldError] = []
    order = _compile_operation("getOrder", mapping.get_order, orders.CustomerOrder, errors)
    search = _compile_operation("searchOrders", mapping.search_orders, orders.OrderSummary, errors)
    if errors:
        raise MappingError(errors)
    return CompiledMapping(
        get_order=_answer(order, "/customerOrder", orders.get_order) if order else orders.get_order,
        search_orders=_answer(search, "/customerOrders", orders.search_orders) if search else orders.search_orders,
    )


def _answer(make: _Make, outward_root: str, contract: Outward) -> Outward:
    field = outward_root[1:]

    def answer(body: bytes) -> bytes:
        found: _Found = []
        try:
            # The answer is made a member, so that the root's pointer is followed like any other.
            value = make({"": _whole(body)}, outward_root, found)
            mapped = _encode({} if value is UNSET else {field: value})
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None
        except RecursionError:
            raise ContractError([Detail("", "is nested too deeply")]) from None
        try:
            outward = contract(mapped)
        except ContractError as error:
            explained = {violation.pointer for violation in found}
            found += [violation for violation in error.violations if violation.pointer not in explained]
        if found:
            raise ContractError(found[:MAX_VIOLATIONS])
        return outward

    return answer


def _compile_operation(
    name: str, mapping: config.OperationMapping, shape: type[msgspec.Struct], errors: list[FieldError]
) -> _Make | None:
    """Return the function that makes the outward order, or list of orders, from `{"": answer}`."""
    if mapping.root is None and not mapping.fields:
        return None
    root = _DEFAULT_ROOTS[name] if mapping.root is None else mapping.root
    tokens = _pointer(root, f"{name}.root", errors)
    make = _object(mapping.fields, shape, f"{name}.fields", errors)
    convert = _convert_object(make) if name == "getOrder" else _convert_list(make)
    return _from(["", *tokens], convert, UNSET)


# ---- compiling: each function checks one kind of rule, and returns what makes its outward value


def _object(
    rules: dict[str, config.Rule], shape: type[msgspec.Struct], path: str, errors: list[FieldError]
) -> _Make:
    makers: list[tuple[str, _Make]] = []
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    for name in rules:
        if name not in fields:
            known = ", ".join(f"`{field}`" for field in fields)
            errors.append(FieldError(f"{path}.{name}", f"is not an outward field; there are {known}"))
    for name, field in fields.items():
        rule = rules.get(name, config.Rule())
        makers.append((name, _field(rule, name, field, f"{path}.{name}", errors)))

    def make(members: _Members, pointer: str, found: _Found) -> dict[str, Any]:
        made = {}
        for name, maker in makers:
            value = maker(members, f"{pointer}/{name}", found)
            if value is not UNSET:
                made[name] = value
        return made

    return make


def _field(
    rule: config.Rule,
    name: str,
    field: msgspec.structs.FieldInfo,
    path: str,
    errors: list[FieldError],
) -> _Make:
    kind, inner = orders.outward_type(field.type)
    before = len(errors)
    _check_form(rule, kind, path, errors)
    _check_constants(rule, kind, path, errors, required=field.required)
    source = rule.each if rule.each is not None else rule.from_
    tokens = [name] if source is None else _pointer(source, f"{path}.{_source_name(rule)}", errors)
    convert: _Convert = _as_it_is
    if rule.fields is not None and kind in ("object", "list"):
        nested = _object(rule.fields, inner, f"{path}.fields", errors)
        convert = _convert_list(nested) if kind == "list" else _convert_object(nested)
    elif rule.values is not None:
        convert = _convert_word(rule.values, rule.default)
    if len(errors) > before or rule.const is UNSET:
        return _from(tokens, convert, rule.default)
    constant = rule.const
    return lambda _members, _pointer, _found: constant


def _source_name(rule: config.Rule) -> str:
    return "each" if rule.each is not None else "from"


def _check_form(rule: config.Rule, kind: str, path: str, errors: list[FieldError]) -> None:
    """Check which parts of a rule stand together."""
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
        errors.append(FieldError(path, f"has both `{given[0]}` and `{given[1]}`; keep one"))
    if rule.const is not UNSET and (rule.values is not None or rule.fields is not None):
        errors.append(FieldError(path, "has `const` beside other rules; a constant needs none"))
    if rule.each is not None and kind != "list":
        errors.append(FieldError(f"{path}.each", f"is for lists; this field is {KIND_NAMES[kind]}, use `from`"))
    if rule.each is not None and rule.fields is None:
        errors.append(FieldError(f"{path}.each", "needs `fields`; `from` takes a list as it is"))
    if rule.fields is not None and kind not in ("list", "object"):
        errors.append(FieldError(f"{path}.fields", f"is for lists and objects; this field is {KIND_NAMES[kind]}"))
    if rule.fields is not None and kind == "list" and rule.from_ is not None:
        errors.append(FieldError(f"{path}.from", "does not go with `fields` on a list; use `each`"))
    if rule.values is not None and kind in ("list", "object"):
        errors.append(FieldError(f"{path}.values", f"is for single values; this field is {KIND_NAMES[kind]}"))


def _check_constants(rule: config.Rule, kind: str, path: str, errors: list[FieldError], *, required: bool) -> None:
    """Check that what a rule itself supplies is of the outward field's type."""
    supplied = [("const", rule.const), ("default", rule.default)]
    supplied += [(f"values.{word}", value) for word, value in (rule.values or {}).items()]
    for part, value in supplied:
        if value is UNSET:
            continue
        if value is None:
            if required:
                errors.append(FieldError(f"{path}.{part}", "is null, but the outward field is required"))
        elif not _is_constant(kind, value):
            errors.append(FieldError(f"{path}.{part}", f"must be {KIND_NAMES[kind]}, as the outward field is"))
    if rule.values is not None and not rule.values and (rule.default is UNSET or rule.default is None):
        errors.append(FieldError(f"{path}.values", "lists no word and there is no `default`"))


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


def _pointer(text: str, path: str, errors: list[FieldError]) -> list[str]:
    """Return the tokens of an RFC 6901 pointer."""
    bare = text.replace("~0", "").replace("~1", "")
    if (text and not text.startswith("/")) or "~" in bare:
        errors.append(FieldError(path, 'is not an RFC 6901 pointer; write /name/name, or "" for the whole'))
        return []
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


# ---- running: following pointers and converting what is there

_Convert = Callable[[Raw, str, _Found], Any]


def _from(tokens: list[str], convert: _Convert, default: Any) -> _Make:  # noqa: ANN401 - the rule's value
    """Return what follows a pointer and converts the value; `default` stands in for an absent or null one."""
    first, rest = (tokens[0], tokens[1:]) if tokens else (None, [])

    def make(members: _Members, pointer: str, found: _Found) -> Any:  # noqa: ANN401
        raw = Raw(_encode(members)) if first is None else members.get(first)
        for token in rest:
            if raw is None:
                break
            raw = _child(raw, token)
        if raw is None or _starts(raw) == _NULL:
            return default
        return convert(raw, pointer, found)

    return make


_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_NULL, _OBJECT, _LIST, _STRING = b'n{["'


def _starts(raw: Raw) -> int:
    return memoryview(raw)[0]


def _child(raw: Raw, token: str) -> Raw | None:
    start = _starts(raw)
    if start == _OBJECT:
        return _members(raw).get(token)
    if start == _LIST and _INDEX.fullmatch(token):
        elements = _elements(raw)
        return elements[int(token)] if int(token) < len(elements) else None
    return None


def _as_it_is(raw: Raw, _pointer: str, _found: _Found) -> Raw:
    return raw


def _convert_object(make: _Make) -> _Convert:
    def convert(raw: Raw, pointer: str, found: _Found) -> Any:  # noqa: ANN401
        if _starts(raw) != _OBJECT:
            found.append(Detail(pointer, "must be an object"))
            return UNSET
        return make(_members(raw), pointer, found)

    return convert


def _convert_list(make: _Make) -> _Convert:
    element = _convert_object(make)

    def convert(raw: Raw, pointer: str, found: _Found) -> Any:  # noqa: ANN401
        if _starts(raw) != _LIST:
            found.append(Detail(pointer, "must be a list"))
            return UNSET
        made = [element(each, f"{pointer}/{index}", found) for index, each in enumerate(_elements(raw))]
        # An element that could not be made keeps its place, so that pointers to the others stay right.
        return [None if value is UNSET else value for value in made]

    return convert


def _convert_word(values: dict[str, Any], default: Any) -> _Convert:  # noqa: ANN401 - the rule's values
    def convert(raw: Raw, pointer: str, found: _Found) -> Any:  # noqa: ANN401
        word = _text(raw) if _starts(raw) == _STRING else bytes(raw).decode()
        if word in values:
            return values[word]
        if default is UNSET:
            found.append(Detail(pointer, "has a word that the mapping's `values` don't list"))
        return default

    return convert
