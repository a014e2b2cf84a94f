"""Find rules of one object that no response can satisfy together: each needs another type at the same pointer.

Only what is certain is told. What stands in for an absent value, or another pointer, makes a rule content with
nothing or null; what conditions and tables are about may be anything.
"""

import enum
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import UNSET
from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import pointers
from tenantproxy.orders.json_members import INDEX
from tenantproxy.orders.transform import KIND_NAMES, outward_type
from tenantproxy.orders.words import number

_SINGLE: Final = frozenset(("string", "boolean", "number"))
_LISTS: Final = frozenset(("list", "object"))


class _Need(enum.Enum):
    """How much a rule needs what is at a pointer."""

    MUST = enum.auto()
    """Without it there is a violation."""
    ONLY = enum.auto()
    """The field is optional, and is made of nothing else."""
    MAY = enum.auto()
    """Something else stands in where there is nothing, or null."""


class _Use(NamedTuple):
    """What a rule needs at a pointer, if there is anything."""

    field: str
    word: str
    """The path of the pointer in the rule; empty: there is no rule."""
    begin: config.Pick | None
    """What the pointer begins at, if that is not the object itself."""
    tokens: tuple[str, ...]
    kinds: frozenset[str]
    need: _Need

    def excludes(self, other: "_Use") -> bool:
        """Return whether nothing at the pointer is right for both, and nothing there isn't, either."""
        needs = {self.need, other.need}
        return self.kinds.isdisjoint(other.kinds) and (_Need.MUST in needs or needs == {_Need.ONLY})


def find_conflicts(
    rules: Mapping[str, config.Rule], fields: Mapping[str, FieldInfo], path: str
) -> Iterator[FieldProblem]:
    """Yield which rules of an object fight over a pointer, each pair of fields once."""
    found: dict[tuple[config.Pick | None, tuple[str, ...]], list[_Use]] = {}
    # Fields without a rule first: the problem is told of a rule.
    for name in sorted(fields, key=rules.__contains__):
        for use in _uses(name, rules.get(name), fields[name]):
            if use.begin is not None or use.tokens:  # else it is the object itself, which is one
                found.setdefault((use.begin, use.tokens), []).append(use)
    told: set[tuple[str, str]] = set()
    for uses in found.values():
        for first, second in itertools.combinations(uses, 2):
            if first.excludes(second) and (first.field, second.field) not in told:
                told.add((first.field, second.field))
                yield FieldProblem(f"{path}.{second.field}.{second.word}", _detail(first, second))


def _detail(first: _Use, second: _Use) -> str:
    where = pointers.written(second.tokens) or '""'
    if first.word:
        other, fix = f"`{first.field}.{first.word}`", "convert the value, by `as` or `values`"
    else:
        other, fix = f"`{first.field}`, which has no rule,", f"give `{first.field}` a rule"
    needs, needed = _shown(second.kinds), _shown(first.kinds)
    return f"needs {needs} at `{where}`, where {other} needs {needed}; point one of them elsewhere, or {fix}"


def _shown(kinds: frozenset[str]) -> str:
    return " or ".join(name for kind, name in KIND_NAMES.items() if kind in kinds)


def _uses(field: str, rule: config.Rule | None, info: FieldInfo) -> Iterator[_Use]:
    """Yield what a field needs at its pointers, and on the way there if that can't be missing."""
    kind, _ = outward_type(info.type)
    must = info.required and (rule is None or rule.default is UNSET)
    begin = None if rule is None else rule.pick
    for word, tokens, kinds, need in _needs(field, rule or config.Rule(), kind, must=must):
        start = None if word == "pick.each" else begin
        shown = word if rule is not None else ""
        yield _Use(field, shown, start, tokens, kinds, need)
        for place, token in enumerate(tokens) if need is _Need.MUST else ():
            way = _LISTS if INDEX.fullmatch(token) else frozenset(("object",))
            yield _Use(field, shown, start, tokens[:place], way, need)


_Needs = Iterator[tuple[str, tuple[str, ...], frozenset[str], _Need]]


def _needs(field: str, rule: config.Rule, kind: str, *, must: bool) -> _Needs:
    """Yield what a rule needs at its pointers: their paths in the rule, their tokens, and what has to be there."""
    if rule.pick is not None and rule.pick.within == "object" and must:
        yield "pick.each", _first_list(_parsed(rule.pick.each)), _LISTS, _Need.MUST
    if rule.const is not UNSET or rule.criterion is not None or rule.table is not None:
        return
    if rule.join is not None:
        parts = _SINGLE if rule.as_ == "string" else frozenset(("string",))
        for index, pointer in enumerate(rule.join.from_) if must else ():
            yield f"join.from[{index}]", _parsed(pointer), parts, _Need.MUST
    elif rule.each is not None:
        yield from _lists(rule, must=must)
    else:
        yield from _value(field, rule, kind, must=must)


def _lists(rule: config.Rule, *, must: bool) -> _Needs:
    if rule.within == "document":
        return
    need = _need(must=must and not rule.and_each, alone=not rule.and_each and rule.default is UNSET)
    words = [("each", rule.each or ""), *((f"andEach[{index}]", each) for index, each in enumerate(rule.and_each))]
    for word, pointer in words:
        tokens = _parsed(pointer)
        kinds = _LISTS if rule.as_ == "single" or pointers.EVERY in tokens else frozenset(("list",))
        yield word, _first_list(tokens), kinds, need


def _value(field: str, rule: config.Rule, kind: str, *, must: bool) -> _Needs:
    tokens = (field,) if rule.from_ is None else _parsed(rule.from_)
    word = "pick" if rule.from_ is None and rule.pick is not None else "from"
    need = _need(must=must and not rule.or_from, alone=not rule.or_from and rule.default is UNSET)
    # What is as good as null may be of any type, so that it is as good for another rule.
    if need is _Need.MUST or not rule.null_if:
        yield word, tokens, _kinds(rule, kind), need
    if rule.scale_from is not None and must:
        beside = pointers.beside(rule.scale_from)
        places = frozenset(("string", "number"))
        if beside is None:
            yield "scaleFrom", _parsed(rule.scale_from), places, _Need.MUST
        elif not rule.or_from:
            yield "scaleFrom", (*tokens[:-1], beside), places, _Need.MUST


def _need(*, must: bool, alone: bool) -> _Need:
    return _Need.MUST if must else _Need.ONLY if alone else _Need.MAY


def _kinds(rule: config.Rule, kind: str) -> frozenset[str]:
    """Return of which types a value may be that a rule makes a field's value of."""
    if rule.as_ == "string":
        return _SINGLE
    if rule.part is not None:
        return frozenset(("string",))
    if rule.values is not None:
        return _listed(rule.values) if rule.default is UNSET else _SINGLE | _LISTS
    return frozenset((kind, "string")) if rule.as_ == "number" else frozenset((kind,))


def _listed(words: Mapping[str, object]) -> frozenset[str]:
    """Return the types of the values that words stand for."""
    kinds = {"string"}
    kinds |= {"boolean"} if {"true", "false"} & {*words} else set()
    kinds |= {"number"} if any(number(word.encode()) is not None for word in words) else set()
    return frozenset(kinds)


def _first_list(tokens: Sequence[str]) -> tuple[str, ...]:
    return tuple(itertools.takewhile(pointers.EVERY.__ne__, tokens))


def _parsed(pointer: str) -> tuple[str, ...]:
    """Return a pointer's tokens; of one that is none, which is told elsewhere, as good as any."""
    return tuple(pointers.parse(pointer, "", [], is_list=True))
