"""Convert an answer in which all is as the rules expect it, at the speed of C.

Structs are generated from the rules, with the members that they name and the types that these must have, so that
one decode reads the whole answer; and for each of them a function that makes the contract's struct of it. An
answer with anything else in it (another type, a null on the way, a violation) is left to `documents`, which makes
the same wherever both can.
"""

import re
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.orders.expression import Expression
from tenantproxy.orders.json_members import Values, unless_null
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
from tenantproxy.orders.weight import LIGHT_OBJECTS, HeavyError

Direct = Callable[[bytes, bool, Criteria], Any]
"""Make what is at the outward root; raises NotDirectError, or what msgspec raises, where it is left to others.

If the second argument is true, only if that takes a few milliseconds at most; otherwise it raises HeavyError.
"""

_UNSUITABLE: Final = re.compile(r'0|[1-9][0-9]*|.*["\\\x00-\x1f].*', re.DOTALL)
"""Steps of a pointer that may be an index, or that msgspec takes for no member's name."""
_THIS: Final = "{this}"
"""Stands for the OMS's object in the code of what is made of it, until it is known how that is come by."""
_COUNTED: Final = "state.counted"
"""Counts the objects of a list, in code that is for any number of them."""


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


class _Members:
    """The members of an object that rules read, each with its type and its default, or with members of its own."""

    def __init__(self) -> None:
        self._members: dict[str, _Members | tuple[Any, Any]] = {}

    def add(self, tokens: Sequence[str], expected: Any, default: Any = NODEFAULT) -> str:  # noqa: ANN401
        """Return the code that gets the value at a pointer from `_THIS`, which is of the generated struct."""
        if not tokens or any(map(_UNSUITABLE.fullmatch, tokens)):
            raise NotDirectError
        inner: Any = self
        way = [_THIS]
        for token in tokens[:-1]:
            way.append(inner.place(token, _Members()))
            inner = inner.member(token)
            if not isinstance(inner, _Members):
                raise NotDirectError
        way.append(inner.place(tokens[-1], (expected, default)))
        if inner.member(tokens[-1]) != (expected, default):
            raise NotDirectError
        return ".".join(way)

    def place(self, token: str, member: "_Members | tuple[Any, Any]") -> str:
        """Return the name of a member in the generated struct, which is put there unless it is there."""
        self._members.setdefault(token, member)
        return f"member{list(self._members).index(token)}"

    def member(self, token: str) -> "_Members | tuple[Any, Any]":
        """Return what is known of a member."""
        return self._members[token]

    def struct(self) -> Any:  # noqa: ANN401 - a generated type
        """Return the struct, in which what is not required has a default."""
        fields: list[Any] = []
        for place, member in enumerate(self._members.values()):
            expected, default = member if isinstance(member, tuple) else _inner(member)
            fields.append((f"member{place}", expected, *(() if default is NODEFAULT else (default,))))
        rename = {f"member{place}": token for place, token in enumerate(self._members)}
        return msgspec.defstruct("Members", fields, rename=rename, kw_only=True, gc=False)

    def is_required(self) -> bool:
        """Return whether anything of it is."""
        return any(
            member[1] is NODEFAULT if isinstance(member, tuple) else member.is_required()
            for member in self._members.values()
        )


def _inner(members: _Members) -> tuple[Any, Any]:
    struct = members.struct()
    return struct, NODEFAULT if members.is_required() else msgspec.field(default_factory=struct)


def compile_direct(field: FieldInfo, source: FieldSource) -> Direct | None:
    """Return what makes a field of the outward document; None: its rules need the other way."""
    if source.combine is not None:
        return None
    code = Expression("all", "state")
    members = _Members()
    try:
        expected, made = _Fields(members, code).objects(field, source)
        way = _THIS
        if source.tokens:
            way = members.add(source.tokens, expected)
            expected = members.struct()
    except NotDirectError:
        return None
    decode = msgspec.json.Decoder(expected).decode
    text = made(way).replace(_THIS, "all")
    make = code.compiled(text)
    uncounted = text.replace(_COUNTED, "")
    make_few = None if "state" in uncounted else code.compiled(uncounted)

    def direct(body: bytes, at_once: bool, criteria: Criteria) -> Any:  # noqa: ANN401, FBT001 - a `Direct`
        if make_few is not None and (not at_once or body.count(b"{") <= LIGHT_OBJECTS):
            return make_few(decode(body), None)
        state = _State(len(body), criteria, LIGHT_OBJECTS if at_once else len(body))
        state.answer = Raw(body.strip())
        return make(decode(body), state)

    return direct


class _Fields:
    """The code that makes the fields of an outward object; what it reads is added to the OMS's members.

    In it `_THIS` is the OMS's object, and `state` the pass. All is one expression: a call for each object would
    take as long as what is done for it.
    """

    def __init__(self, members: _Members, code: Expression) -> None:
        self.code = code
        self._members = members

    def objects(self, field: FieldInfo, source: FieldSource) -> tuple[Any, Callable[[str], str]]:
        """Return the type of an object of the OMS, or of a list of them, and the code that makes outward ones."""
        kind, shape = outward_type(field.type)
        inner = _Members()
        fields = _Fields(inner, self.code)
        infos = fields_of(shape)
        columns = [fields.column(info, of) for info, of in zip(infos, source.members or (), strict=True)]
        if shape.__match_args__ != tuple(info.name for info in infos):
            columns = [f"{info.name}={column}" for info, column in zip(infos, columns, strict=True)]
        made = f"{self.code.name(shape)}({', '.join(columns)})"
        struct = inner.struct()
        if kind == "list":
            each = self.code.variable()
            every = made.replace(_THIS, each)
            return types.GenericAlias(list, (struct,)), lambda way: f"[{every} for {each} in {_COUNTED}({way})]"
        return struct, lambda way: made.replace(_THIS, way)

    def column(self, field: FieldInfo, source: FieldSource) -> str:
        """Return the code that makes a field."""
        if source.picker is not None:
            raise NotDirectError
        stand_in = field.default if source.default is UNSET or source.default is None else source.default
        if source.const is not UNSET or source.criterion is not None:
            return self._given(source, stand_in)
        if source.words is not None:
            return self._translated(source, stand_in)
        if source.combine is not None:
            return self._combined(field, source)
        if source.members is not None:
            expected, made = self.objects(field, source)
            return self._there(source, expected, stand_in, made)
        make = self._copied if source.convert is None else self._converted
        return make(field, source, stand_in)

    def _given(self, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
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

    def _copied(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        # Null is left to what encodes: it leaves out what is optional, and a required amount is then no number.
        if stand_in is field.default:
            return self._members.add(source.tokens, field.type, stand_in)
        if outward_type(field.type)[0] == "number":
            way = self._members.add(source.tokens, Raw, None)
            return f"({self.code.name(stand_in)} if {self.code.name(unless_null)}({way}) is None else {way})"
        return self._there(source, field.type, stand_in, lambda way: way)

    def _translated(self, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        ways = [self._members.add(tokens, str | None, None) for tokens in (source.tokens, *source.others)]
        if source.others:
            return f"{self.code.name(source.words)}[{']['.join(ways)}]"
        words = _Words(source.words or {})
        if stand_in is not NODEFAULT:
            words[None] = stand_in
        if source.default is not UNSET:
            words.default = stand_in
        return f"{self.code.name(words)}[{ways[0]}]"

    def _converted(self, field: FieldInfo, source: FieldSource, stand_in: Any) -> str:  # noqa: ANN401
        if source.convert_decoded is not None:
            decoded = source.convert_decoded
            return self._there(source, decoded.expected, stand_in, lambda way: decoded.code(self.code, way))
        settle, convert = _settler(field), source.convert

        def converted(value: Raw | None, state: TransformState) -> Any:  # noqa: ANN401
            if value is None or unless_null(value) is None or convert is None:
                return settle(stand_in)
            return settle(convert(value, None, state))

        return f"{self.code.name(converted)}({self._members.add(source.tokens, Raw, None)}, state)"

    def _combined(self, field: FieldInfo, source: FieldSource) -> str:
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
