"""Transform an OMS's answer into a document of the outward shape, and find all violations of the contract in it.

A shape is a struct of `contract`. Where each of its fields comes from is compiled once (`FieldSource`): by the
mapping's rules, or from the field of the same name. One pass over the answer then makes the document, from the
bytes that were sent, and records each violation. Work and memory are bounded by the answer's size. The pass ends
at the hundredth violation.
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
"""Of one answer; an OMS with a wrong list would otherwise cause thousands."""
_MAX_GROWTH: Final = 4
"""Times an answer's size that its outward document may have, since names get longer and rules add values."""
_MIN_ALLOWED_BYTES: Final = 64 * 1024
_TOO_LARGE: Final = f"is more than {_MAX_GROWTH} times the OMS's response, because of what the mapping adds"

Location = tuple[Any, str | int] | None
"""A place in the outward document: the location around it, and a name or an index; None is the document itself."""


class ContractError(Exception):
    """An answer breaks the contract; `violations` point at where, without any value."""

    def __init__(self, violations: list[FieldProblem]) -> None:
        super().__init__(f"{len(violations)} contract violations")
        self.violations = violations


class UnparsableError(Exception):
    """An answer is not JSON."""


class TransformState:
    """One pass over an answer: the violations found so far, and how many bytes may still be made."""

    def __init__(self, size: int) -> None:
        self.violations: list[FieldProblem] = []
        self.remaining = size * _MAX_GROWTH + _MIN_ALLOWED_BYTES

    def add_violation(self, location: Location, detail: str) -> None:
        """Record a violation.

        Raises:
            ContractError: It is the last one to be listed.

        """
        self.violations.append(FieldProblem(_pointer(location), detail))
        if len(self.violations) == MAX_VIOLATIONS:
            raise ContractError(self.violations)

    def set_remaining(self, location: Location, remaining: int) -> None:
        """Set how many bytes may still be made.

        Raises:
            ContractError: Too many have been made already.

        """
        self.remaining = remaining
        if remaining < 0:
            raise ContractError([*self.violations, FieldProblem(_pointer(location), _TOO_LARGE)])


ConvertValue = Callable[[Raw, Location, TransformState], Any]
"""Make the outward value of the OMS's; UNSET where there is none to be made."""
Transform = Callable[[bytes], tuple[bytes, list[FieldProblem]]]
"""Make the outward document of an OMS's answer, and list its violations; raises ContractError, UnparsableError."""


class FieldSource(NamedTuple):
    """Where an output field comes from."""

    name: str
    required: bool
    tokens: Sequence[str]
    """The pointer to it, from the object that the OMS has."""
    kind: str = ""
    """What it must be; empty: whatever it is."""
    convert: ConvertValue | None = None
    """None: it is taken as it is."""
    default: Any = UNSET
    """Stands in where the OMS has nothing, or null."""
    const: Any = UNSET
    """The value, whatever the OMS has."""


def same_field(field: FieldInfo) -> FieldSource:
    """Return the source of a field that is taken from the same name; its content is left to the contract."""
    return FieldSource(field.name, field.required, (field.name,))


def checked(field: FieldInfo) -> FieldSource:
    """Return the source of a field that is taken from the same name, with all in it; each value is checked."""
    kind, inner = outward_type(field.type)
    if kind not in ("object", "list"):
        return same_field(field)._replace(kind=kind)
    return nested(field, kind, [checked(member) for member in msgspec.structs.fields(inner)])


def nested(field: FieldInfo, kind: str, sources: Sequence[FieldSource]) -> FieldSource:
    """Return the source of an object, or list of objects, of the same name, with members from `sources`."""
    convert = _an_object(sources) if kind == "object" else _a_list(sources)
    return same_field(field)._replace(kind=kind, convert=convert)


def document(source: FieldSource, *, kind: str = "") -> Transform:
    """Return what makes the outward document, which has one member; with a `kind`, the answer must be of it."""
    make = _an_object([source])

    def made(body: bytes) -> tuple[bytes, list[FieldProblem]]:
        state = TransformState(len(body))
        remaining = state.remaining
        try:
            answer = whole(body)
            if kind and memoryview(answer)[0] not in _STARTS[kind]:
                raise ContractError([FieldProblem("", must_be(kind))])
            outward = _encode(make(answer, None, state))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnparsableError from None
        except RecursionError:
            raise ContractError([FieldProblem("", "is nested too deeply")]) from None
        state.set_remaining(None, remaining - len(outward))
        return outward, state.violations

    return made


def _an_object(sources: Sequence[FieldSource]) -> ConvertValue:
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

    def make(raw: Raw, location: Location, state: TransformState) -> dict[str, Any]:
        made = dict(constants)
        for (name, source, is_looked_at, starts, convert), value in zip(plan, read(raw), strict=True):
            if value is None or (is_looked_at and (first := memoryview(value)[0]) == NULL):
                if source.default is not UNSET:
                    made[name] = source.default
                elif source.required:
                    state.add_violation((location, name), "is missing" if value is None else "must not be null")
            elif not is_looked_at:
                made[name] = value
            elif starts and first not in starts:
                state.add_violation((location, name), must_be(source.kind))
            elif convert is None:
                made[name] = value
            elif (converted := convert(value, (location, name), state)) is not UNSET:
                made[name] = converted
        return made

    return make


def _a_list(sources: Sequence[FieldSource]) -> ConvertValue:
    """Return what makes an outward list of the OMS's list of objects."""
    make = _an_object(sources)

    def convert(raw: Raw, location: Location, state: TransformState) -> Raw:
        # Written at once: objects for each of many elements would be many times their size.
        made = bytearray(b"[")
        remaining = state.remaining
        for index, element in enumerate(elements(raw)):
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


def _pointer(location: Location) -> str:
    tokens = []
    while location is not None:
        location, token = location
        tokens.append(f"/{token}")
    return "".join(reversed(tokens))
