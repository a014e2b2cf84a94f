"""Make a document of the outward shape out of an OMS's answer, and find all that is wrong with it.

A shape is a struct of `orders`; where each of its fields comes from is compiled once (`Source`): by the mapping's
rules, or from the same name. One walk over the answer then makes the document, from the bytes that were sent, and
notes each violation. Work and memory are bounded by the answer's size, and it ends at the hundredth violation.
"""

import types
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.errors import FieldProblem
from tenantproxy.orders.json_members import LIST, NULL, OBJECT, elements, reader, whole

MAX_VIOLATIONS: Final = 100
"""Of one answer; an OMS with a wrong list would otherwise produce thousands."""
_MOST_GROWTH: Final = 4
"""Times an answer's size that its outward document may have, since names get longer and rules add values."""
_ALWAYS_ROOM: Final = 64 * 1024
_TOO_LARGE: Final = f"is more than {_MOST_GROWTH} times the OMS's answer, by what the mapping adds"

Place = tuple[Any, str | int] | None
"""Where the walk is in the outward document: the place around it, and a name or an index; None is the document."""


class ContractError(Exception):
    """An answer breaks the contract; `violations` point at where, without any value."""

    def __init__(self, violations: list[FieldProblem]) -> None:
        super().__init__(f"{len(violations)} contract violations")
        self.violations = violations


class UnparsableError(Exception):
    """An answer is not JSON."""


class Walk:
    """One way through an answer: what was found to be wrong, and how many bytes may still be made."""

    def __init__(self, size: int) -> None:
        self.violations: list[FieldProblem] = []
        self.room = size * _MOST_GROWTH + _ALWAYS_ROOM

    def violated(self, place: Place, detail: str) -> None:
        """Take note of a violation.

        Raises:
            ContractError: It is the last one to be listed.

        """
        self.violations.append(FieldProblem(_pointer(place), detail))
        if len(self.violations) == MAX_VIOLATIONS:
            raise ContractError(self.violations)

    def leave(self, place: Place, room: int) -> None:
        """Take note of how much room is left.

        Raises:
            ContractError: It is less than none.

        """
        self.room = room
        if room < 0:
            raise ContractError([*self.violations, FieldProblem(_pointer(place), _TOO_LARGE)])


Convert = Callable[[Raw, Place, Walk], Any]
"""Make an outward value of the OMS's; UNSET where there is none to be made."""
Make = Callable[[bytes], tuple[bytes, list[FieldProblem]]]
"""Make a document of an OMS's answer, and say what is wrong with it; raises ContractError, UnparsableError."""


class Source(NamedTuple):
    """Where an outward field comes from."""

    name: str
    required: bool
    tokens: Sequence[str]
    """The pointer to it, from the object that the OMS has."""
    kind: str = ""
    """What it must be; empty: whatever it is."""
    convert: Convert | None = None
    """None: it is taken as it is."""
    default: Any = UNSET
    """Stands in where the OMS has nothing, or null."""
    const: Any = UNSET
    """The value, whatever the OMS has."""


def as_it_is(field: FieldInfo) -> Source:
    """Return that a field comes from the same name; what is in it is left to the contract."""
    return Source(field.name, field.required, (field.name,))


def checked(field: FieldInfo) -> Source:
    """Return that a field comes from the same name, and all that is in it likewise; each is checked."""
    kind, inner = outward_type(field.type)
    if kind not in ("object", "list"):
        return as_it_is(field)._replace(kind=kind)
    return nested(field, kind, [checked(member) for member in msgspec.structs.fields(inner)])


def nested(field: FieldInfo, kind: str, sources: Sequence[Source]) -> Source:
    """Return that an object, or a list of objects, comes from the same name, and its members from `sources`."""
    convert = _an_object(sources) if kind == "object" else _a_list(sources)
    return as_it_is(field)._replace(kind=kind, convert=convert)


def document(source: Source, *, kind: str = "") -> Make:
    """Return what makes the outward document, which has one member; with a `kind`, the answer must be of it."""
    make = _an_object([source])

    def made(body: bytes) -> tuple[bytes, list[FieldProblem]]:
        walk = Walk(len(body))
        room = walk.room
        try:
            answer = whole(body)
            if kind and memoryview(answer)[0] not in _STARTS[kind]:
                raise ContractError([FieldProblem("", must_be(kind))])
            outward = _encode(make(answer, None, walk))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None
        except RecursionError:
            raise ContractError([FieldProblem("", "is nested too deeply")]) from None
        walk.leave(None, room - len(outward))
        return outward, walk.violations

    return made


def _an_object(sources: Sequence[Source]) -> Convert:
    """Return what makes an outward object of the OMS's object."""
    constants = {source.name: source.const for source in sources if source.const is not UNSET}
    sources = [source for source in sources if source.const is UNSET]
    read = reader([source.tokens for source in sources])
    plan = [
        (
            source.name,
            source,
            bool(source.kind or source.convert or source.default is not UNSET),
            _STARTS[source.kind],
            source.convert,
        )
        for source in sources
    ]

    def make(raw: Raw, place: Place, walk: Walk) -> dict[str, Any]:
        made = dict(constants)
        for (name, source, is_looked_at, starts, convert), value in zip(plan, read(raw), strict=True):
            if value is None or (is_looked_at and (first := memoryview(value)[0]) == NULL):
                if source.default is not UNSET:
                    made[name] = source.default
                elif source.required:
                    walk.violated((place, name), "is missing" if value is None else "must not be null")
            elif not is_looked_at:
                made[name] = value
            elif starts and first not in starts:
                walk.violated((place, name), must_be(source.kind))
            elif convert is None:
                made[name] = value
            elif (converted := convert(value, (place, name), walk)) is not UNSET:
                made[name] = converted
        return made

    return make


def _a_list(sources: Sequence[Source]) -> Convert:
    """Return what makes an outward list of the OMS's list of objects."""
    make = _an_object(sources)

    def convert(raw: Raw, place: Place, walk: Walk) -> Raw:
        # Written at once: objects for each of many elements would be many times their size.
        made = bytearray(b"[")
        room = walk.room
        for index, element in enumerate(elements(raw)):
            if index:
                made += b","
            if memoryview(element)[0] == OBJECT:
                made += _encode(make(element, (place, index), walk))
            else:
                walk.violated((place, index), must_be("object"))
                made += b"null"  # keeps its place, so that pointers to the others stay right
            walk.leave(place, room - len(made))
        made += b"]"
        return Raw(made)

    return convert


def outward_type(expected: Any) -> tuple[str, Any]:  # noqa: ANN401 - a type expression, as msgspec gives it
    """Return what a field's type means in JSON: its kind, and the struct of an object or of a list's elements.

    The kind is one of `string`, `boolean`, `number`, `list`, `object`.

    Raises:
        TypeError: It is none of them: a float, for instance, would not keep the digits that were sent.

    """
    if get_origin(expected) in (Union, types.UnionType):
        (expected,) = (choice for choice in get_args(expected) if choice is not type(None))
    if get_origin(expected) is list:
        kind, inner = "list", get_args(expected)[0]
    elif expected in _SINGLE_VALUES:
        return _SINGLE_VALUES[expected], None
    else:
        kind, inner = "object", expected
    if not (isinstance(inner, type) and issubclass(inner, msgspec.Struct)):
        raise TypeError(f"{inner} can't be part of an order; use a struct, str, bool, or Raw for a number")
    return kind, inner


def must_be(kind: str) -> str:
    """Return the violation of a value of another type."""
    return f"must be {KIND_NAMES[kind]}"


KIND_NAMES: Final = {
    "string": "a string",
    "boolean": "a boolean",
    "number": "a number",
    "list": "a list",
    "object": "an object",
}
_STARTS: Final = {
    "": b"",
    "string": b'"',
    "boolean": b"tf",
    "number": b"-0123456789",
    "list": bytes([LIST]),
    "object": bytes([OBJECT]),
}
_SINGLE_VALUES: Final = {str: "string", bool: "boolean", Raw: "number"}
_encode: Final = msgspec.json.Encoder().encode


def _pointer(place: Place) -> str:
    tokens = []
    while place is not None:
        place, token = place
        tokens.append(f"/{token}")
    return "".join(reversed(tokens))
