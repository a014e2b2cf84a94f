"""Which route a request means: pure decisions on the raw method and request target.

Nothing is normalised: the path is compared literally; only `:` and `%3A` are equivalent.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.ids import ID, PLAIN_IDS, IdRule
from tenantproxy.oms.requests.plan import RequestPlan
from tenantproxy.operations import API_PREFIX, OPERATIONS, ORDER_ID, Operation
from tenantproxy.problems import Problem


class Route(NamedTuple):
    """What is served at a path: an operation, or with None the setting of the credential."""

    name: str
    """In metrics and logs."""
    method: str
    path: re.Pattern[str]
    """It has a group for each id."""
    plain: re.Pattern[str]
    """The same for ids that are nothing but plain ones."""
    operation: Operation | None
    template: str
    """The path with placeholders, in spans."""


class Match(NamedTuple):
    """A request's route, with the path's ids as they were sent: not yet decoded, not yet checked."""

    route: Route
    ids: tuple[str, ...]
    are_plain: bool
    """Whether they are checked already: they are plain ids, which need no decoding."""


def _route(name: str, method: str, path: str, operation: Operation | None = None) -> Route:
    literals = re.split(r"\{\w+\}", f"{API_PREFIX}{path}")
    escaped = [re.escape(literal).replace(":", "(?::|%3A|%3a)") for literal in literals]
    any_path, plain = (re.compile(f"({form})".join(escaped)) for form in ("[^/]+", ID.pattern))
    return Route(name, method, any_path, plain, operation, f"{API_PREFIX}{path}")


PUT_PROXY_CONFIG: Final = _route("putProxyConfig", "PUT", "/proxy-config")
ROUTES: Final = (
    *(_route(operation.name, operation.method, operation.path, operation) for operation in OPERATIONS),
    PUT_PROXY_CONFIG,
)


def match(method: str, target: str) -> Match:
    """Return what `method` on the request target means.

    Raises:
        Problem: `malformed-request` for a target that is not in origin form, `method-not-allowed` for an
            unknown path (with an empty `Allow`) and for a known path with another method.

    """
    path, _, _ = target.partition("?")
    for route in ROUTES:
        if found := (plain := route.plain.fullmatch(path)) or route.path.fullmatch(path):
            if method != route.method:
                raise _method_not_allowed(route.method)
            return Match(route, found.groups(), plain is not None)
    if target[:1] not in ("/", "*") and method != "CONNECT":
        raise Problem("malformed-request", "The request target must be a path.")
    raise _method_not_allowed("")


def template_of(method: str, target: str) -> str | None:
    """Return the path with placeholders of what is served there, for spans; None: nothing is."""
    try:
        return match(method, target).route.template
    except Problem:
        return None


def _method_not_allowed(allowed: str) -> Problem:
    detail = f"This path accepts {allowed} only." if allowed else _NO_SUCH_PATH
    return Problem("method-not-allowed", detail, headers={"Allow": allowed})


_NO_SUCH_PATH: Final = "This path does not exist in proxy mode; orders are changed in the OMS itself."


def checked_ids(
    operation: Operation, segments: tuple[str, ...], plan: RequestPlan, *, are_plain: bool = False
) -> dict[str, str]:
    """Return the decoded ids in a path's raw segments, by their placeholders; see `Match.are_plain`.

    Raises:
        Problem: `invalid-id`.

    """
    names = operation.placeholders
    if are_plain and plan.order_ids is PLAIN_IDS:  # nearly always
        return dict(zip(names, segments, strict=True))
    return {
        name: decode_id(segment, name, plan.order_ids if name == ORDER_ID else PLAIN_IDS)
        for name, segment in zip(names, segments, strict=True)
    }


def decode_id(segment: str, name: str, allowed: IdRule = PLAIN_IDS) -> str:
    """Return the id in a raw path segment; `name` is the path parameter's.

    Raises:
        Problem: `invalid-id`: the segment, decoded once, is not what is `allowed`.

    """
    try:
        decoded = unquote_to_bytes(segment).decode("ascii")
    except (UnicodeDecodeError, UnicodeEncodeError):
        decoded = ""
    if allowed.holds(decoded):
        return decoded
    detail = allowed.detail
    raise Problem("invalid-id", f"`{name}` {detail}.", errors=[FieldProblem(f"/path/{name}", detail)])
