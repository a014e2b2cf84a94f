"""Convert single values: texts, parts of them, words, and numbers in texts or in minor units.

What is there but doesn't fit is a violation, never a default: an amount that can't be read must not become
another one.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from tenantproxy import config
from tenantproxy.orders.expression import Expression
from tenantproxy.orders.json_members import LIST, OBJECT, STRING, text
from tenantproxy.orders.numbers import GRAMMAR, MAX_PLACES, number_negated, number_shifted
from tenantproxy.orders.rule_words import given
from tenantproxy.orders.transform import (
    STARTS,
    ConvertDecoded,
    ConvertValue,
    Location,
    NotDirectError,
    TransformState,
    must_be,
)
from tenantproxy.orders.words import are_texts, look_up

LONGEST_NUMBER: Final = 100
"""Characters of a text that is taken for a number."""
_FEW_PLACES: Final = 2
"""Of nearly all money: its fractions may well be kept."""
_NO_NUMBER: Final = f"must be a number, or a text of at most {LONGEST_NUMBER} characters that is one in JSON"
_NOT_SHIFTED: Final = "has an exponent that is too long for the mapping to scale it"
_NO_PART: Final = "has a text without the delimiters of the mapping's `part`"


def converter(rule: config.Rule) -> ConvertValue | None:
    """Return what converts a single value by a rule; None: it is taken as it is."""
    steps: list[ConvertValue] = []
    if rule.as_ == "string":
        steps.append(as_text)
    if rule.part is not None:
        steps.append(_parter(rule.part))
    if rule.values is not None:
        steps.append(_word_converter(rule.values, rule.default))
    elif rule.as_ == "number" or rule.scale is not None or rule.negate:
        steps.append(_number_converter(rule))
    if len(steps) < 2:  # noqa: PLR2004 - one alone needs no chain
        return steps[0] if steps else None

    def convert(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        value: Any = raw
        for step in steps:
            value = step(value, location, state)
            if value is UNSET:
                break
        return value

    return convert


def plain_words(rule: config.Rule) -> Mapping[str, Any] | None:
    """Return the words of a rule that does nothing else, if each stands for a text alone."""
    return rule.values if _does_only(rule, "values") and rule.values and are_texts(rule.values) else None


def decoded_converter(rule: config.Rule) -> ConvertDecoded | None:
    """Return what converts a decoded value by a rule that only scales, or only takes a number for a text."""
    if _does_only(rule, "scale") and rule.scale is not None:
        # Any other scale is refused, but not here.
        return ConvertDecoded(int, _scaler(rule.scale)) if 0 < rule.scale <= MAX_PLACES else None
    if _does_only(rule, "as") and rule.as_ == "string":
        return ConvertDecoded(int | str, _text_code)
    return None


def _scaler(places: int) -> Callable[[Expression, str], str]:
    unit, form = 10**places, f"%d.%0{places}d"

    def scaled(value: int) -> Raw:
        return Raw("-" + form % divmod(-value, unit)) if value < 0 else Raw(form % divmod(value, unit))

    def code(names: Expression, way: str) -> str:
        by_call = f"{names.name(scaled)}({way})"
        if places > _FEW_PLACES:
            return by_call
        # A call for each amount would take as long as what it does.
        raw, zero, of, fractions = map(names.name, (Raw, 0, unit, _fractions(places)))
        return f"({raw}(f'{{{way}//{of}}}{{{fractions}[{way}%{of}]}}') if {way} >= {zero} else {by_call})"

    return code


@functools.cache
def _fractions(places: int) -> Sequence[str]:
    """Return all fractions of a number of places, with the point: looked up, they are had at half the cost."""
    return [f".{rest:0{places}}" for rest in range(10**places)]


def _text_code(names: Expression, way: str) -> str:
    return f"({names.name(str)}({way}) if {way} else {names.name(_false_as_text)}({way}))"


def _false_as_text(value: int | str) -> str:
    if value == 0:
        raise NotDirectError  # it may have been sent as -0
    return ""


def _does_only(rule: config.Rule, word: str) -> bool:
    return {*given(rule)} - {"from", "default"} == {word}


def as_text(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
    """Return a number as the text that was sent, true and false as these words."""
    first = memoryview(raw)[0]
    if first == STRING:
        return raw
    if first in (LIST, OBJECT):
        state.add_violation(location, must_be("string"))
        return UNSET
    return Raw(b'"%b"' % bytes(raw))


def _parter(part: config.Part) -> ConvertValue:
    after, last, before = part.after, part.after_last, part.before

    def convert(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        if memoryview(raw)[0] != STRING:
            state.add_violation(location, must_be("string"))
            return UNSET
        there, rest = "yes", text(raw)
        if after is not None:
            _, there, rest = rest.partition(after)
        elif last is not None:
            _, there, rest = rest.rpartition(last)
        if there and before is not None:
            rest, there, _ = rest.partition(before)
        if not there:
            state.add_violation(location, _NO_PART)
            return UNSET
        return Raw(_encode(rest))

    return convert


def _word_converter(values: Mapping[str, Any], default: Any) -> ConvertValue:  # noqa: ANN401 - the rule's values
    find = look_up(values)

    def convert(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        value = find(raw)
        if value is not UNSET:
            return value
        if default is UNSET:
            state.add_violation(location, "has a value that the mapping's `values` don't list")
        return default

    return convert


def _number_converter(rule: config.Rule) -> ConvertValue:
    of_text, places, negate = rule.as_ == "number", rule.scale or 0, rule.negate
    wrong = _NO_NUMBER if of_text else must_be("number")

    def convert(raw: Raw, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        written: bytes | None
        if memoryview(raw)[0] in STARTS["number"]:
            written = bytes(raw)
        else:
            written = _number_in(raw) if of_text else None
            if written is None:
                state.add_violation(location, wrong)
                return UNSET
        if places:
            written = number_shifted(written, places)
            if written is None:
                state.add_violation(location, _NOT_SHIFTED)
                return UNSET
        return Raw(number_negated(written) if negate else written)

    return convert


def _number_in(raw: Raw) -> bytes | None:
    """Return the number that a text is; None: it is none, or no text."""
    if memoryview(raw)[0] != STRING:
        return None
    written = text(raw).encode()
    return written if len(written) <= LONGEST_NUMBER and GRAMMAR.fullmatch(written) else None


_encode: Final = msgspec.json.Encoder().encode
