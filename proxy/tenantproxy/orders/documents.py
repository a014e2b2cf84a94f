"""Make documents of the outward shape from an OMS's answer, by where each field comes from.

One pass over the answer makes the document, from the bytes that were sent, and records each violation.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.errors import FieldProblem
from tenantproxy.orders.json_members import NULL, OBJECT, Values, elements, reader, whole
from tenantproxy.orders.transform import (
    STARTS,
    ContractError,
    ConvertValue,
    Criteria,
    FieldSource,
    Location,
    Transform,
    TransformState,
    UnparsableError,
    fields_of,
    must_be,
    outward_type,
    same_field,
)

_Fill = Callable[[dict[str, Any], Values, Location, TransformState], None]
"""Make the fields of what is at their pointers."""


def checked(field: FieldInfo) -> FieldSource:
    """Return the source of a field that is taken from the same name, with all in it; each value is checked."""
    kind, inner = outward_type(field.type)
    if kind not in ("object", "list"):
        return same_field(field)._replace(kind=kind)
    return nested(field, kind, [checked(member) for member in fields_of(inner)])


def nested(field: FieldInfo, kind: str, sources: Sequence[FieldSource]) -> FieldSource:
    """Return the source of an object, or list of objects, of the same name, with members from `sources`."""
    convert = an_object(sources) if kind == "object" else a_list(sources)
    return same_field(field)._replace(kind=kind, convert=convert, members=sources)


def document(source: FieldSource, *, kind: str = "") -> Transform:
    """Return what makes the outward document, which has one member; with a `kind`, the answer must be of it."""
    make = an_object([source])

    def made(body: bytes, criteria: Criteria) -> tuple[bytes, list[FieldProblem]]:
        state = TransformState(len(body), criteria)
        remaining = state.remaining
        try:
            answer = state.answer = whole(body)
            if kind and memoryview(answer)[0] not in STARTS[kind]:
                raise ContractError([FieldProblem("", must_be(kind))])
            outward = _encode(make(answer, None, state))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None
        except RecursionError:
            raise ContractError([FieldProblem("", "is nested too deeply")]) from None
        state.set_remaining(None, remaining - len(outward))
        return outward, state.violations

    return made


def an_object(sources: Sequence[FieldSource]) -> ConvertValue:
    """Return what makes an outward object of the OMS's object."""
    constants = {source.name: source.const for source in sources if source.const is not UNSET}
    asked = [source for source in sources if source.criterion is not None]
    sources = [source for source in sources if source.const is UNSET and source.criterion is None]
    pointers, fill = filler([source for source in sources if source.picker is None])
    read = reader(pointers)
    picked = []
    for picker in dict.fromkeys(source.picker for source in sources if source.picker is not None):
        pointers, fill_picked = filler([source for source in sources if source.picker is picker])
        picked.append((picker(pointers), fill_picked))

    def make(raw: Raw, location: Location, state: TransformState) -> dict[str, Any]:
        made = dict(constants)
        for source in asked:
            value = state.criteria.get(source.criterion or "", UNSET)
            if value is UNSET:
                value = source.stand_in(None, (location, source.name), state)
            if value is not UNSET:
                made[source.name] = value
        fill(made, read(raw), location, state)
        for read_picked, fill_picked in picked:
            fill_picked(made, read_picked(raw, location, state), location, state)
        return made

    return make


def filler(sources: Sequence[FieldSource]) -> tuple[list[Sequence[str]], _Fill]:
    """Return the pointers that fields are made from, and what makes the fields of what is there."""
    single = [source for source in sources if source.combine is None]
    pointers, fill_single = [source.tokens for source in single], _single_filler(single)
    combined = []
    for source in sources:
        if source.combine is not None:
            places = slice(len(pointers), len(pointers) + 1 + len(source.others))
            combined.append((source.name, source.combine, places))
            pointers += [source.tokens, *source.others]
    if not combined:
        return pointers, fill_single

    def fill(made: dict[str, Any], values: Values, location: Location, state: TransformState) -> None:
        fill_single(made, values, location, state)
        for name, combine, places in combined:
            if (value := combine(values[places], (location, name), state)) is not UNSET:
                made[name] = value

    return pointers, fill


def _single_filler(sources: Sequence[FieldSource]) -> _Fill:
    """Return what makes those fields that have one pointer each, of the first values that are there."""
    plan = [
        (
            source.name,
            source,
            bool(source.kind or source.convert or source.default is not UNSET),
            STARTS[source.kind],
            source.convert,
        )
        for source in sources
    ]

    def fill(made: dict[str, Any], values: Values, location: Location, state: TransformState) -> None:
        for (name, source, is_looked_at, starts, convert), value in zip(plan, values, strict=False):
            if value is None or (is_looked_at and (first := memoryview(value)[0]) == NULL):
                if (stand_in := source.stand_in(value, (location, name), state)) is not UNSET:
                    made[name] = stand_in
            elif not is_looked_at:
                made[name] = value
            elif starts and first not in starts:
                state.add_violation((location, name), must_be(source.kind))
            elif convert is None:
                made[name] = value
            elif (converted := convert(value, (location, name), state)) is not UNSET:
                made[name] = converted

    return fill


def a_list(sources: Sequence[FieldSource]) -> ConvertValue:
    """Return what makes an outward list of the OMS's list of objects."""
    write = list_writer(sources)
    return lambda raw, location, state: write(elements(raw), location, state)


def list_writer(sources: Sequence[FieldSource]) -> Callable[[Iterable[Raw], Location, TransformState], Raw]:
    """Return what makes an outward list of the objects that are its elements."""
    make = an_object(sources)

    def write(elements: Iterable[Raw], location: Location, state: TransformState) -> Raw:
        # Written at once: objects for each of many elements would be many times their size.
        made = bytearray(b"[")
        remaining = state.remaining
        for index, element in enumerate(elements):
            if index:
                made += b","
            if memoryview(element)[0] == OBJECT:
                made += _encode(make(element, (location, index), state))
            else:
                state.add_violation((location, index), must_be("object"))
                made += b"null"  # keeps its place, so that pointers to the others stay right
            state.set_remaining(location, remaining - len(made))
        made += b"]"
        return Raw(made)

    return write


_encode: Final = msgspec.json.Encoder().encode
