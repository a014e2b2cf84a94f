"""Check the rules for single values: what they take, of which types, and what becomes of it."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.orders import minor_units
from tenantproxy.orders.rules.table import ANY
from tenantproxy.orders.transform import KIND_NAMES, outward_type
from tenantproxy.schemas import amounts
from tenantproxy.schemas.conditions import NUMBERS, SINGLE, check_words, tell_no_single, without
from tenantproxy.schemas.listed import check_listed
from tenantproxy.schemas.look import Look, tokens_of
from tenantproxy.schemas.places import Place
from tenantproxy.schemas.shapes import Shape

_KINDS: Final = {"string": frozenset(("string",)), "number": NUMBERS, "boolean": frozenset(("boolean",))}


def check_single(look: Look, rule: config.Rule, field: FieldInfo, path: str, start: Sequence[Shape]) -> None:
    """Check a rule that takes the first of several values that is there; `start` is what its pointers begin at."""
    kind, _ = outward_type(field.type)
    given = [(path, f"/{field.name}") if rule.from_ is None else (f"{path}.from", rule.from_)]
    given += [(f"{path}.orFrom[{index}]", pointer) for index, pointer in enumerate(rule.or_from)]
    places = look.any_of(start, given)
    found: list[list[str]] = []
    for (where, pointer), place in zip(given, places, strict=True):
        if place is None:
            continue
        taken = _not_taken_before(look, without(place, rule.null_if), tokens_of(pointer), found)
        found.append(tokens_of(pointer))
        fix = f"the output field is {KIND_NAMES[kind]}; {_fix(rule, kind, taken)}"
        if look.is_of(taken, _accepted(rule, kind), where, pointer, fix):
            check_listed(look.findings, rule, path, taken)
        if field.name in minor_units.AMOUNTS and minor_units.is_unscaled(rule) and path not in look.told:
            amounts.tell_minor_units(look, where, tokens_of(pointer), taken, start)
    if None not in places:
        known = [place for place in places if place is not None]
        check_words(look.findings, f"{path}.values", () if rule.part else rule.values or (), known)
        check_words(look.findings, f"{path}.nullIf", rule.null_if, known)
    if rule.scale_from is not None:
        amounts.check_scale(look, f"{path}.scaleFrom", rule.scale_from, found, start)
    if found:
        # What one kind of element lacks at one pointer, it may have at another one.
        alternatives = [[*_in_kind(look, shape, found, rule.null_if)] for shape in start]
        lacking = next((every for every in alternatives if all(place.absent for place in every)), [])
        look.tell_absent(rule, field, path, lacking)


def check_joined(
    look: Look, rule: config.Rule, join: config.Join, field: FieldInfo, path: str, start: Sequence[Shape]
) -> None:
    """Check a rule that joins texts."""
    accepted = SINGLE if rule.as_ == "string" else _KINDS["string"]
    for index, pointer in enumerate(join.from_):
        where = f"{path}.join.from[{index}]"
        place = look.at(start, where, pointer)
        if place is not None:
            fix = f"`join` makes texts; {_fix(rule, 'string', place)}"
            look.is_of(place, accepted, where, pointer, fix)
            look.tell_absent(rule, field, where, [place])


def check_table(look: Look, table: config.Table, path: str, start: Sequence[Shape]) -> None:
    """Check a table, which always has a value for what no row names."""
    for column, pointer in enumerate(table.from_):
        place = look.at(start, f"{path}.from[{column}]", pointer)
        if place is None:
            continue
        tell_no_single(look.findings, f"{path}.from[{column}]", pointer, place)
        given = dict.fromkeys(row.when[column] for row in table.rows)
        words = [word for word in given if word is not None and word != ANY]
        check_words(look.findings, f"{path}.rows", words, [place])
        if None in given and place.types and not place.absent:
            detail = "has `null`, but by the schema there always is something; correct or remove"
            look.findings.warning(f"{path}.rows", detail, place.location)


def _not_taken_before(look: Look, place: Place, tokens: list[str], earlier: Sequence[list[str]]) -> Place:
    """Return a place without objects of which an earlier pointer always takes a member."""
    ways = [way[len(tokens) :] for way in earlier if way[: len(tokens)] == tokens]

    def is_taken(shape: Shape) -> bool:
        inner = (look.walk.follow([shape], way) for way in ways)
        return shape.is_known and any(place.shapes and not place.absent for place in inner)

    return place._replace(shapes=[shape for shape in place.shapes if not is_taken(shape)])


def _in_kind(look: Look, shape: Shape, given: Sequence[list[str]], null_if: Sequence[str]) -> Iterator[Place]:
    """Yield what one alternative of an object has at several pointers; what it can't have is absent.

    Of several, `nullIf` is about the first ones: a text that is the last resort is not doubted for it.
    """
    places = [look.walk.follow([shape], tokens) for tokens in given]
    last = next((place for place in reversed(places) if place.missing is None), None)
    for place in places:
        if place.missing is not None:
            yield Place(absent=place.missing.location)
        else:
            yield without(place, null_if, only_listed=len(given) > 1 and place is last)


def _accepted(rule: config.Rule, kind: str) -> frozenset[str]:
    """Return the types that a rule makes a single value of some kind of."""
    if rule.part is not None and rule.as_ != "string":
        return _KINDS["string"]
    if rule.values is not None or rule.as_ == "string":
        return SINGLE
    return _KINDS[kind] | (_KINDS["string"] if rule.as_ == "number" else frozenset())


def _fix(rule: config.Rule, kind: str, place: Place) -> str:
    if not place.types & SINGLE:
        return "pick one of its elements" if place.types == {"array"} else "point at a member of it"
    if rule.part is not None or kind == "string":
        return "add `as: string`"
    return "add `as: number`" if kind == "number" and place.types & {"string"} else "add `values`"
