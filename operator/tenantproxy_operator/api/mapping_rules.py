"""CEL rules about the mapping of an operation, from the shape of its order: what `compile_mapping` refuses, too.

The API server sees which fields there are, and which words a rule has. It can't see `const`, `default` and
`values`, which may be of any type: `constant_rules` is about these.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

import msgspec
from pydantic import BaseModel

from tenantproxy.oms.requests.paging import COUNTED
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.rule_words import AS, EXCLUDES, KINDS, MEMBERS_OF_ONE, NEEDS
from tenantproxy.orders.transform import outward_type
from tenantproxy_operator.api.fields import Schema, cel
from tenantproxy_operator.api.mapping_parts import escaped

_UNSEEN: Final = frozenset({"const", "default", "values"})
"""Words that CEL can't see."""

_GIVEN: Final = "self.upstream.operations.searchOrders.criteria"
_FOUND: Final = "self.mapping.searchOrders.fields"
_CRITERION: Final = f"{_FOUND}[name].criterion"
CRITERION_RULE: Final = cel(
    f"!(has(self.mapping) && has(self.mapping.searchOrders) && has({_FOUND})) || {_FOUND}.all(name, "
    f"!has({_CRITERION}) || {_CRITERION} == 'customerId' || (has({_GIVEN}) && {_CRITERION} in {_GIVEN}))",
    "has a criterion that this search does not take; name customerId, or one of "
    "upstream.operations.searchOrders.criteria",
    path=".mapping.searchOrders.fields",
)
"""Of a whole spec: rules take the values of criteria that there are."""

_WHERE: Final = "self.mapping.searchOrders.where"
_PAGES: Final = "self.upstream.operations.searchOrders.pages"
COUNTED_PAGES_RULE: Final = cel(
    f"!(has(self.mapping) && has(self.mapping.searchOrders) && has({_WHERE}) && has({_PAGES})) "
    f"|| (has({_PAGES}.link) && {_PAGES}.link) "
    f"|| (has({_PAGES}.cursor) && !has({_PAGES}.size) && !has({_PAGES}.total))",
    COUNTED,
    path=".mapping.searchOrders.where",
)
"""Of a whole spec: pages that are counted have all of their orders."""


def word_rules(schema: Schema, model: type[BaseModel]) -> None:
    """Add to the schema of a rule's model which words go together."""
    words = words_of(model)
    unseen: set[tuple[str, str]] = set()
    rules: list[Schema] = []
    for word in filter(words.__contains__, EXCLUDES):
        others = [other for other in EXCLUDES[word] if other in words]
        seen = [] if word in _UNSEEN else [other for other in others if other not in _UNSEEN]
        unseen |= {(word, other) for other in others if other not in seen}
        if seen:
            both = f"{_has(word)} && ({' || '.join(map(_has, seen))})"
            rules.append(cel(f"!({both})", f"has {word} together with {_listed(seen)}; keep one"))
    for word, needed in NEEDS.items():
        if word in words and needed in words:
            message = f"needs {needed}; add it, or remove {word}"
            rules.append(cel(f"!{_has(word)} || {_has(needed)}", message, path=f".{word}"))
    if "each" in words:
        single = f"{_has('as')} && self.{escaped('as')} == 'single'"
        ends = "(has(self.each) && self.each.endsWith('/*'))"
        further = "(has(self.andEach) && self.andEach.exists(each, each.endsWith('/*')))"
        rules.append(cel(f"!({single} && ({ends} || {further}))", f"each {MEMBERS_OF_ONE.replace('`', '')}"))
    alone = [{"required": list(pair)} for pair in sorted(unseen)]
    schema |= {"not": {"anyOf": alone}, "x-kubernetes-validations": rules}


def words_of(model: type[BaseModel]) -> list[str]:
    """Return the words that a rule of a model may have."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _has(word: str, rule: str = "self") -> str:
    return f"has({rule}.{escaped(word)})"


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def mapping_rules(operation: str, rule: type[BaseModel]) -> dict[str, Any]:
    """Return a schema that checks the mapping of an operation, whose `fields` has rules of the model `rule`."""
    _, shape = outward_type(SHAPES[operation])
    return {"x-kubernetes-validations": list(_rules(shape, rule, "self", "", "!has(self.fields)"))}


def _rules(
    shape: type[msgspec.Struct], rule: type[BaseModel], above: str, path: str, absent: str
) -> Iterator[Schema]:
    """Return the rules for the `fields` of what is `above`, at a path, unless they are `absent`; and so on below.

    An index lets the API server see how large what is there may be, which the cost of a rule depends on.
    """
    fields, one = f"{above}.fields", f"{above}.fields[name]"
    inner = {field.name: outward_type(field.type) for field in msgspec.structs.fields(shape)}
    kinds = {name: kind for name, (kind, _) in inner.items()}

    def every(condition: str, message: str) -> Schema:
        return cel(f"{absent} || {fields}.all(name, {condition})", message, path=f"{path}.fields")

    known = ", ".join(inner)
    yield every(f"name in {list(inner)}", f"has a rule for what is not an output field; there are {known}")
    words = words_of(rule)
    for allowed, said in _by_kinds(rule, one):
        right = [name for name, kind in kinds.items() if kind in allowed]
        if right != list(inner):
            where = (
                f"in a rule for another field than {_listed(right)}" if right else "and no field here can use it"
            )
            message = f"has {_listed(said)} {where}; remove it"
            yield every(f"name in {right} || !({' || '.join(said.values())})", message)
    lists = [name for name, kind in kinds.items() if kind == "list"]
    if lists and "each" in words:
        condition = f"!(name in {lists}) || !{_has('fields', one)} || !{_has('from', one)}"
        yield every(condition, f"has from with fields in the rule for {_listed(lists)}; use each")
    for name, kind in kinds.items():
        if kind not in KINDS["fields"] or "fields" not in words:
            continue
        there = f"{fields}['{name}']"
        missing = f"{absent} || !has({fields}.{name}) || !has({there}.fields)"
        yield from _rules(inner[name][1], _inner_model(rule), there, f"{path}.fields.{name}", missing)


def _by_kinds(model: type[BaseModel], rule: str) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Yield the kinds of output field that words are for, and whether a rule has each; `as` by its values."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for word in words_of(model):
        if word not in _UNSEEN and word != "as":
            found.setdefault(KINDS[word], {})[word] = _has(word, rule)
    literal, _ = get_args(model.model_fields["as_"].annotation)
    for kind, values in AS.items():
        for value in filter(get_args(literal).__contains__, values):
            said = f"({_has('as', rule)} && {rule}.{escaped('as')} == '{value}')"
            found.setdefault((kind,), {})[f"as: {value}"] = said
    yield from found.items()


def _inner_model(rule: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the rules in `fields` of a rule, which are a `dict[str, Model] | None`."""
    annotation: Any = rule.model_fields["fields"].annotation
    (mapping,) = (choice for choice in annotation.__args__ if choice is not type(None))
    model: type[BaseModel] = mapping.__args__[1]
    return model
