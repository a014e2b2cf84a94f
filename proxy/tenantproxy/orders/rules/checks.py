"""Check that the words of a rule go together, are for its field, and can yield what the field needs."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import UNSET

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import Operation
from tenantproxy.orders import rule_words
from tenantproxy.orders.numbers import MAX_DIGITS, keeps_digits
from tenantproxy.orders.rules import table
from tenantproxy.orders.transform import KIND_NAMES
from tenantproxy.orders.words import repeated, same_numbers

_KINDS: Final = {
    ("string", "number", "boolean"): "single values",
    ("string",): "strings",
    ("number",): "numbers",
    ("list",): "lists",
    ("list", "object"): "lists and objects",
}
_ITSELF: Final = "is the object itself, which can't be"


def find_problems(
    rule: config.Rule, kind: str, path: str, operation: Operation, *, required: bool
) -> Iterator[FieldProblem]:
    """Yield what is wrong with a rule for a field of a kind; the rules in its `fields` are left out."""
    words = rule_words.given(rule)
    for word, detail in [*rule_words.contradictions(words), *_unfit(rule, words, kind)]:
        yield FieldProblem(f"{path}.{word}" if word else path, detail)
    if rule.criterion is not None and not operation.takes_criteria:
        yield FieldProblem(f"{path}.criterion", "is for a search; reading one order has no criteria")
    for word, detail in [*_forms(rule), *_pointers(rule, kind), *_constants(rule, kind, required=required)]:
        yield FieldProblem(f"{path}.{word}", detail)


def find_root_problems(rule: config.Rule, path: str) -> Iterator[FieldProblem]:
    """Yield what is wrong with the rule for the whole of an answer, around which there is no object."""
    for word, detail in _counts(rule):
        yield FieldProblem(f"{path}.{word}", detail)
    if rule_words.takes_one_apart(rule.as_, rule.each or ""):
        yield FieldProblem(f"{path}.root", rule_words.MEMBERS_OF_ONE)
    for index, condition in enumerate(rule.where):
        if condition.same_as is not None:
            detail = "is for what belongs to an order; use `in`, `notIn` or `absent`"
            yield FieldProblem(f"{path}.where[{index}].sameAs", detail)


def _unfit(rule: config.Rule, words: Sequence[str], kind: str) -> Iterator[FieldProblem]:
    """Yield which words are not for this kind of field; each is named by its path below the rule."""
    this = f"this field is {KIND_NAMES[kind]}"
    for word in words:
        kinds = rule_words.KINDS[word]
        if word != "as" and kind not in kinds:
            yield FieldProblem(word, f"is for {_KINDS[kinds]}; {this}{', use `from`' * (word == 'each')}")
    if rule.as_ is not None and rule.as_ not in rule_words.AS.get(kind, ()):
        (wanted,) = (wanted for wanted, said in rule_words.AS.items() if rule.as_ in said)
        yield FieldProblem("as", f"is `{rule.as_}`, which is for {_KINDS[(wanted,)]}; {this}")
    if rule.as_ == "single" and rule.each is None:
        yield FieldProblem("as", "is `single`, which needs `each`")
    if rule.fields is not None and kind == "list" and rule.from_ is not None:
        yield FieldProblem("from", "does not go with `fields` on a list; use `each`")
    needed = rule_words.PART_NEEDS.get(kind)
    if rule.part is not None and needed and not set(needed) & set(words):
        yield FieldProblem("part", f"makes a text; {this}, add {' or '.join(f'`{word}`' for word in needed)}")


def _forms(rule: config.Rule) -> Iterator[FieldProblem]:
    """Yield which words hold what they can't."""
    yield from _counts(rule)
    if rule.scale is not None and not 0 <= rule.scale <= rule_words.MAX_SCALE:
        yield FieldProblem("scale", f"is {rule.scale}; write 0 to {rule_words.MAX_SCALE}, such as 2 for cents")
    for word in repeated(rule.null_if):
        yield FieldProblem("nullIf", f"has `{word}` twice; keep one")
    for word in (rule.values or {}) if rule.part is None else ():
        if word in rule.null_if:
            yield FieldProblem(f"values.{word}", "is in `nullIf`, too, so that it is never found; keep one")
    if rule.table is not None:
        for field, detail in table.problems(rule.table, has_default=rule.default is not UNSET):
            yield FieldProblem(f"table{field}", detail)
    if rule.part is not None:
        yield from _part(rule.part)


def _counts(rule: config.Rule) -> Iterator[FieldProblem]:
    counts = [
        ("orFrom", len(rule.or_from), 0, rule_words.MAX_POINTERS),
        ("nullIf", len(rule.null_if), 0, rule_words.MAX_NULLS),
        ("andEach", len(rule.and_each), 0, rule_words.MAX_POINTERS),
        ("where", len(rule.where), 0, rule_words.MAX_CONDITIONS),
    ]
    if rule.pick is not None:
        counts.append(("pick.where", len(rule.pick.where), 1, rule_words.MAX_CONDITIONS))
    if rule.join is not None:
        counts.append(("join.from", len(rule.join.from_), 2, rule_words.MAX_POINTERS))
    for name, count, least, most in counts:
        if not least <= count <= most:
            yield FieldProblem(name, f"has {count} entries; write {least} to {most}")


def _part(part: config.Part) -> Iterator[FieldProblem]:
    delimiters = {"after": part.after, "afterLast": part.after_last, "before": part.before}
    for name, delimiter in delimiters.items():
        if delimiter == "":
            yield FieldProblem(f"part.{name}", "is empty; write the delimiter, or remove it")
    if part.after is not None and part.after_last is not None:
        yield FieldProblem("part", "has both `after` and `afterLast`; keep one")
    if not any(delimiter is not None for delimiter in delimiters.values()):
        yield FieldProblem("part", "needs `after`, `afterLast` or `before`")


def _pointers(rule: config.Rule, kind: str) -> Iterator[FieldProblem]:
    """Yield which pointers are there twice, or lead to what can't be what the field needs."""
    several = [("from", rule.from_), *((f"orFrom[{index}]", at) for index, at in enumerate(rule.or_from))]
    lists = [("each", rule.each), *((f"andEach[{index}]", at) for index, at in enumerate(rule.and_each))]
    for given, once in ((several, "each is tried once"), (lists, "its elements are taken once")):
        for place, (name, pointer) in enumerate(given):
            if pointer is not None and pointer in [earlier for _, earlier in given[:place]]:
                yield FieldProblem(name, f"is there already; {once}")
    yield from (
        FieldProblem(name, rule_words.MEMBERS_OF_ONE)
        for name, pointer in lists
        if pointer is not None and rule_words.takes_one_apart(rule.as_, pointer)
    )
    if rule.scale_from is not None and rule.scale_from in [pointer for _, pointer in several]:
        yield FieldProblem("scaleFrom", "is the amount itself; point at the number of its decimal places")
    if rule.pick is not None:
        return
    if rule.from_ == "" and kind != "object":
        yield FieldProblem("from", f"{_ITSELF} {KIND_NAMES[kind]}; name a member, as in /name")
    for name, pointer in lists if rule.as_ != "single" else ():
        if pointer == "":
            yield FieldProblem(name, f"{_ITSELF} a list; name a member, as in /name, or add `as: single`")


def _constants(rule: config.Rule, kind: str, *, required: bool) -> Iterator[FieldProblem]:
    """Yield which values in a rule are not of the output field's type."""
    supplied = [("const", rule.const), ("default", rule.default)]
    supplied += [(f"values.{word}", value) for word, value in (rule.values or {}).items()]
    if rule.table is not None:
        supplied += [(f"table.rows[{index}].value", row.value) for index, row in enumerate(rule.table.rows)]
    for part, value in supplied:
        if value is not UNSET and (problem := _misfit(kind, value, required=required)):
            yield FieldProblem(part, problem)
    if rule.values is not None:
        if not rule.values and (rule.default is UNSET or rule.default is None):
            yield FieldProblem("values", "lists no value and there is no `default`")
        for word, first in same_numbers(rule.values):
            if rule.values[word] != rule.values[first]:
                detail = f"is the same number as `{first}`, which becomes something else; give both one value"
                yield FieldProblem(f"values.{word}", detail)


def _misfit(kind: str, value: Any, *, required: bool) -> str | None:  # noqa: ANN401 - whatever the rule holds
    """Return why a value can't be one of the output field; None: it can."""
    if value is None:
        return "is null, but the output field is required" if required else None
    if not _is_constant(kind, value):
        return f"must be {KIND_NAMES[kind]}, as the output field is"
    if kind == "number" and not keeps_digits(value):
        return f"has more digits than a configuration keeps; write at most {MAX_DIGITS}"
    return None


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
