"""Which operation a request means: pure decisions on the raw method and request target.

Nothing is normalised: a path is split on `/` and compared literally; only `:` and `%3A` are equivalent.
"""

import re
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from tenantproxy.errors import FieldProblem
from tenantproxy.problems import Problem

Operation = Literal["getOrder", "searchOrders", "putProxyConfig"]

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}")
"""What an id may be. All of it is allowed in a path segment as it is (RFC 3986 `pchar`), `..` is not in it."""

_SEARCH: Final = frozenset(
    {"customer-orders:search", "customer-orders%3Asearch", "customer-orders%3asearch"},
)
_METHODS: Final[dict[Operation, str]] = {
    "getOrder": "GET",
    "searchOrders": "POST",
    "putProxyConfig": "PUT",
}
_ORDER_ID: Final = "customerOrderId"
_TEMPLATE: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|\{(\w+)\})*")


class Match(NamedTuple):
    """The operation, with the path's ids as they were sent: not yet decoded, not yet checked."""

    operation: Operation
    business_unit: str
    order: str


def match(method: str, target: str) -> Match:
    """Return what `method` on the request target means.

    Raises:
        Problem: `malformed-request` for a target that is not in origin form, `method-not-allowed` for an
            unknown path (with an empty `Allow`) and for a known path with another method.

    """
    found = _find(target)
    if found is None:
        if target[:1] not in ("/", "*") and method != "CONNECT":
            raise Problem("malformed-request", "The request target must be a path.")
        raise _method_not_allowed("")
    allowed = _METHODS[found.operation]
    if method != allowed:
        raise _method_not_allowed(allowed)
    return found


def _find(target: str) -> Match | None:
    path, _, _ = target.partition("?")
    match path.split("/"):
        case ["", "api", "v1", "business-units", unit, "customer-orders", order] if unit and order:
            return Match("getOrder", unit, order)
        case ["", "api", "v1", "business-units", unit, search] if unit and search in _SEARCH:
            return Match("searchOrders", unit, "")
        case ["", "api", "v1", "proxy-config"]:
            return Match("putProxyConfig", "", "")
    return None


def _method_not_allowed(allowed: str) -> Problem:
    detail = f"This path takes {allowed} only." if allowed else _NO_SUCH_PATH
    return Problem("method-not-allowed", detail, headers={"Allow": allowed})


_NO_SUCH_PATH: Final = "This path does not exist in proxy mode; orders are changed in the OMS itself."


def decode_id(segment: str, name: str) -> str:
    """Return the id in a raw path segment; `name` is the path parameter's.

    Raises:
        Problem: `invalid-id`: the decoded segment does not match `ID`.

    """
    if ID.fullmatch(segment):
        return segment
    try:
        decoded = unquote_to_bytes(segment).decode("ascii")
    except (UnicodeDecodeError, UnicodeEncodeError):
        decoded = ""
    if ID.fullmatch(decoded):
        return decoded
    detail = "must start with a letter or digit and have at most 128 of: letters, digits, . _ ~ : -"
    raise Problem("invalid-id", f"`{name}` {detail}.", errors=[FieldProblem(f"/path/{name}", detail)])


def check_operation_path(template: str, *, placeholders: frozenset[str]) -> None:
    """Check the path of an OMS's operation, such as `/orders/{customerOrderId}`.

    Raises:
        ValueError: With the problem and the fix: not a path, another placeholder than `placeholders`, or none
            for the order of an operation that reads one.

    """
    names = ", ".join(f"{{{name}}}" for name in sorted(placeholders))
    if not _TEMPLATE.fullmatch(template):
        raise ValueError(f"is not a path; it starts with / and may hold {names}, but no query, % or space")
    if any(segment in (".", "..") for segment in template.split("/")):
        raise ValueError("has a dot segment; write the path out")
    found = re.findall(r"\{(\w+)\}", template)
    if unknown := sorted(set(found) - placeholders):
        raise ValueError(f"has the unknown placeholder {{{unknown[0]}}}; it may hold {names}")
    if _ORDER_ID in placeholders and _ORDER_ID not in found:
        raise ValueError(f"has no {{{_ORDER_ID}}}; every order would be the same one")


def fill(template: str, **ids: str) -> str:
    """Return an operation's path with its placeholders replaced by checked ids."""
    return template.format_map(ids)  # check_operation_path() lets no other braces pass
