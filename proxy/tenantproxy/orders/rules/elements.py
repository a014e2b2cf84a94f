"""Make an outward list of the elements of one or several lists, if not of all that is simply there.

Work is bounded by the answer's size: lists in the object that the rule is for are read once. Those anywhere in
the answer are read once for all objects, into an index; what belongs to several objects is written for each, up to
a number of bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final

from msgspec import UNSET, Raw, UnsetType

from tenantproxy.orders.conditions import always
from tenantproxy.orders.json_members import Values, reader, unless_null
from tenantproxy.orders.rules.lists import NoListError, finder
from tenantproxy.orders.rules.relation import MAX_ELEMENTS, Key, Relation, key_of
from tenantproxy.orders.transform import Combine, FieldSource, Location, TransformState, must_be

_TOO_MANY: Final = f"is made of lists of more than {MAX_ELEMENTS} elements"
_TOO_OFTEN: Final = "is made of the same elements so often that they are more than 4 times the OMS's response"

_Write = Callable[[Iterable[Raw], Location, TransformState], Raw]


class Lists:
    """One or several lists, one after another."""

    def __init__(self, pointers: Sequence[Sequence[str]], *, single: bool) -> None:
        found = [finder(tokens, single=single) for tokens in pointers]
        self.ways = [way for way, _ in found]
        """The pointers to their beginnings."""
        self.read = reader(self.ways)
        self._finds = [find for _, find in found]

    def elements(self, values: Values) -> Iterable[Raw] | None:
        """Return the elements of those that are at the beginnings; None: there is no list. Raises NoListError."""
        there = [
            find(value)
            for find, value in zip(self._finds, values, strict=True)
            if value is not None and unless_null(value) is not None
        ]
        lists = [elements for elements in there if elements is not None]
        return chain.from_iterable(lists) if lists else None


def in_object(source: FieldSource, lists: Lists, relation: Relation, write: _Write) -> Combine:
    """Return what makes it of lists in an object; after them, the values are what the relation compares."""
    count = len(lists.ways)

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        try:
            elements = lists.elements(values[:count])
        except NoListError:
            state.add_violation(location, must_be("list"))
            return UNSET
        if elements is None:
            nothing = values[0] if unless_null(values[0]) is None else None
            return source.stand_in(nothing, location, state)
        return write(kept(elements, key_of(values[count:])), location, state)

    def kept(elements: Iterable[Raw], wanted: Key) -> Iterable[Raw]:
        if not wanted:
            return elements if relation.holds is always else filter(relation.holds, elements)
        if None in wanted:
            return ()
        return (each for each in elements if relation.holds(each) and relation.inner(each) == wanted)

    return combine


def in_document(source: FieldSource, lists: Lists, relation: Relation, write: _Write) -> Combine:
    """Return what makes it of lists in the answer; the values are what the relation compares."""
    count = len(relation.outer)

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        if combine not in state.found:
            state.found[combine] = _indexed(lists, relation, location, state)
        index = state.found[combine]
        if index is UNSET:
            state.add_violation(location, must_be("list"))
            return UNSET
        if index is None:
            return source.stand_in(None, location, state)
        wanted = key_of(values[:count])
        elements = () if None in wanted else index.get(wanted, ())
        state.readable -= sum(map(len, elements))
        if state.readable < 0:
            raise state.ended(location, _TOO_OFTEN)
        return write(elements, location, state)

    return combine


def _indexed(
    lists: Lists, relation: Relation, location: Location, state: TransformState
) -> dict[Key, list[Raw]] | UnsetType | None:
    """Return the answer's elements by what is compared; None: there is no list; UNSET: there is something else.

    Raises:
        ContractError: There are too many.

    """
    try:
        elements = lists.elements(lists.read(state.answer))
    except NoListError:
        return UNSET
    if elements is None:
        return None
    index: dict[Key, list[Raw]] = {}
    for place, element in enumerate(elements):
        if place == MAX_ELEMENTS:
            raise state.ended(location, _TOO_MANY)
        if relation.holds(element):
            index.setdefault(relation.inner(element), []).append(element)
    return index
