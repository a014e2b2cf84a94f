"""The fields of an outward document with their rules, compiled by what compiles them for serving."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.operations import Operation
from tenantproxy.orders import pointers
from tenantproxy.orders.contract import CONTRACTS
from tenantproxy.orders.documents import filler
from tenantproxy.orders.json_members import STRING, Values, text
from tenantproxy.orders.rules.combine import IsNull, null_test
from tenantproxy.orders.rules.compile import RuleCompiler
from tenantproxy.orders.rules.relation import Relation, compile_relation
from tenantproxy.orders.transform import (
    NO_CRITERIA,
    STARTS,
    ContractError,
    FieldSource,
    TransformState,
    fields_of,
    outward_type,
)

Tokens = Sequence[str]


class Elements(NamedTuple):
    """Which elements of which lists belong to an object."""

    ways: Sequence[Tokens]
    within: Literal["object", "document"]
    is_single: bool
    """Whether an object is a list of one."""
    conditions: tuple[config.Condition, ...]
    relation: Relation


class Field(NamedTuple):
    """A field of the outward document, and all that is done to make it."""

    name: str
    kind: str
    rule: config.Rule | None
    """None: it is taken from the same name."""
    ways: Sequence[Tokens]
    """The pointers that it is made from."""
    make: Callable[[Values], Raw | None]
    """Make a single value of what is there."""
    look_up: Callable[[Values], Raw | None]
    """Make what `values` are asked for, or the number of the row of a `table`."""
    is_null: IsNull
    members: Sequence["Field"]
    elements: Elements
    """Of a list."""
    pick: Elements | None


def compile_fields(operation: Operation, rules: config.OperationMapping) -> Field:
    """Return the one field of an operation's outward document; the rules can be used."""
    shape = CONTRACTS[operation.name].document
    (info,) = fields_of(shape)
    (field,) = _compile({info.name: rules.rule(operation)}, shape, operation)
    return field


def _compile(rules: Mapping[str, config.Rule], shape: type[msgspec.Struct], operation: Operation) -> list[Field]:
    sources = RuleCompiler(operation, []).sources({**rules}, shape, "")
    bare = {name: _bare(rule) for name, rule in rules.items() if rule.values is not None or rule.table is not None}
    asked = RuleCompiler(operation, []).sources(bare, shape, "")
    fields = []
    for info, source, before in zip(fields_of(shape), sources, asked, strict=True):
        kind, inner = outward_type(info.type)
        rule = rules.get(info.name)
        given = rule or config.Rule()
        ways = [source.tokens, *source.others]
        if given.each is not None:
            ways = [_list_tokens(pointer) for pointer in (given.each, *given.and_each)]
        fields.append(
            Field(
                info.name,
                kind,
                rule,
                ways,
                _maker(source, kind),
                _maker(before, ""),
                null_test(given.null_if),
                () if inner is None else _compile(given.fields or {}, inner, operation),
                _elements(given, ways, is_single=given.as_ == "single"),
                None if given.pick is None else _pick(given.pick),
            )
        )
    return fields


def _bare(rule: config.Rule) -> config.Rule:
    """Return a rule that makes what another one's words are found by."""
    table = rule.table
    if table is not None:
        numbered = (msgspec.structs.replace(row, value=index) for index, row in enumerate(table.rows))
        table = msgspec.structs.replace(table, rows=tuple(numbered))
    return msgspec.structs.replace(rule, values=None, table=table, default=UNSET)


def _pick(pick: config.Pick) -> Elements:
    tokens = _list_tokens(pick.each)
    return _elements(pick, [tokens], is_single=pointers.EVERY not in tokens)


def _elements(rule: config.Rule | config.Pick, ways: Sequence[Tokens], *, is_single: bool) -> Elements:
    return Elements(ways, rule.within, is_single, rule.where, compile_relation(rule.where, "", []))


def _list_tokens(pointer: str) -> Tokens:
    return pointers.parse(pointer, "", [], is_list=True)


def _maker(source: FieldSource, kind: str) -> Callable[[Values], Raw | None]:
    """Return what makes the outward value of what is at a source's pointers; None: it has none of its kind."""
    _, fill = filler([source])

    def make(values: Values) -> Raw | None:
        made: dict[str, Any] = {}
        try:
            fill(made, values, None, _state(values))
        except ContractError:
            return None
        encoded = _encode(made.get(source.name) if source.const is UNSET else source.const)
        if encoded == b"null" or (kind and encoded[0] not in STARTS[kind]):
            return None
        # A text is written as the contract writes it.
        return Raw(_encode(text(encoded)) if kind and encoded[0] == STRING else encoded)

    return make


def _state(values: Values) -> TransformState:
    return TransformState(sum(len(value) for value in values if value is not None), NO_CRITERIA)


_encode: Final = msgspec.json.Encoder().encode
