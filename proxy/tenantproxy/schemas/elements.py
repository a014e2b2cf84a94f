"""Check how a rule finds the elements of lists, or one of them, and say what these may be."""

from collections.abc import Sequence

from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.orders import pointers
from tenantproxy.schemas.conditions import kept
from tenantproxy.schemas.look import OBJECT, Look, tokens_of
from tenantproxy.schemas.places import Place
from tenantproxy.schemas.shapes import Shape


def of_rule(look: Look, rule: config.Rule, field: FieldInfo, path: str, objects: Sequence[Shape]) -> list[Shape]:
    """Return what the elements may be of all lists that a rule names; `objects` is what the rule is for."""
    given = [(path, f"/{field.name}") if rule.from_ is None else (f"{path}.from", rule.from_)]
    if rule.each is not None:
        given = [(f"{path}.each", rule.each)]
    given += [(f"{path}.andEach[{index}]", pointer) for index, pointer in enumerate(rule.and_each)]
    start = look.document if rule.within == "document" else objects
    single = rule.as_ == "single"
    places = look.any_of(start, given, single=single)
    lists = [(*each, place) for each, place in zip(given, places, strict=True) if place is not None]
    look.tell_absent(rule, field, path, [place for _, _, place in lists])
    return of_lists(look, rule, path, lists, objects).objects


def of_lists(
    look: Look,
    rule: config.Rule,
    path: str,
    lists: Sequence[tuple[str, str, Place]],
    objects: Sequence[Shape],
) -> Place:
    """Return what the elements of lists may be that a rule keeps; each comes with its path and its pointer."""
    single = rule.as_ == "single"
    found: list[tuple[str, str, Place]] = []
    for where, pointer, place in lists:
        if tokens_of(pointer)[-1:] == [pointers.EVERY]:
            found.append((where, pointer, place))
        else:
            every = f"{pointer}/{pointers.EVERY}"
            found.append((where, every, of_list(look, place, where, pointer, single=single)))
    together = Place([shape for _, _, place in found for shape in place.shapes])
    if not together.shapes:
        return together
    wanted = kept(look.walk, look.findings, rule.where, f"{path}.where", together, objects)
    known = set(map(id, wanted.shapes))
    for where, every, place in found:
        here = place._replace(shapes=[shape for shape in place.shapes if id(shape) in known])
        look.is_of(here, OBJECT, where, every, "the elements must be objects; correct the pointer")
    return wanted


def picked(look: Look, pick: config.Pick, path: str, objects: Sequence[Shape]) -> Place | None:
    """Return what the picked element may be; None: the schema has no such list."""
    start = look.document if pick.within == "document" else objects
    place = look.at(start, f"{path}.each", pick.each)
    if place is None:
        return None
    if pointers.EVERY not in (tokens := tokens_of(pick.each)):
        place = of_list(look, place, f"{path}.each", pick.each, single=True)
    elif tokens[-1] != pointers.EVERY:
        place = of_list(look, place, f"{path}.each", pick.each)
    return kept(look.walk, look.findings, pick.where, f"{path}.where", place, objects)


def of_list(look: Look, place: Place, path: str, pointer: str, *, single: bool = False) -> Place:
    """Return what the elements of a list may be; what is none is told."""
    lists = place.types & ({"array", "object"} if single else {"array"})
    fix = "a list must be there"
    if place.types == OBJECT and not single:
        fix += "; correct the pointer, or add `as: single` if it is a list of one"
    if not look.is_of(place, lists or frozenset(("array",)), path, pointer, fix):
        return Place()
    return look.walk.elements(place, single=single)
