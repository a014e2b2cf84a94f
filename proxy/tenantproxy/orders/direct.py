"""Convert an answer in which all is as the rules expect it, at the speed of C.

Structs are generated from the rules, with the members that they name and the types that these must have, so that
one decode reads the whole answer; the contract's structs are then made field by field. An answer with anything
else in it (another type, a null on the way, a violation) is left to `documents`, which makes the same wherever
both can.
"""

import itertools
import re
import types
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.orders.json_members import unless_null
from tenantproxy.orders.transform import (
    ContractError,
    Criteria,
    FieldSource,
    Location,
    NotDirectError,
    TransformState,
    outward_type,
)

Direct = Callable[[bytes, Criteria], Any]
"""Make what is at the outward root; raises NotDirectError, or what msgspec raises, where it is left to others."""
_Make = Callable[[Sequence[Any], TransformState], list[Any]]
"""Make something outward of each of the OMS's objects, which the generated structs hold."""

_UNSUITABLE: Final = re.compile(r'0|[1-9][0-9]*|.*["\\\x00-\x1f].*', re.DOTALL)
"""Steps of a pointer that may be an index, or that msgspec takes for no member's name."""


class _State(TransformState):
    """A pass that ends at what is not as expected."""

    def add_violation(self, _location: Location, _detail: str, /) -> None:
        raise NotDirectError

    def ended(self, _location: Location, _detail: str, /) -> ContractError:
        raise NotDirectError


class _Members:
    """The members of an object that rules read, each with its type and its default, or with members of its own."""

    def __init__(self) -> None:
        self._members: dict[str, _Members | tuple[Any, Any]] = {}

    def add(self, tokens: Sequence[str], expected: Any, default: Any = NODEFAULT) -> "attrgetter[Any]":  # noqa: ANN401
        """Return what gets the value at a pointer from the generated struct."""
        if not tokens or any(map(_UNSUITABLE.fullmatch, tokens)):
            raise NotDirectError
        inner: Any = self
        way = []
        for token in tokens[:-1]:
            way.append(inner.place(token, _Members()))
            inner = inner.member(token)
            if not isinstance(inner, _Members):
                raise NotDirectError
        way.append(inner.place(tokens[-1], (expected, default)))
        if inner.member(tokens[-1]) != (expected, default):
            raise NotDirectError
        return attrgetter(".".join(way))

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
    kind, _ = outward_type(field.type)
    if source.combine is not None:
        return None
    try:
        expected, make = _objects(field, source)
        if not source.tokens:
            decode = msgspec.json.Decoder(expected).decode
            get: Callable[[Any], Any] = lambda value: value  # noqa: E731 - one of two
        else:
            members = _Members()
            get = members.add(source.tokens, expected)
            decode = msgspec.json.Decoder(members.struct()).decode
    except NotDirectError:
        return None

    def direct(body: bytes, criteria: Criteria) -> Any:  # noqa: ANN401 - a struct, or a list of them
        state = _State(len(body), criteria)
        state.answer = Raw(body.strip())
        value = get(decode(body))
        return make(value, state) if kind == "list" else make([value], state)[0]

    return direct


def _objects(field: FieldInfo, source: FieldSource) -> tuple[Any, _Make]:
    """Return the type of the OMS's object, or list of objects, and what makes the outward objects of these."""
    kind, shape = outward_type(field.type)
    members = _Members()
    infos = msgspec.structs.fields(shape)
    columns = [_column(info, of, members) for info, of in zip(infos, source.members or (), strict=True)]
    names = [info.name for info in infos]
    is_positional = shape.__match_args__ == tuple(names)

    def make(objects: Sequence[Any], state: TransformState) -> list[Any]:
        made = [
            map(column, objects) if isinstance(column, attrgetter) else column(objects, state)
            for column in columns
        ]
        if is_positional:
            return list(map(shape, *made))
        return [shape(**dict(zip(names, values, strict=True))) for values in zip(*made, strict=True)]

    struct = members.struct()
    return types.GenericAlias(list, (struct,)) if kind == "list" else struct, make


def _column(field: FieldInfo, source: FieldSource, members: _Members) -> "_Make | attrgetter[Any]":
    """Return what makes one field of each outward object, or gets it; what it reads is added to the members."""
    if source.picker is not None:
        raise NotDirectError
    stand_in = field.default if source.default is UNSET or source.default is None else source.default
    if source.const is not UNSET or source.criterion is not None:
        return _given(source, stand_in)
    if source.words is not None:
        return _translated(source, members, stand_in)
    if source.combine is not None:
        return _combined(field, source, members)
    if source.members is not None:
        return _nested(field, source, members, stand_in)
    if source.convert is not None:
        return _converted(field, source, members, stand_in)
    return _copied(field, source, members, stand_in)


def _given(source: FieldSource, stand_in: Any) -> _Make:  # noqa: ANN401
    if source.criterion is None:  # null is left out when all is encoded, as everywhere here
        return lambda objects, _state: [source.const] * len(objects)
    criterion = source.criterion

    def make(objects: Sequence[Any], state: TransformState) -> list[Any]:
        value = state.criteria.get(criterion, stand_in)
        if value is NODEFAULT:
            raise NotDirectError
        return [value] * len(objects)

    return make


def _copied(
    field: FieldInfo,
    source: FieldSource,
    members: _Members,
    stand_in: Any,  # noqa: ANN401
) -> "_Make | attrgetter[Any]":
    # Null is left to whatever encodes: it leaves out what is optional, and a required amount is then no number.
    is_number = outward_type(field.type)[0] == "number"
    if stand_in is field.default:
        return members.add(source.tokens, field.type, stand_in)
    if is_number:
        get = members.add(source.tokens, Raw, None)
        return lambda objects, _state: [stand_in if unless_null(v) is None else v for v in map(get, objects)]
    get = members.add(source.tokens, field.type | None, None)
    return lambda objects, _state: [stand_in if value is None else value for value in map(get, objects)]


class _Words(dict[Any, Any]):
    """What texts become, and None, which is nothing; any other text becomes `default`."""

    default: Any = NODEFAULT

    def __missing__(self, _word: str | None) -> Any:  # noqa: ANN401 - the rule's value
        return self.default


def _translated(source: FieldSource, members: _Members, stand_in: Any) -> _Make:  # noqa: ANN401
    gets = [members.add(tokens, str | None, None) for tokens in (source.tokens, *source.others)]
    if len(gets) > 1:
        become = (source.words or {}).__getitem__
    else:
        words = _Words(source.words or {})
        words[None] = stand_in
        if source.default is not UNSET:
            words.default = stand_in
        become = words.__getitem__

    def make(objects: Sequence[Any], _state: TransformState) -> list[Any]:
        columns = [map(get, objects) for get in gets]
        made = list(map(become, zip(*columns, strict=True) if len(columns) > 1 else columns[0]))
        if NODEFAULT in made:
            raise NotDirectError
        return made

    return make


def _nested(field: FieldInfo, source: FieldSource, members: _Members, stand_in: Any) -> _Make:  # noqa: ANN401
    expected, make = _objects(field, source)
    get = members.add(source.tokens, *((expected,) if stand_in is NODEFAULT else (expected | None, None)))

    def of_objects(objects: Sequence[Any], state: TransformState) -> list[Any]:
        inner = list(map(get, objects))
        made = iter(make([each for each in inner if each is not None], state))
        return [stand_in if each is None else next(made) for each in inner]

    def of_lists(objects: Sequence[Any], state: TransformState) -> list[Any]:
        lists = list(map(get, objects))
        made = iter(make([each for inner in lists if inner for each in inner], state))
        return [stand_in if inner is None else list(itertools.islice(made, len(inner))) for inner in lists]

    return of_lists if outward_type(field.type)[0] == "list" else of_objects


def _converted(field: FieldInfo, source: FieldSource, members: _Members, stand_in: Any) -> _Make:  # noqa: ANN401
    if source.convert_many is not None:
        expected, convert_many = source.convert_many
        get = members.add(source.tokens, *((expected,) if stand_in is NODEFAULT else (expected | None, None)))
        return lambda objects, _state: convert_many(map(get, objects), stand_in)
    get = members.add(source.tokens, Raw, None)
    settle, convert = _settler(field), source.convert

    def one(value: Raw | None, state: TransformState) -> Any:  # noqa: ANN401
        if value is None or unless_null(value) is None or convert is None:
            return settle(stand_in)
        return settle(convert(value, None, state))

    return lambda objects, state: [one(value, state) for value in map(get, objects)]


def _combined(field: FieldInfo, source: FieldSource, members: _Members) -> _Make:
    gets = [members.add(tokens, Raw, None) for tokens in (source.tokens, *source.others)]
    settle, combine = _settler(field), source.combine

    def one(each: Any, state: TransformState) -> Any:  # noqa: ANN401
        return settle(combine([get(each) for get in gets], None, state) if combine else UNSET)

    return lambda objects, state: [one(each, state) for each in objects]


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
