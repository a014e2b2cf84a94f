"""Where each field of an outward document comes from in an OMS's answer, and what of that is not used.

It is told by going through the answer once more, by the same rules: `origins` follow `documents` and
`rules.combine`, and remember where they are.
"""

import codecs
import contextlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.operations import Operation
from tenantproxy.orders import pointers
from tenantproxy.orders.explanation.fields import Elements, Field, compile_fields
from tenantproxy.orders.explanation.located import Located, NoListHereError, find_elements
from tenantproxy.orders.explanation.steps import in_words, single_steps
from tenantproxy.orders.json_members import OBJECT, whole
from tenantproxy.orders.rules.relation import Key, key_of
from tenantproxy.orders.surrogates import marked
from tenantproxy.orders.transform import NO_CRITERIA, Criteria

_EMPTY: Final = {"list": Raw(b"[]"), "object": Raw(b"{}")}


class Origin(NamedTuple):
    """Where one field, or one element of a list, of the outward document comes from."""

    pointer: str
    pattern: str
    """The pointer, with `*` for an index."""
    kind: str
    reads: Sequence[Located]
    """What it is made of; where it does not come, everything that was looked at."""
    steps: Sequence[str]
    """What was done to that."""
    after: Raw | None
    """The outward value, of a list or an object an empty one; None: it does not come."""
    found: int = 0
    """How many elements the OMS's list has, or lists have."""


class Explanation(NamedTuple):
    """The origins, in the order of the outward document, and what no rule and no field of the same name reads."""

    origins: list[Origin]
    dropped: list[Located]
    """Without what is below each of them."""


class _Place(NamedTuple):
    """A place in the outward document."""

    pointer: str
    pattern: str

    def below(self, token: str | int) -> "_Place":
        shown = pointers.EVERY if isinstance(token, int) else token
        return _Place(f"{self.pointer}/{token}", f"{self.pattern}/{shown}")


def explain(
    operation: Operation, rules: config.OperationMapping, answer: bytes, criteria: Criteria = NO_CRITERIA
) -> Explanation:
    """Explain what an operation's rules, which can be used, make of an OMS's answer to criteria.

    Of what is not JSON, or is nested too deeply, there is nothing to tell.
    """
    answer = answer.removeprefix(codecs.BOM_UTF8)
    field = compile_fields(operation, rules)
    for body in (answer, marked(answer) or b""):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            walk = _Walk(Located("", "", whole(body)), criteria)
            walk.field(field, walk.answer, _Place("", ""))
            return Explanation(walk.origins, [*walk.dropped()])
    return Explanation([], [])


def with_sources(violations: Sequence[FieldProblem], explanation: Explanation) -> list[FieldProblem]:
    """Return violations that name where in the OMS's answer each value is taken from, and what is there."""
    reads = {origin.pointer: origin.reads for origin in explanation.origins}
    return [
        FieldProblem(violation.field, violation.detail + _taken_from(reads.get(violation.field, ())))
        for violation in violations
    ]


def _taken_from(reads: Sequence[Located]) -> str:
    there = ", ".join(f"`{read.pointer}` ({read.kind})" for read in reads)
    return f"; taken from {there}" if there else ""


class _Index(NamedTuple):
    """The elements of lists, by what has to be the same of an object and of its elements."""

    found: int
    kept: dict[Key, list[Located]]


class _Walk:
    """One pass over an answer."""

    def __init__(self, answer: Located, criteria: Criteria) -> None:
        self.answer = answer
        self._criteria = criteria
        self.origins: list[Origin] = []
        self._used: set[str] = set()
        """Pointers to what is used with all that is in it."""
        self._passed: set[str] = set()
        """Pointers to what is gone through, or of which it matters whether it is there."""
        self._indexes: dict[tuple[object, ...], _Index] = {}

    def field(self, field: Field, base: Located, around: _Place) -> None:
        """Explain a field of the object that is made of the one at `base`."""
        place, rule = around.below(field.name), field.rule
        if rule is not None and rule.const is not UNSET:
            self._add(place, field.kind, (), ["const"], field.make([None]))
            return
        if rule is not None and rule.criterion is not None:
            value = self._criteria.get(rule.criterion, rule.default)
            after = None if value is UNSET or value is None else Raw(msgspec.json.encode(value))
            step = f"criterion {rule.criterion}" if rule.criterion in self._criteria else "default"
            self._add(place, field.kind, (), [step], after)
            return
        steps = ["same name"] if rule is None else []
        start = base
        if field.pick is not None:
            start = self._picked(field.pick, base)
            steps.append(f"picked where {in_words(field.pick.conditions)}")
        if field.kind == "list":
            self._list(field, start, place, steps)
        elif field.kind == "object":
            self._object(field, start, place, steps)
        else:
            self._single(field, start, place, steps)

    def _add(
        self,
        place: _Place,
        kind: str,
        reads: Sequence[Located],
        steps: Sequence[str],
        after: Raw | None,
        found: int = 0,
    ) -> None:
        self.origins.append(Origin(place.pointer, place.pattern, kind, reads, steps, after, found))

    def _single(self, field: Field, start: Located, place: _Place, steps: list[str]) -> None:
        reads = [start.at(tokens) for tokens in field.ways]
        self._used.update(read.pointer for read in reads)
        values = [read.raw for read in reads]
        after, rule = field.make(values), field.rule
        if rule is not None:
            choices = len(reads) if rule.scale_from is None else 1 + len(rule.or_from)
            reads, scales = [_seen(field, read) for read in reads[:choices]], reads[choices:]
            first = next((index for index, read in enumerate(reads) if not read.is_nothing), 0)
            places = scales[first if len(scales) > 1 else 0] if scales else None
            looked_up = None if rule.values is None and rule.table is None else field.look_up(values)
            steps += single_steps(rule, reads, places=places, looked_up=looked_up)
            if rule.join is None and rule.table is None:
                reads = _chosen(reads)
            if places is not None:
                reads.append(places)
        self._add(place, field.kind, reads, steps, after)

    def _object(self, field: Field, start: Located, place: _Place, steps: list[str]) -> None:
        reads = _chosen([start.at(tokens) for tokens in field.ways])
        (there, *_) = reads
        self._passed.update(start.at(tokens).pointer for tokens in field.ways)
        if not self._is_object(there):
            self._add(place, field.kind, reads, steps, None)
            return
        self._add(place, field.kind, reads, steps, _EMPTY["object"])
        for member in field.members:
            self.field(member, there, place)

    def _is_object(self, there: Located) -> bool:
        """Return whether it is one; anything else is used as it is."""
        if memoryview(there.raw or b"null")[0] == OBJECT:
            self._passed.add(there.pointer)
            return True
        self._used.add(there.pointer)
        return False

    def _list(self, field: Field, start: Located, place: _Place, steps: list[str]) -> None:
        rule = field.rule or config.Rule()
        origin = self.answer if rule.within == "document" else start
        reads, elements = [_list_at(origin, tokens) for tokens in field.ways], field.elements
        if rule.each is None and len(reads) > 1:  # one list or another, where `each` has one and another
            (chosen, *_) = reads = _chosen(reads)
            self._passed.update(start.at(tokens).pointer for tokens in field.ways)
            elements = elements._replace(ways=[way for way in field.ways if start.at(way) == chosen])
        try:
            index = self._index(elements, origin)
        except NoListHereError as error:
            self._used.add(error.there.pointer)
            self._add(place, field.kind, [error.there], steps, None)
            return
        if index is None:
            after = field.make([None] * len(field.ways)) if rule.default is not UNSET else None
            self._add(place, field.kind, reads, [*steps, "default"] if after else steps, after)
            return
        if rule.where:
            steps.append(f"where {in_words(rule.where)}")
        if rule.as_ is not None:
            steps.append(f"as {rule.as_}")
        self._add(place, field.kind, reads, steps, _EMPTY["list"], index.found)
        wanted = self._key(field.elements, start)
        for number, element in enumerate(() if None in wanted else index.kept.get(wanted, ())):
            self._element(field, element, place.below(number))

    def _element(self, field: Field, element: Located, place: _Place) -> None:
        is_object = self._is_object(element)
        self._add(place, "object", [element], (), _EMPTY["object"] if is_object else None)
        if is_object:
            for member in field.members:
                self.field(member, element, place)

    def _picked(self, pick: Elements, base: Located) -> Located:
        """Return the element that is picked, or a place with nothing."""
        origin = self.answer if pick.within == "document" else base
        wanted = self._key(pick, base)
        kept: Sequence[Located] = ()
        with contextlib.suppress(NoListHereError):
            index = self._index(pick, origin)
            kept = () if index is None or None in wanted else index.kept.get(wanted, ())
        (nowhere,) = (origin.at(tokens)._replace(raw=None) for tokens in pick.ways)
        return next(iter(kept), nowhere)

    def _key(self, elements: Elements, base: Located) -> Key:
        """Return what has to be the same of an object's elements."""
        reads = [base.at(tokens) for tokens in elements.relation.outer]
        self._used.update(read.pointer for read in reads)
        return key_of([read.raw for read in reads])

    def _index(self, elements: Elements, origin: Located) -> _Index | None:
        """Return the elements of lists; None: there is no list.

        Raises:
            NoListHereError: There is something else.

        """
        key = (elements.conditions, tuple(map(tuple, elements.ways)), elements.is_single, origin.pointer)
        if key not in self._indexes:
            lists = [
                find_elements(origin, tokens, self._passed, single=elements.is_single) for tokens in elements.ways
            ]
            there = [found for found in lists if found is not None]
            if not there:
                return None
            found = [element for each in there for element in each]
            self._read_conditions(elements.conditions, found)
            kept: dict[Key, list[Located]] = {}
            for element in found:
                if element.raw is not None and elements.relation.holds(element.raw):
                    kept.setdefault(elements.relation.inner(element.raw), []).append(element)
            self._indexes[key] = _Index(len(found), kept)
        return self._indexes[key]

    def _read_conditions(self, conditions: Sequence[config.Condition], elements: Sequence[Located]) -> None:
        for element in elements:
            self._passed.add(element.pointer)
            for condition in conditions:
                read = element.at(pointers.parse(condition.from_, "", []))
                (self._used if condition.absent is None else self._passed).add(read.pointer)

    def dropped(self) -> Iterator[Located]:
        """Yield what is neither used nor gone through, without what is below it."""
        above: set[str] = set()
        for pointer in self._used | self._passed:
            while pointer and pointer not in above:
                above.add(pointer)
                pointer = pointer.rpartition("/")[0]  # noqa: PLW2901 - one step up
        waiting = [self.answer]
        while waiting:
            place = waiting.pop()
            if place.pointer in self._used:
                continue
            below = place.children()
            if place.pointer and (place.pointer not in above or not (below or place.pointer in self._passed)):
                yield place
            else:
                waiting += reversed(below)


def _chosen(reads: list[Located]) -> list[Located]:
    """Return the first of several places that has something; all where none has."""
    return next(([read] for read in reads if not read.is_nothing), reads)


def _seen(field: Field, read: Located) -> Located:
    """Return a place as a field's rule sees it, to which some words are as good as null."""
    is_as_null = not read.is_nothing and read.raw is not None and field.is_null(read.raw)
    return read._replace(is_as_null=is_as_null)


def _list_at(start: Located, tokens: Sequence[str]) -> Located:
    """Return the place of a list, as its pointer has it."""
    there = start.at(tokens)
    return there if pointers.EVERY not in tokens else there._replace(raw=None)
