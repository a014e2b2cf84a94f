"""Pick one element of a list, by what its members are, for the pointers of rules to begin at.

Work is bounded by the answer's size: a list in the object that the rules are for is read once. One anywhere in the
answer is read once for all objects, into an index, and so is each element that was picked; what was read so is
handed out as often as it is asked for, up to a number of bytes.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.orders import pointers
from tenantproxy.orders.json_members import Read, Values, reader, unless_null
from tenantproxy.orders.rules.lists import FindElements, NoListError, finder
from tenantproxy.orders.rules.relation import MAX_ELEMENTS, Key, Relation, compile_relation, key_of
from tenantproxy.orders.transform import Location, Picker, ReadPicked, TransformState

_TOO_MANY: Final = f"is picked from a list of more than {MAX_ELEMENTS} elements"
_TOO_OFTEN: Final = "is picked so often that it is more than 4 times the OMS's response"


class _Choice(NamedTuple):
    """Which element of which list is meant."""

    way: Read
    find: FindElements
    relation: Relation
    outer: Read
    """What has to be the same, of the object that the rules are for."""

    def candidates(self, raw: Raw) -> Sequence[Raw]:
        """Return the elements that the list has; where there is none, it has none."""
        there = unless_null(*self.way(raw))
        try:
            return () if there is None else self.find(there) or ()
        except NoListError:
            return ()

    def wanted(self, raw: Raw) -> Key:
        """Return what has to be the same of an object's element; with None in it, there is no such element."""
        return key_of(self.outer(raw))

    def element(self, raw: Raw, wanted: Key) -> Raw | None:
        """Return the first that fits, of a list in an object."""
        for element in self.candidates(raw):
            if self.relation.holds(element) and self.relation.inner(element) == wanted:
                return element
        return None

    def indexed(self, answer: Raw, location: Location, state: TransformState) -> dict[Key, Raw]:
        """Return the first that fits for each key, of a list in the answer.

        Raises:
            ContractError: The list is too long.

        """
        elements = self.candidates(answer)
        if len(elements) > MAX_ELEMENTS:
            raise state.ended(location, _TOO_MANY)
        # Backwards, since of those with one key the first one counts.
        holds, inner = self.relation.holds, self.relation.inner
        return {inner(element): element for element in reversed(elements) if holds(element)}


def compile_picker(pick: config.Pick, path: str, errors: list[FieldProblem]) -> Picker:
    """Return what picks by conditions; what is wrong with them is added to `errors`, under `path`."""
    tokens = pointers.parse(pick.each, f"{path}.each", errors, is_list=True)
    # An object is a list of one, as converters of XML have it; the conditions tell whether it is meant.
    way, find = finder(tokens, single=pointers.EVERY not in tokens)
    relation = compile_relation(pick.where, f"{path}.where", errors)
    choice = _Choice(reader([way]), find, relation, reader(relation.outer))
    return _in_document(choice) if pick.within == "document" else _in_object(choice)


def _in_object(choice: _Choice) -> Picker:
    def picker(tokens: Sequence[Sequence[str]]) -> ReadPicked:
        read = reader(tokens)
        nothing: Values = (None,) * len(tokens)

        def read_picked(raw: Raw, _location: Location, _state: TransformState) -> Values:
            wanted = choice.wanted(raw)
            element = None if None in wanted else choice.element(raw, wanted)
            return nothing if element is None else read(element)

        return read_picked

    return picker


def _in_document(choice: _Choice) -> Picker:
    def picker(tokens: Sequence[Sequence[str]]) -> ReadPicked:
        read = reader(tokens)
        nothing: Values = (None,) * len(tokens)

        def read_picked(raw: Raw, location: Location, state: TransformState) -> Values:
            if picker not in state.found:
                state.found[picker] = choice.indexed(state.answer, location, state)
            already_read: dict[Key, Values] = state.found.setdefault(read_picked, {})
            wanted = choice.wanted(raw)
            element = None if None in wanted else state.found[picker].get(wanted)
            if element is None:
                return nothing
            if wanted not in already_read:
                already_read[wanted] = read(element)
            values = already_read[wanted]
            state.readable -= sum(len(value) for value in values if value is not None)
            if state.readable < 0:
                raise state.ended(location, _TOO_OFTEN)
            return values

        return read_picked

    return picker
