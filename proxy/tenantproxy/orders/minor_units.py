"""Tell where an amount may be taken in minor units, such as cents, without being scaled.

Nothing else would tell: 1245 is as good a number as 12.45. Both functions only suspect, by names; `scale: 0` in a
rule says that an amount is what it seems to be.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import OPERATIONS, Operation
from tenantproxy.orders import pointers
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.json_members import OBJECT, reader, unless_null, whole
from tenantproxy.orders.rule_words import MAX_SCALE
from tenantproxy.orders.rules import lists
from tenantproxy.orders.transform import fields_of, outward_type
from tenantproxy.orders.words import look_up

AMOUNTS: Final = frozenset(
    ("unitPrice", "discountAmount", "contributedAmount", "minimumDownPaymentAmount", "invoicingAmount")
)
"""The outward fields that are sums of money; a quantity is a number, too, and none of these."""

_MINOR_WORDS: Final = frozenset(
    ("cent", "cents", "minor", "subunit", "subunits", "penny", "pennies", "pence", "micros")
)
_MINOR_NAME: Final = re.compile(r"centamount|.*(?<!per)(?<!ac)cents|.*minorunits?|.*amountminor")
"""Names whose words are not told apart."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PLACES_NAME: Final = re.compile(
    r"(?:currency)?(?:fractiondigits?|(?:numberof)?decimal(?:place|digit)?s|precision|exponent|minorunits?|scale)"
)
_NO_PLACES: Final = re.compile(rb'"?-?[1-9][0-9]*"?')
"""An amount that has no decimal places itself."""
_places: Final = look_up({str(places): places for places in range(1, MAX_SCALE + 1)})
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode

_Found = Iterator[tuple[str, str, config.Rule, Sequence[Raw]]]
"""A rule's path below `mapping`, its output field, the rule, and the objects that it is for."""


def suspects(mapping: config.Mapping) -> list[FieldProblem]:
    """Return the rules, by path below `mapping`, that take an amount as it is from a member named like cents."""
    problems = []
    for operation in OPERATIONS:
        for path, _, rule, _ in _amounts(mapping.of(operation), operation, whole(b"null")):
            for pointer in (rule.from_ or "", *rule.or_from):
                if names := [name for name in pointers.parse(pointer, path, []) if is_minor(name)]:
                    detail = f"takes `{names[-1]}` as it is, which looks like minor units; add `scale: 2`, or"
                    detail += (
                        " `scaleFrom` with a pointer to the number of decimal places; if it is not, `scale: 0`"
                    )
                    problems.append(FieldProblem(path, detail))
                    break
    return problems


def suspects_in(mapping: config.Mapping, operation: Operation, answer: bytes) -> list[FieldProblem]:
    """Return the rules that take an amount as it is from beside a number of decimal places, in an OMS's answer."""
    try:
        found = [*_amounts(mapping.of(operation), operation, whole(answer))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    problems = []
    for path, name, rule, objects in found:
        for pointer in (f"/{name}" if rule.from_ is None else rule.from_, *rule.or_from):
            places = next(filter(None, (_places_beside(raw, pointer) for raw in objects)), None)
            if places is not None:
                beside = f"{pointer.rpartition('/')[0]}/{places}"
                detail = f"takes an amount as it is from beside `{places}`, which says that it is in minor units; "
                problems.append(
                    FieldProblem(path, f"{detail}add `scaleFrom: {beside}`, or `scale: 0` if it is not")
                )
                break
    return problems


def is_minor(name: str) -> bool:
    """Return whether the name of a member looks like minor units."""
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _MINOR_WORDS and words[max(place - 1, 0)] != "per" for place, word in enumerate(words)):
        return True
    return bool(_MINOR_NAME.fullmatch("".join(words)))


def tells_places(name: str) -> bool:
    """Return whether the name of a member looks like the number of decimal places of an amount beside it."""
    return bool(_PLACES_NAME.fullmatch(re.sub(r"[_-]", "", name).lower()))


def _amounts(rules: config.OperationMapping, operation: Operation, answer: Raw) -> _Found:
    """Yield the rules that take an amount as it is, with what they are for in an answer."""
    kind, inner = outward_type(SHAPES[operation.name])
    rule = rules.rule(operation)
    objects = _below([answer], rule.each or rule.from_ or "", is_list=kind == "list")
    yield from _walk(rules.fields, inner, f"{operation.name}.fields", objects, answer)


def _walk(
    rules: Mapping[str, config.Rule], shape: type[msgspec.Struct], path: str, objects: Sequence[Raw], answer: Raw
) -> _Found:
    for field in fields_of(shape):
        rule = rules.get(field.name, config.Rule())
        kind, inner = outward_type(field.type)
        here = objects
        if rule.pick is not None:
            here = [answer] if rule.pick.within == "document" else objects
            here = _below(here, rule.pick.each, is_list=True)
        if inner is not None:
            pointer = next(at for at in (rule.each, rule.from_, f"/{field.name}") if at is not None)
            here = [answer] if rule.within == "document" else here
            below = [raw for at in (pointer, *rule.and_each) for raw in _below(here, at, is_list=kind == "list")]
            yield from _walk(rule.fields or {}, inner, f"{path}.{field.name}.fields", below, answer)
        elif field.name in AMOUNTS and is_unscaled(rule):
            yield f"{path}.{field.name}", field.name, rule, here


def is_unscaled(rule: config.Rule) -> bool:
    """Return whether a rule takes an amount as it is."""
    converts = (rule.scale, rule.scale_from, rule.values, rule.table)
    return rule.const is UNSET and all(word is None for word in converts)


def _below(objects: Sequence[Raw], pointer: str, *, is_list: bool) -> list[Raw]:
    """Return the objects that a pointer leads to."""
    tokens = pointers.parse(pointer, "", [], is_list=is_list)
    way, find = lists.finder(tokens, single=pointers.EVERY not in tokens) if is_list else (tokens, _itself)
    read = reader([way])
    found: list[Raw] = []
    for raw in objects:
        there = unless_null(*read(raw))
        with contextlib.suppress(lists.NoListError):
            found += (None if there is None else find(there)) or []
    return [raw for raw in found if memoryview(raw)[0] == OBJECT]


def _itself(raw: Raw) -> Sequence[Raw]:
    return [raw]


def _places_beside(raw: Raw, pointer: str) -> str | None:
    """Return the name of a number of decimal places beside an amount that has none."""
    tokens = pointers.parse(pointer, "", [])
    above, amount = reader([tokens[:-1], tokens])(raw)
    if (
        above is None
        or memoryview(above)[0] != OBJECT
        or amount is None
        or not _NO_PLACES.fullmatch(bytes(amount))
    ):
        return None
    for name, value in _members(above).items():
        if tells_places(name) and _places(value) is not UNSET:
            return name
    return None
