"""Check how amounts get their decimal places, and tell of those that look like minor units."""

from collections.abc import Sequence

from tenantproxy.orders import minor_units, pointers
from tenantproxy.schemas.conditions import NUMBERS
from tenantproxy.schemas.look import Look, tokens_of
from tenantproxy.schemas.places import Place, shown
from tenantproxy.schemas.shapes import Shape


def check_scale(
    look: Look, path: str, pointer: str, amounts: Sequence[Sequence[str]], start: Sequence[Shape]
) -> None:
    """Check the pointer to the number of decimal places; one that is relative, beside each of the amounts."""
    beside = pointers.beside(pointer)
    if beside is None:
        *above, name = tokens_of(pointer)
        holder = look.walk.follow(start, above)
        if holder.missing is not None:
            look.findings.missing(path, pointer, holder.missing)
        else:
            _check_places(look, path, above, name, holder.shapes)
        return
    for *above, amount in amounts:
        objects = look.walk.follow(start, above).shapes
        # Other objects there have their amounts at other pointers.
        objects = [shape for shape in objects if look.walk.follow([shape], [amount]).missing is None]
        _check_places(look, path, above, beside, objects)


def tell_minor_units(look: Look, path: str, tokens: Sequence[str], place: Place, start: Sequence[Shape]) -> None:
    """Tell of an amount that is taken as it is, and looks like minor units by more than its name."""
    *above, name = tokens
    beside = look.walk.follow(start, above)
    places = [each for shape in beside.shapes for each in shape.members if minor_units.tells_places(each)]
    places = [each for each in places if each != name]
    if places:
        pointer = shown(pointers.written([*above, places[0]]))
        detail = f"takes an amount as it is, beside {pointer}, which looks like its number of decimal places; "
        detail += "add `scaleFrom` with that pointer, or `scale: 0` if it is in major units"
        look.findings.warning(path, detail, place.location)
    elif place.types == {"integer"} and not any(map(minor_units.is_minor, tokens)):
        detail = "takes an amount as it is from an integer, which looks like minor units; add `scale: 2`, or "
        look.findings.warning(path, f"{detail}`scale: 0` if it is none", place.location)


def _check_places(look: Look, path: str, above: Sequence[str], name: str, objects: Sequence[Shape]) -> None:
    pointer = pointers.written([*above, name])
    place = look.walk.follow(objects, [name])
    if place.missing is not None:
        nearest = place.missing.nearest and pointers.written(above) + place.missing.nearest
        look.findings.missing(path, pointer, place.missing._replace(nearest=nearest))
        return
    fix = "the number of decimal places must be a number, or a text that is one"
    look.is_of(place, NUMBERS | {"string"}, path, pointer, fix)
    if place.absent:
        detail = f"{shown(pointer)} may be absent or null, which an amount does not bear; have the OMS send it"
        look.findings.warning(path, detail, place.location)
