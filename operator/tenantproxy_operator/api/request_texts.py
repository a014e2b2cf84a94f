"""The texts of which requests to the OMS are made, as far as a pattern shows what they may be.

What a template may hold, and whether a pattern can be used, the compiler of requests checks.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, WithJsonSchema

from tenantproxy.oms.requests.fixed_headers import MAX_VALUE, OURS, OURS_BEGIN
from tenantproxy.operations import ORDER_ID
from tenantproxy.patterns import MAX_LENGTH
from tenantproxy_operator.api.fields import Schema, Text, cel

OperationPath = Annotated[
    str,
    Text(
        pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@/{|}-]*$",
        problem="is not a path; it starts with / and has no query, % or space",
        longest=512,
    ),
]
TextTemplate = Annotated[
    str,
    Text(
        pattern=r"^[^\x00-\x1f\x7f]*$",
        problem="has a control character, such as a line break; remove it",
        longest=2048,
    ),
]
HeaderValue = Annotated[
    str,
    Text(
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        problem="must be visible ASCII, with spaces only in between",
        longest=MAX_VALUE,
    ),
]
ValuePattern = Annotated[
    str,
    Text(
        pattern=r"^[^\x00-\x1f\x7f]+$",
        problem="is empty or has a control character; write a regular expression",
        longest=MAX_LENGTH,
    ),
]
IdForm = Annotated[
    str,
    Text(
        pattern=rf"^[!-$&-z|~]*[{{]{ORDER_ID}([|](lower|upper))?[}}][!-$&-z|~]*$",
        problem=f"is no form of an id; write {{{ORDER_ID}}}, {{{ORDER_ID}|upper}} or {{{ORDER_ID}|lower}} once, "
        "with printable ASCII but for space, % and braces around it",
        longest=128,
    ),
]


def name_rule(field: str, pattern: str, problem: str) -> Schema:
    """Return a rule for the keys of the map in a field."""
    return cel(
        f"!has(self.{field}) || self.{field}.all(name, name.matches(r'{pattern}'))", problem, path=f".{field}"
    )


_HEADER: Final = "^[A-Za-z0-9!#$%&*+.^_`|~-]{1,64}$"
_OURS: Final = "|".join((*sorted(OURS), *(f"{start}.*" for start in OURS_BEGIN)))
HEADER_RULES: Final = (
    name_rule("headers", _HEADER, "has a name that no header can have"),
    cel(
        f"!has(self.headers) || !self.headers.exists(name, name.matches(r'(?i)^({_OURS})$'))",
        "has a header that the proxy sets itself; remove it",
        path=".headers",
    ),
)
"""Of a model with `headers`."""


CRITERION_NAME: Final = "[A-Za-z][A-Za-z0-9_]{0,63}"
CriterionName = Annotated[
    str,
    Text(
        pattern=f"^{CRITERION_NAME}$",
        problem="is not the name of a criterion; it has a letter, then letters, digits or _",
        longest=64,
    ),
]


def _off_is_text(value: Any) -> Any:  # noqa: ANN401 - whatever a manifest holds
    return "off" if value is False else value


IdMatch = Annotated[
    Literal["exact", "ignoreCase", "off"],
    BeforeValidator(_off_is_text),
    WithJsonSchema({"enum": ["exact", "ignoreCase", "off", False], "x-kubernetes-preserve-unknown-fields": True}),
]
"""Of no type, as `off` without quotes is false in YAML 1.1, which kubectl reads."""
