"""Make an outward value of what is at several pointers."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.orders.json_members import NULL, STRING, Values, text, unless_null
from tenantproxy.orders.numbers import MAX_PLACES
from tenantproxy.orders.rules import table as tables
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

IsNull = Callable[[Raw], bool]
"""Tells whether a value is null, or as good as null."""

_NO_PLACES: Final = f"needs a whole number from 0 to {MAX_PLACES} where the mapping's `scaleFrom` points"
_NO_TEXTS: Final = "must be made of strings, or the mapping's `join` needs `as: string`"
_places: Final = look_up({str(places): places for places in range(MAX_PLACES + 1)})


def null_test(words: Sequence[str]) -> IsNull:
    """Return what tells whether a value is null, or one of these words."""
    if not words:
        return lambda value: memoryview(value)[0] == NULL
    find = look_up(dict.fromkeys(words, True))
    return lambda value: memoryview(value)[0] == NULL or find(value) is not UNSET


def by_first(source: FieldSource, is_null: IsNull) -> Combine:
    """Return what takes the first value that is there and not as good as null."""

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        value = _first(values, is_null)
        if value is None:
            return source.stand_in(values[-1], location, state)
        return _converted(source, value, location, state)

    return combine


def by_scale(
    source: FieldSource, converters: Sequence[ConvertValue | None], is_null: IsNull, *, beside: bool
) -> Combine:
    """Return what takes the first value, too, by the converter for the places that the last one says.

    `beside`: each has places of its own, in the second half.
    """

    def combine(values: Values, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        count = len(values) // 2 if beside else len(values) - 1
        choice, scales = values[:count], values[count:]
        value = _first(choice, is_null)
        if value is None:
            return source.stand_in(choice[-1], location, state)
        scale = scales[choice.index(value) if beside else 0]
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


def _first(values: Values, is_null: IsNull) -> Raw | None:
    return next((value for value in values if value is not None and not is_null(value)), None)


def _converted(source: FieldSource, value: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
    if source.kind and memoryview(value)[0] not in STARTS[source.kind]:
        state.add_violation(location, must_be(source.kind))
        return UNSET
    return value if source.convert is None else source.convert(value, location, state)


_encode: Final = msgspec.json.Encoder().encode
