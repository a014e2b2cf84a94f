"""What a pass over an OMS's answer has: where each outward field comes from, and the violations found so far.

A shape is a struct of `contract`. Where each of its fields comes from is compiled once (`FieldSource`): by the
mapping's rules (`rules`), or from the field of the same name. `documents` makes the passes. Work and memory are
bounded by the answer's size. A pass ends at the hundredth violation.
"""

import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import FieldInfo

from tenantproxy.errors import FieldProblem
from tenantproxy.orders.expression import Expression
from tenantproxy.orders.json_members import LIST, OBJECT, Values

MAX_VIOLATIONS: Final = 100
"""Of one answer; an OMS with a wrong list would otherwise cause thousands."""
_MAX_GROWTH: Final = 4
"""Times an answer's size that its outward document may have, since names get longer and rules add values."""
_MIN_ALLOWED_BYTES: Final = 64 * 1024
_TOO_LARGE: Final = f"is more than {_MAX_GROWTH} times the OMS's response, because of what the mapping adds"

Location = tuple[Any, str | int] | None
"""A place in the outward document: the location around it, and a name or an index; None is the document itself."""


Criteria = Mapping[str, str]
"""The values of a search's criteria, by their names."""
NO_CRITERIA: Final[Criteria] = types.MappingProxyType({})


class ContractError(Exception):
    """An answer breaks the contract; `violations` point at where, without any value."""

    def __init__(self, violations: list[FieldProblem]) -> None:
        super().__init__(f"{len(violations)} contract violations")
        self.violations = violations


class UnparsableError(Exception):
    """An answer is not JSON."""


class TransformState:
    """One pass over an answer: the violations found so far, and how many bytes may still be made."""

    def __init__(self, size: int, criteria: Criteria) -> None:
        self.criteria = criteria
        """What was searched for."""
        self.violations: list[FieldProblem] = []
        self.remaining = allowed_bytes(size)
        self.answer = Raw(b"null")
        """The whole of it, for rules that don't begin at the object that they are for."""
        self.found: dict[object, Any] = {}
        """What such rules have found in it, by whatever they are."""
        self.readable = self.remaining
        """How many bytes they may still read of what they have found."""

    def add_violation(self, location: Location, detail: str, /) -> None:
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
            raise self.ended(location, _TOO_LARGE)

    def ended(self, location: Location, detail: str, /) -> ContractError:
        """Return the error that ends the pass, with a last violation."""
        return ContractError([*self.violations, FieldProblem(_pointer(location), detail)])


def allowed_bytes(size: int) -> int:
    """Return how many bytes may be made of an answer of a size."""
    return size * _MAX_GROWTH + _MIN_ALLOWED_BYTES


ConvertValue = Callable[[Raw, Location, TransformState], Any]
"""Make the outward value of the OMS's; UNSET where there is none to be made."""
Combine = Callable[[Values, Location, TransformState], Any]
"""Make the outward value of what is at several pointers; UNSET where there is none to be made."""
ReadPicked = Callable[[Raw, Location, TransformState], Values]
"""Read what is at pointers into an element that belongs to the OMS's object."""
Picker = Callable[[Sequence[Sequence[str]]], ReadPicked]
"""Return what reads these pointers; one picker is one choice of an element."""
Transform = Callable[[bytes, Criteria], tuple[bytes, list[FieldProblem]]]
"""Make the outward document of an OMS's answer to criteria, and list its violations.

Raises ContractError, UnparsableError.
"""


class NotDirectError(Exception):
    """Rules, or an answer, need another way than that of `direct`."""


class ConvertDecoded(NamedTuple):
    """Converts a value that is decoded already."""

    expected: Any
    """The type that it must have."""
    code: Callable[[Expression, str], str]
    """Return the code that makes the outward value of what other code gets; its run raises NotDirectError."""


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
    criterion: str | None = None
    """The name of what was searched for, which is the value, whatever the OMS has."""
    combine: Combine | None = None
    """Makes the value of what is at `tokens` and `others`, and does all that has to do with it."""
    others: Sequence[Sequence[str]] = ()
    """Further pointers, for `combine`."""
    picker: Picker | None = None
    """None: the pointers begin at the OMS's object."""
    members: Sequence["FieldSource"] | None = None
    """Where the members of an object or of a list's elements come from, if it is simply at `tokens`."""
    words: Mapping[Any, Any] | None = None
    """What texts become, if nothing else has to be done; if there are `others`, one after the other."""
    convert_decoded: ConvertDecoded | None = None
    """Does what `convert` does, if that is simple."""

    def stand_in(self, value: Raw | None, location: Location, state: TransformState) -> Any:  # noqa: ANN401
        """Return what stands in for nothing, or null; UNSET: nothing does, which a required field doesn't bear.

        Raises:
            ContractError: See `add_violation`.

        """
        if self.default is UNSET and self.required:
            state.add_violation(location, "is missing" if value is None else "must not be null")
        return self.default


def same_field(field: FieldInfo) -> FieldSource:
    """Return the source of a field that is taken from the same name; its content is left to the contract."""
    return FieldSource(field.name, field.required, (field.name,))


@functools.cache
def fields_of(shape: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """Return the fields of a shape, which msgspec would read from its annotations anew each time."""
    return msgspec.structs.fields(shape)


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
STARTS: Final = {
    "": b"",
    "string": b'"',
    "boolean": b"tf",
    "number": b"-0123456789",
    "list": bytes([LIST]),
    "object": bytes([OBJECT]),
}
"""The bytes that a value of a kind may begin with; none: any."""
_SINGLE_VALUES: Final = {str: "string", bool: "boolean", Raw: "number"}


def _pointer(location: Location) -> str:
    tokens = []
    while location is not None:
        location, token = location
        tokens.append(f"/{token}")
    return "".join(reversed(tokens))
