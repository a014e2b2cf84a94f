"""Check words, and the conditions of `where` and `pick`, by what the schema says of the values."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from msgspec import Raw

from tenantproxy import config
from tenantproxy.orders import pointers
from tenantproxy.orders.words import number, word_of
from tenantproxy.schemas.findings import Findings
from tenantproxy.schemas.places import Place, Walk, raw_of, shown, shown_types, words_of
from tenantproxy.schemas.shapes import Shape

SINGLE: Final = frozenset(("boolean", "integer", "fraction", "string"))
"""The types that words stand for."""
NUMBERS: Final = frozenset(("integer", "fraction"))


def kept(
    walk: Walk,
    findings: Findings,
    conditions: Sequence[config.Condition],
    path: str,
    elements: Place,
    outer: Sequence[Shape],
) -> Place:
    """Return what the elements are for which conditions may hold; `outer` is what `sameAs` begins at.

    What the conditions have that the schema has not is told, under `path`.
    """
    for index, condition in enumerate(conditions):
        _check(walk, findings, condition, f"{path}[{index}]", elements, outer)
    shapes = [shape for shape in elements.shapes if all(_may_hold(walk, shape, each) for each in conditions)]
    return elements._replace(shapes=shapes or elements.shapes)


def check_words(findings: Findings, path: str, words: Iterable[str], places: Sequence[Place]) -> None:
    """Tell which words never come, where the schema lists those that do."""
    known: set[object] = set()
    for place in places:
        if place.words is None:
            return
        known |= {word_of(raw) for raw in place.words}
    if never := [word for word in words if not _is_among(word, known)]:
        detail = f"has {', '.join(map(shown, never))}, which the schema does not list; correct or remove"
        findings.warning(path, detail, places[0].location)


def without(place: Place, null_if: Sequence[str], *, only_listed: bool = False) -> Place:
    """Return a place where some words are as good as null; `only_listed`: those that the schema lists."""
    shapes, absent = [], place.absent
    for shape in place.shapes if null_if else ():
        words = words_of(shape)
        if words is None:
            if not only_listed and shape.is_known and any(_may_be(word, shape.types) for word in null_if):
                absent = absent or shape.location
            shapes.append(shape)
            continue
        left = tuple(word for word in words if not _matches(raw_of(word), null_if))
        if len(left) < len(words):
            absent = absent or shape.location
        if left or not words:
            shapes.append(replace(shape, words=left))
    return place._replace(shapes=shapes, absent=absent) if null_if else place


def tell_no_single(findings: Findings, path: str, pointer: str, place: Place) -> None:
    """Tell where no word can stand for what is at a pointer."""
    if place.types and not place.types & SINGLE:
        detail = f"{shown(pointer)} is {shown_types(place.types)} in the schema; point at a single value"
        findings.error(path, detail, place.location)


def _check(
    walk: Walk,
    findings: Findings,
    condition: config.Condition,
    path: str,
    elements: Place,
    outer: Sequence[Shape],
) -> None:
    place = walk.follow(elements.shapes, pointers.parse(condition.from_, "", []))
    if place.missing is not None:
        findings.missing(f"{path}.from", condition.from_, place.missing)
        return
    if condition.absent is None:
        tell_no_single(findings, f"{path}.from", condition.from_, place)
    for name, words in (("in", condition.in_), ("notIn", condition.not_in)):
        check_words(findings, f"{path}.{name}", words or (), [place])
    if condition.same_as is None:
        return
    other = walk.follow(outer, pointers.parse(condition.same_as, "", []))
    if other.missing is not None:
        findings.missing(f"{path}.sameAs", condition.same_as, other.missing)
    elif place.types and other.types and _kinds(place.types).isdisjoint(_kinds(other.types)):
        types = f"{shown_types(place.types)} with {shown_types(other.types)}"
        detail = f"compares {types}, which are never the same; correct one of the pointers"
        findings.error(f"{path}.sameAs", detail, other.location)


def _kinds(types: frozenset[str]) -> frozenset[str]:
    return types | NUMBERS if types & NUMBERS else types


def _may_hold(walk: Walk, shape: Shape, condition: config.Condition) -> bool:
    place = walk.follow([shape], pointers.parse(condition.from_, "", []))
    if place.missing is not None:
        return condition.absent is True or condition.not_in is not None
    if condition.absent is True:
        return bool(place.absent) or not place.types
    words = place.words
    if words is None or (condition.in_ is None and (condition.not_in is None or place.absent)):
        return True
    return any(
        _matches(raw, condition.in_ or ()) if condition.in_ else not _matches(raw, condition.not_in or ())
        for raw in words
    )


def _matches(raw: Raw, words: Sequence[str]) -> bool:
    found = {word_of(raw)}
    return any(_is_among(word, found) for word in words)


def _may_be(word: str, types: frozenset[str]) -> bool:
    """Return whether a value of some types can have a word."""
    if "string" in types or (word in {"true", "false"} and "boolean" in types):
        return True
    return bool(types & NUMBERS) and number(word.encode()) is not None


def _is_among(word: str, known: Iterable[object]) -> bool:
    return word in known or number(word.encode()) in known
