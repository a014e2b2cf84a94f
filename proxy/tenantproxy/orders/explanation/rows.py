"""An explanation in few rows: what is alike in the elements of a list is told once, with an example."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tenantproxy.orders.explanation.located import Located
from tenantproxy.orders.explanation.origins import Explanation, Origin


class Row(NamedTuple):
    """What is made alike."""

    example: Origin
    """The first one."""
    alike: int
    """How many fields of the outward document are made so."""
    of: int
    """How many there are of this field, however they are made."""
    elements: int
    """Of a list, or of all these lists: how many elements come."""
    found: int
    """How many the OMS's lists have."""


class Dropped(NamedTuple):
    """What is not used, alike in all elements of lists."""

    example: Located
    alike: int


def rows(explanation: Explanation) -> list[Row]:
    """Return the rows of all fields, in the order of the outward document; elements count for their list."""
    groups: dict[tuple[object, ...], list[Origin]] = {}
    totals = Counter(origin.pattern for origin in explanation.origins)
    for origin in _fields(explanation.origins):
        groups.setdefault(_alike(origin), []).append(origin)
    order = {pattern: place for place, pattern in enumerate(totals)}
    made = []
    for group in groups.values():
        (example, *_) = group
        is_only = len(group) == totals[example.pattern]
        lists = {origin.pointer for origin in group}
        elements = totals[f"{example.pattern}/*"] if is_only else _elements_of(lists, explanation.origins)
        made.append(
            Row(example, len(group), totals[example.pattern], elements, sum(origin.found for origin in group))
        )
    return sorted(made, key=lambda row: order[row.example.pattern])


def dropped(explanation: Explanation) -> list[Dropped]:
    """Return what is dropped, in the order of the OMS's answer."""
    groups: dict[str, list[Located]] = {}
    for place in explanation.dropped:
        groups.setdefault(place.pattern, []).append(place)
    return [Dropped(places[0], len(places)) for places in groups.values()]


def _fields(origins: Sequence[Origin]) -> Iterator[Origin]:
    return (origin for origin in origins if not origin.pattern.endswith("/*"))


def _alike(origin: Origin) -> tuple[object, ...]:
    """Return what is the same where two fields are made alike, or are both not there for the same cause."""
    reads = tuple((read.pattern, None if origin.after else read.kind) for read in origin.reads)
    return (origin.pattern, origin.after is None, reads, tuple(origin.steps))


def _elements_of(lists: set[str], origins: Sequence[Origin]) -> int:
    return sum(origin.pointer.rpartition("/")[0] in lists for origin in origins)
