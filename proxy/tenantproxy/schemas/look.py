"""Look at what a schema has where a rule points, and tell what does not fit there."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import FieldInfo

from tenantproxy import config
from tenantproxy.orders import pointers
from tenantproxy.schemas.findings import Findings
from tenantproxy.schemas.places import Place, Walk, shown, shown_types
from tenantproxy.schemas.shapes import Shape

OBJECT: Final = frozenset(("object",))


class Look:
    """One pass over the rules of an operation."""

    def __init__(self, walk: Walk, document: Sequence[Shape], told: Collection[str]) -> None:
        self.findings = Findings()
        self.told = told
        """The rules, by their paths, whose amounts were told already that they look like minor units."""
        self.walk = walk
        self.document = document
        """What the whole of the response may be."""

    def at(self, start: Sequence[Shape], path: str, pointer: str) -> Place | None:
        """Return what is at a pointer; that there is nothing is told."""
        (place,) = self.any_of(start, [(path, pointer)])
        return place

    def any_of(
        self, start: Sequence[Shape], given: Sequence[tuple[str, str]], *, single: bool = False
    ) -> list[Place | None]:
        """Return what is at several pointers, each with its path; where there is nothing, that is told.

        It is no error if there is something at another one.
        """
        places = [self.walk.follow(start, tokens_of(pointer), single=single) for _, pointer in given]
        works = any(place.missing is None for place in places)
        for (path, pointer), place in zip(given, places, strict=True):
            if (missing := place.missing) is not None:
                is_certain = missing.is_certain and not works
                self.findings.missing(path, pointer, missing._replace(is_certain=is_certain))
        return [place if place.missing is None else None for place in places]

    def is_of(self, place: Place, types: Iterable[str], path: str, pointer: str, fix: str) -> bool:
        """Return whether what is at a pointer may be of some types; what may be of others is told."""
        unfit = place.types - set(types)
        fits = not unfit or unfit != place.types
        if unfit:
            verb = "may be" if fits else "is"
            told = self.findings.warning if fits else self.findings.error
            told(path, f"{shown(pointer)} {verb} {shown_types(unfit)} in the schema; {fix}", place.location)
        return fits

    def tell_absent(self, rule: config.Rule, field: FieldInfo, path: str, places: Sequence[Place]) -> None:
        """Tell of a required field that comes from what may be absent or null, in all these places."""
        if field.required and rule.default is UNSET and places and all(place.absent for place in places):
            detail = "is required, and what it is taken from may be absent or null; add `default`, or `orFrom`"
            self.findings.warning(path, detail, places[0].absent)


def tokens_of(pointer: str) -> list[str]:
    """Return the tokens of a pointer that was compiled, to a value or to a list."""
    return pointers.parse(pointer, "", [], is_list=True)
