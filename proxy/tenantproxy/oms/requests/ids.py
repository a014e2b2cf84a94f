"""Ids of the caller: what they may be, and in which forms an order is looked up."""

import re
import string
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tenantproxy.oms.requests.quotes import TemplateError
from tenantproxy.oms.requests.templates import is_one_segment, split
from tenantproxy.operations import ORDER_ID
from tenantproxy.patterns import Pattern

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}")
"""What an id may be. All of it is allowed in a path segment as it is (RFC 3986 `pchar`), `..` is not in it."""
MAX_FORMS: Final = 4
"""Calls of the OMS for one order."""

NO_ID: Final = "0"
"""An id that no order and no business unit is likely to have, also where ids are numbers."""

_EXAMPLE: Final = string.digits + string.ascii_letters + string.punctuation.replace("%", "")
_WIDER_ID: Final = re.compile(r"[!-$&-~](?:[ -$&-~]{0,126}[!-$&-~])?")
"""What an id may be at most where the platform team says it: printable ASCII but for %, no space at its ends."""
_FORM_TEXT: Final = re.compile(r"[!-$&-~]*")
_CASES: Final[Mapping[str, Callable[[str], str]]] = {"": str, "lower": str.lower, "upper": str.upper}

Form = Callable[[str], str]


class IdRule(NamedTuple):
    """What an id may be."""

    holds: Callable[[str], bool]
    detail: str
    """The same for people, to be read after the id's name."""
    example: str | None
    """One that is as short as can be, `NO_ID` if that may be; None: none is known."""


PLAIN_IDS: Final = IdRule(
    lambda text: ID.fullmatch(text) is not None,
    "must start with a letter or digit and have at most 128 of: letters, digits, . _ ~ : -",
    NO_ID,
)


def wider_ids(pattern: str) -> IdRule:
    """Return the rule for the ids of orders where the platform team says what they are.

    Raises:
        PatternError: The pattern can't be used.

    """
    compiled = Pattern(pattern)

    def holds(text: str) -> bool:
        return _WIDER_ID.fullmatch(text) is not None and is_one_segment(text) and compiled.matches(text)

    example = compiled.example(_EXAMPLE)
    return IdRule(
        holds,
        f"must match {pattern}, and have at most 128 characters of printable ASCII, no %, and no empty part, `.` "
        "or `..` between the signs / \\ ;",
        example if example is not None and holds(example) else None,
    )


def compile_form(text: str) -> Form:
    """Return what makes a form of an id, such as `000{customerOrderId}` or `{customerOrderId|upper}`.

    Raises:
        TemplateError: It can't be used.

    """
    pieces = split(text, frozenset({ORDER_ID}))
    if len(pieces) != 4:  # noqa: PLR2004 - what is before, the name, its case, what is after
        raise TemplateError(f"must hold {{{ORDER_ID}}} once")
    before, _, case, after = pieces
    if case not in _CASES:
        raise TemplateError(f"has the unknown |{case}; write {{{ORDER_ID}|lower}} or {{{ORDER_ID}|upper}}")
    if not (_FORM_TEXT.fullmatch(before) and _FORM_TEXT.fullmatch(after)):
        raise TemplateError("may have only printable ASCII but for space and % around the placeholder")
    if not is_one_segment(f"{before}1{after}"):
        raise TemplateError(
            "has an empty part, `.` or `..` between the signs / \\ ;, which could leave its segment"
        )
    change = _CASES[case]
    return lambda order_id: f"{before}{change(order_id)}{after}"
