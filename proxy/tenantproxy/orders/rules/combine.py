"""Make an outward value of what is at several pointers, or of a list that is not simply there."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.orders.conditions import Holds
from tenantproxy.orders.json_members import STRING, Values, text, unless_null
from tenantproxy.orders.numbers import MAX_PLACES
from tenantproxy.orders.rules import table as tables
from tenantproxy.orders.rules.lists import FindElements, NoListError
from tenantproxy.orders.rules.values import as_text
from tenantproxy.orders.transform import (
    STARTS,
    Combine,
    ConvertValue,
    FieldSource,
    Location,
    TransformState,
    must_be,
)
from tenantproxy.orders.words import look_up

_NO_PLACES: Final = f"needs a whole number from 0 to {MAX_PLACES} where the mapping's `scaleFrom` points"
_NO_TEXTS: Final = "must be made of strings, or the mapping's `join` needs `as: string`"
_places: Final = look_up({str(places): places for places in range(MAX_PLACES + 1)})


def by_first(source: FieldSource) -> Combine:
    """Return what takes the first value that is there and not null."""

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        value = _first(values)
        if value is None:
            return source.stand_in(values[-1], location, state)
        return _converted(source, value, location, state)

    return combine


def by_scale(source: FieldSource, converters: Sequence[ConvertValue | None]) -> Combine:
    """Return what takes the first value, too, by the converter for the places that the last one says."""

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        *choice, scale = values
        value = _first(choice)
        if value is None:
            return source.stand_in(choice[-1], location, state)
        places = UNSET if scale is None else _places(scale)
        if places is UNSET:
            state.add_violation(location, _NO_PLACES)
            return UNSET
        convert = converters[places]
        return value if convert is None else convert(value, location, state)

    return combine


def by_join(source: FieldSource, join: config.Join, *, of_any: bool) -> Combine:
    """Return what joins texts; `of_any`: numbers, true and false, too, as they were sent."""

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        texts: list[Raw] = []
        for value in values:
            if value is None or unless_null(value) is None:
                return source.stand_in(value, location, state)
            part = as_text(value, location, state) if of_any else value
            if part is UNSET:
                return UNSET
            texts.append(part)
        if any(memoryview(part)[0] != STRING for part in texts):
            state.add_violation(location, _NO_TEXTS)
            return UNSET
        # Counted before it is made: the same long text may be in it several times.
        state.set_remaining(location, state.remaining - sum(map(len, texts)))
        return _converted(source, Raw(_encode(join.with_.join(map(text, texts)))), location, state)

    return combine


def by_table(rows: tables.Rows) -> Combine:
    """Return what takes the value of the row that fits; there is one, or a default."""
    find = tables.finder(rows)
    return lambda values, _location, _state: find(values)


def by_elements(
    source: FieldSource,
    find: FindElements,
    holds: Holds | None,
    write: Callable[[Iterable[Raw], Location, TransformState], Raw],
) -> Combine:
    """Return what writes those elements of a list that hold conditions."""

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        (value,) = values
        try:
            there = unless_null(value)
            elements = None if there is None else find(there)
        except NoListError:
            state.add_violation(location, must_be("list"))
            return UNSET
        if elements is None:
            return source.stand_in(value if there is None else None, location, state)
        return write(elements if holds is None else filter(holds, elements), location, state)

    return combine


def _first(values: Values) -> Raw | None:
    return next((value for value in values if unless_null(value) is not None), None)


def _converted(source: FieldSource, value: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
    if source.kind and memoryview(value)[0] not in STARTS[source.kind]:
        state.add_violation(location, must_be(source.kind))
        return UNSET
    return value if source.convert is None else source.convert(value, location, state)


_encode: Final = msgspec.json.Encoder().encode
