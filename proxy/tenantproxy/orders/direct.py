"""Convert an answer in which all is as the rules expect it, at the speed of C.

Structs are generated from the rules, with the members that they name and the types that these must have, so that
one decode reads the whole answer; and for each of them a function that makes the contract's struct of it. An
answer with anything else in it (another type, a null on the way, a violation) is left to `documents`, which makes
the same wherever both can.
"""

import types
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.orders.contract import Contract, has_amounts
from tenantproxy.orders.expression import Expression
from tenantproxy.orders.json_members import Values, unless_null
from tenantproxy.orders.source_members import THIS, Members
from tenantproxy.orders.transform import (
    ContractError,
    Criteria,
    FieldSource,
    Location,
    NotDirectError,
    TransformState,
    fields_of,
    outward_type,
)
from tenantproxy.orders.weight import LIGHT_OBJECTS, UNCOUNTED_BYTES, HeavyError

Direct = Callable[[bytes, bool, Criteria], bytes]
"""Make the outward body; raises NotDirectError, ValueError, or what msgspec raises, where it is left to others.

If the second argument is true, only if that takes a few milliseconds at most; otherwise it raises HeavyError.
"""

_COUNTED: Final = "state.counted"
"""Counts the objects of a list, in code that is for any number of them."""
_NULL: Final = Raw(b"null")


class _State(TransformState):
    """A pass that ends at what is not as expected, or at more objects than it may make."""

    def __init__(self, size: int, criteria: Criteria, objects: int) -> None:
        super().__init__(size, criteria)
        self._objects = objects

    def counted(self, objects: list[Any]) -> list[Any]:
        """Return the objects of a list, of each of which something is then made."""
        self._objects -= len(objects)
        if self._objects < 0:
            raise HeavyError
        return objects

    def add_violation(self, _location: Location, _detail: str, /) -> None:
        raise NotDirectError

    def ended(self, _location: Location, _detail: str, /) -> ContractError:
        raise NotDirectError


def compile_direct(contract: Contract, source: FieldSource) -> Direct | None:
    """Return what makes the outward document of its one member's source; None: its rules need the other way."""
    if source.combine is not None:
        return None
    (field,) = fields_of(contract.document)
    code = Expression("all", "state")
    members = Members()
    fields = _Fields(members, code, [])
    try:
        expected, made = fields.objects(field, source)
        way = THIS
        if source.tokens:
            way = members.add(source.tokens, expected)
            expected = members.struct()
    except NotDirectError:
        return None
    decode = msgspec.json.Decoder(expected).decode
    encode = contract.encode if fields.unchecked else _encode
    text = f"{code.name(contract.document)}({made(way).replace(THIS, 'all')})"
    make = code.compiled(text)
    uncounted = text.replace(_COUNTED, "")
    make_few = None if "state" in uncounted else code.compiled(uncounted)

    def direct(body: bytes, at_once: bool, criteria: Criteria) -> bytes:  # noqa: FBT001 - a `Direct`
        if make_few is not None and len(body) <= UNCOUNTED_BYTES:
            return encode(make_few(decode(body), None))
        state = _State(len(body), criteria, LIGHT_OBJECTS if at_once else len(body))
        state.answer = Raw(body.strip())
        return encode(make(decode(body), state))

    return direct


class _Fields:
    """The code that makes the fields of an outward object; what it reads is added to the OMS's members.

    In it `THIS` is the OMS's object, and `state` the pass. All is one expression: a call for each object would
    take as long as what is done for it.
    """

    def __init__(self, members: Members, code: Expression, unchecked: list[FieldInfo]) -> None:
        self.code = code
        self.unchecked = unchecked
        """The fields with amounts of which the contract has yet to find out whether they are numbers."""
        self._members = members

    def objects(self, field: FieldInfo, source: FieldSource) -> tuple[Any, Callable[[str], str]]:
        """Return the type of an object of the OMS, or of a list of them, and the code that makes outward ones."""
        kind, shape = outward_type(field.type)
        inner = Members()
        fields = _Fields(inner, self.code, self.unchecked)
        infos = fields_of(shape)
        columns = [fields.column(info, of) for info, of in zip(infos, source.members or (), strict=True)]
        if shape.__match_args__ != tuple(info.name for info in infos):
            columns = [f"{info.name}={column}" for info, column in zip(infos, columns, strict=True)]
        made = f"{self.code.name(shape)}({', '.join(columns)})"
        struct = inner.struct()
        if kind == "list":
            each = self.code.variable()
            every = made.replace(THIS, each)
            return types.GenericAlias(list, (struct,)), lambda way: f"[{every} for {each} in {_COUNTED}({way})]"
        return struct, lambda way: made.replace(THIS, way)

    def column(self, field: FieldInfo, source: FieldSource) -> str:
        """Return the code that makes a field."""
        if source.picker is not None:
            raise NotDirectError
        stand_in = field.default if source.default is UNSET or source.default is None else source.default
        is_number = outward_type(field.type)[0] == "number"
        makers = [  # the last member is whether an amount of it is sure to be a number
            (source.const is not UNSET or source.criterion is not None, self._given, False),
            (source.words is not None, self._translated, False),
            (source.combine is not None, self._combined, False),
            (source.members is not None, self._nested, True),
            (source.convert_decoded is not None, self._of_decoded, True),
            (source.convert is not None, self._converted, False),
            (is_number and stand_in is field.default, self._amount, True),
            (True, self._copied, False),
        ]
        make, is_checked = next((make, is_checked) for applies, make, is_checked in makers if applies)
        if has_amounts(field) and not (is_checked and stand_in is field.default):
            self.unchecked.append(field)
        return make(field, source, stand_in)

    def _given(self, _field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        if source.criterion is None:  # null is left out when all is encoded, as everywhere here
            return self.code.name(source.const)
        criterion = source.criterion

        def searched(state: TransformState) -> Any:  # noqa: ANN401
            value = state.criteria.get(criterion, stand_in)
            if value is NODEFAULT:
                raise NotDirectError
            return value

        return f"{self.code.name(searched)}(state)"

    def _there(
        self,
        source: FieldSource,
        expected: Any,  # noqa: ANN401
        stand_in: Any,  # noqa: ANN401
        made: Callable[[str], str],
    ) -> str:
        """Return the code that makes something of a value, unless that is null or not there."""
        if stand_in is NODEFAULT:
            return made(self._members.add(source.tokens, expected))
        way = self._members.add(source.tokens, expected | None, None)
        return f"({self.code.name(stand_in)} if {way} is None else {made(way)})"

    def _nested(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        expected, made = self.objects(field, source)
        return self._there(source, expected, stand_in, made)

    def _amount(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        # float() raises ValueError for what is no number: a third of what it costs to look for that in the end.
        if field.required:
            way = self._members.add(source.tokens, Raw)
            absent = ""
        else:
            way = self._members.add(source.tokens, Raw, _NULL)
            absent = f"{self.code.name(stand_in)} if {way} == {self.code.name(_NULL)} else "
        return f"({absent}{way} if {self.code.name(float)}({way}) else {way})"

    def _copied(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        # Null is left to what encodes, which leaves out what is optional.
        if stand_in is field.default:
            return self._members.add(source.tokens, field.type, stand_in)
        if outward_type(field.type)[0] == "number":
            way = self._members.add(source.tokens, Raw, None)
            return f"({self.code.name(stand_in)} if {self.code.name(unless_null)}({way}) is None else {way})"
        return self._there(source, field.type, stand_in, lambda way: way)

    def _translated(self, _field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        ways = [self._members.add(tokens, str | None, None) for tokens in (source.tokens, *source.others)]
        if source.others:
            return f"{self.code.name(source.words)}[{']['.join(ways)}]"
        words = _Words(source.words or {})
        if stand_in is not NODEFAULT:
            words[None] = stand_in
        if source.default is not UNSET:
            words.default = stand_in
        return f"{self.code.name(words)}[{ways[0]}]"

    def _of_decoded(self, _field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        assert source.convert_decoded is not None  # noqa: S101 - `column` sees to it
        expected, code = source.convert_decoded
        return self._there(source, expected, stand_in, lambda way: code(self.code, way))

    def _converted(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        settle, convert = _settler(field), source.convert

        def converted(value: Raw | None, state: TransformState) -> Any:  # noqa: ANN401
            if value is None or unless_null(value) is None or convert is None:
                return settle(stand_in)
            return settle(convert(value, None, state))

        return f"{self.code.name(converted)}({self._members.add(source.tokens, Raw, None)}, state)"

    def _combined(self, field: FieldInfo, source: FieldSource, _stand_in: Any) -> str:  # noqa: ANN401
        ways = [self._members.add(tokens, Raw, None) for tokens in (source.tokens, *source.others)]
        settle, combine = _settler(field), source.combine

        def combined(values: Values, state: TransformState) -> Any:  # noqa: ANN401
            return settle(combine(values, None, state) if combine else UNSET)

        return f"{self.code.name(combined)}([{', '.join(ways)}], state)"


class _Words(dict[Any, Any]):
    """What texts become, and None, which is nothing; any other text becomes `default`."""

    default: Any = NODEFAULT

    def __missing__(self, _word: str | None) -> Any:  # noqa: ANN401 - the rule's value
        if self.default is NODEFAULT:
            raise NotDirectError
        return self.default


def _settler(field: FieldInfo) -> Callable[[Any], Any]:
    """Return what makes a field's value of what a rule has made, checked as the contract checks it."""
    is_number = outward_type(field.type)[0] == "number"  # checked when all is encoded, as in the contract
    decode = msgspec.json.Decoder(field.type).decode

    def settle(made: Any) -> Any:  # noqa: ANN401
        if made is UNSET:
            made = field.default
        if made is NODEFAULT:
            raise NotDirectError
        if isinstance(made, dict):  # of `documents`, which leaves the order and the types to the contract
            made = Raw(_encode(made))
        return decode(made) if isinstance(made, Raw) and not is_number else made

    return settle


_encode: Final = msgspec.json.Encoder().encode
