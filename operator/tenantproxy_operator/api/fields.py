"""What the custom resource's models are built from: a strict base, and field types that explain themselves.

A constraint is stated once and enforced twice: here, with a message that says the fix, and by the API server,
to which `crd` hands the same constraint as a pattern, a bound or a CEL rule.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tenantproxy.config import MAX_RESPONSE_BYTES
from tenantproxy.config_poslog import MAX_POSLOG_BYTES
from tenantproxy.orders.numbers import MAX_DIGITS, keeps_digits
from tenantproxy_operator.api.quantities import (
    BYTES_PATTERN,
    BYTES_PROBLEM,
    CPU_PATTERN,
    CPU_PROBLEM,
    DURATION_PATTERN,
    DURATION_PROBLEM,
    SIZE_PATTERN,
    SIZE_PROBLEM,
    parse_duration,
    parse_size,
)

T = TypeVar("T")
Schema = dict[str, Any]

EMPTY: Final[Schema] = {"default": {}}
"""Lets the API server fill in the defaults of the fields inside."""

_LONGEST_CONSTANT: Final = 1024


class Model(BaseModel):
    """Strict, immutable, camelCase in manifests; an unknown field is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
    )
    nullable: ClassVar[frozenset[str]] = frozenset()
    """The fields in which null is a value; elsewhere it means absent, as the API server has it."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:  # noqa: ANN401 - whatever a manifest holds
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key in cls.nullable}


def invalid(problem: str) -> PydanticCustomError:
    """Return the error of a validator; `problem` is read after the field's name and says the fix."""
    return PydanticCustomError("invalid", "{problem}", {"problem": problem})


def cel(rule: str, message: str, *, path: str | None = None) -> Schema:
    """Return a CEL rule for the API server; `path` is the field below the model that it blames."""
    validation = {"rule": rule, "message": message}
    return validation | {"fieldPath": path} if path else validation


@dataclass(frozen=True, kw_only=True)
class Text:
    """Constrain a string to a pattern (valid in Python and in Go) and a length."""

    pattern: str
    problem: str
    longest: int
    rules: tuple[Schema, ...] = field(default=(), hash=False)
    """CEL rules for what the pattern can't say; the same must be checked by `further`, or a validator."""
    further: Callable[[str], None] | None = field(default=None, hash=False)
    """Raises what is wrong with a text that has the pattern."""

    def check(self, value: str) -> str:
        """Return `value` if it may be used."""
        if len(value) > self.longest:
            raise invalid(f"has {len(value)} characters; shorten it to at most {self.longest}")
        if not re.fullmatch(self.pattern, value):
            raise invalid(self.problem)
        if self.further:
            self.further(value)
        return value

    def refuse_unquoted(self, value: Any) -> Any:  # noqa: ANN401 - whatever a manifest holds
        """Return `value`, unless it is a number or a word of YAML that quotes alone would not make right."""
        if isinstance(value, int | float) and not re.fullmatch(self.pattern, str(value).lower()):
            raise invalid(self.problem)
        return value

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after pydantic made sure that it is a string."""
        checked = core_schema.no_info_after_validator_function(self.check, handler(source))
        return core_schema.no_info_before_validator_function(self.refuse_unquoted, checked)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Say the same to the API server."""
        schema = handler(core) | {"maxLength": self.longest, "pattern": self.pattern}
        return schema | {"x-kubernetes-validations": list(self.rules)} if self.rules else schema


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise invalid("names something twice; remove one")
    return values


UniqueList = Annotated[list[T], AfterValidator(_unique)]


def _duration(longest: str) -> Text:
    """Return the constraint of a duration from 100ms to `longest`."""

    def bounded(value: str) -> None:
        if not 0.1 <= parse_duration(value) <= parse_duration(longest):  # noqa: PLR2004 - as the message says
            raise invalid(f"is out of bounds; use at least `100ms` and at most `{longest}`")

    rule = cel(
        f"duration(self) >= duration('100ms') && duration(self) <= duration('{longest}')",
        f"is out of bounds; use at least 100ms and at most {longest}",
    )
    return Text(pattern=DURATION_PATTERN, problem=DURATION_PROBLEM, longest=8, rules=(rule,), further=bounded)


def _size(largest: int) -> Text:
    """Return the constraint of a size from 1Ki to `largest` bytes."""
    most = f"{largest // 1024**2}Mi"

    def bounded(value: str) -> None:
        if not 1024 <= parse_size(value) <= largest:  # noqa: PLR2004 - as the message says
            raise invalid(f"is out of bounds; use at least `1Ki` and at most `{most}`")

    rule = cel(
        f"quantity(self).compareTo(quantity('1Ki')) >= 0 && quantity(self).compareTo(quantity('{most}')) <= 0",
        f"is out of bounds; use at least 1Ki and at most {most}",
    )
    return Text(pattern=SIZE_PATTERN, problem=SIZE_PROBLEM, longest=8, rules=(rule,), further=bounded)


Duration = Annotated[str, _duration("5m")]
DeliveryDuration = Annotated[str, _duration("4500ms")]
"""Of the delivery of an event, for which ExternalEvents waits for five seconds."""
Size = Annotated[str, _size(MAX_RESPONSE_BYTES)]
PoslogSize = Annotated[str, _size(MAX_POSLOG_BYTES)]


class _WholeNumbersToo:
    """Take a whole number as its text, as Kubernetes does in its own quantities: `cpu: 1`."""

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Turn it into text before anything else is checked."""
        return core_schema.no_info_before_validator_function(_as_text, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """Say the same to the API server."""
        schema = {key: value for key, value in handler(core).items() if key != "type"}
        return schema | {"x-kubernetes-int-or-string": True}


def _as_text(value: Any) -> Any:  # noqa: ANN401 - whatever a manifest holds
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_AN_AMOUNT: Final = cel(
    "isQuantity(string(self)) && !quantity(string(self)).isLessThan(quantity('0'))",
    "is not an amount; write a number that is not negative, and a unit",
)
Cpu = Annotated[
    str, Text(pattern=CPU_PATTERN, problem=CPU_PROBLEM, longest=16, rules=(_AN_AMOUNT,)), _WholeNumbersToo()
]
Bytes = Annotated[
    str, Text(pattern=BYTES_PATTERN, problem=BYTES_PROBLEM, longest=24, rules=(_AN_AMOUNT,)), _WholeNumbersToo()
]

Verbatim = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""An object of Kubernetes' own, passed on as it is: the API server checks it where it ends up."""


def _constant(value: Any) -> Any:  # noqa: ANN401 - any scalar
    match value:
        case None | bool() | []:
            return value
        case str() if len(value) <= _LONGEST_CONSTANT:
            return value
        case int() | float() if keeps_digits(value):
            return value
    raise invalid(
        "can't be a constant; write a string, a number, true, false or null"
        f" (strings of at most {_LONGEST_CONSTANT} characters, integers of at most 2^53, other"
        f" numbers of at most {MAX_DIGITS} digits), or [] for a list"
    )


Constant = Annotated[
    Any,
    AfterValidator(_constant),
    WithJsonSchema({"nullable": True, "x-kubernetes-preserve-unknown-fields": True}),
]
"""Any scalar, or `[]`: what a mapping rule may supply by itself."""
