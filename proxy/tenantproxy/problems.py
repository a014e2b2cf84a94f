"""The table of errors: code, status, title, who has to act, which metric; and their JSON body (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from tenantproxy.errors import FieldProblem

CONTENT_TYPE: Final = "application/problem+json"


Party = Literal[
    "OMS developers", "TenantProxy's developers", "caller", "platform team", "tenant admin", "who fills the Secret"
]
"""Who has to do something about a problem."""


class ProblemType(NamedTuple):
    """What a code means: its HTTP status, a title for people, who has to act, and which metric counts it."""

    status: int
    title: str
    turn: tuple[Party, ...]
    counted_as: Literal["rejected", "upstream", "event"] | None = "rejected"
    """`rejected`: a request that never reached the OMS; `upstream`: a failed call of the OMS; `event`: what only
    events have, in a relay; None: no failure."""


_NOBODY: Final[tuple[Party, ...]] = ()
_CALLER: Final[tuple[Party, ...]] = ("caller",)
_ADMIN: Final[tuple[Party, ...]] = ("tenant admin",)
_PLATFORM: Final[tuple[Party, ...]] = ("platform team",)
_SECRET: Final[tuple[Party, ...]] = ("who fills the Secret",)
_OMS: Final[tuple[Party, ...]] = ("OMS developers",)
_OURS: Final[tuple[Party, ...]] = ("TenantProxy's developers",)

PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = {
    # What the caller sent.
    "malformed-request": ProblemType(400, "The request is not valid HTTP/1.1", _CALLER),
    "malformed-json": ProblemType(400, "The body is not valid JSON", _CALLER),
    "invalid-id": ProblemType(400, "An id in the path has characters that ids can't have", _CALLER),
    "invalid-request": ProblemType(400, "The body or the query has invalid fields", _CALLER),
    "search-rejected": ProblemType(400, "The order management system refused the search", _CALLER, None),
    "unauthenticated": ProblemType(401, "A valid access token is required", _CALLER),
    "wrong-tenant": ProblemType(403, "The request is for another tenant", _CALLER),
    "origin-not-allowed": ProblemType(403, "Web pages of this origin may not call", _PLATFORM),
    "admin-required": ProblemType(403, "Only an admin of the tenant may do this", _CALLER + _PLATFORM),
    "order-not-found": ProblemType(404, "The order does not exist", _NOBODY, None),
    "method-not-allowed": ProblemType(405, "This method is not served at this path", _CALLER),
    "request-timeout": ProblemType(408, "The request took too long to arrive", _CALLER),
    "managed-by-platform": ProblemType(409, "The credential is managed by the platform team", _PLATFORM),
    "payload-too-large": ProblemType(413, "The body is too large", _CALLER),
    "target-too-long": ProblemType(414, "The request target is too long", _CALLER),
    "unsupported-media-type": ProblemType(415, "The body must be application/json", _CALLER),
    "credential-rejected": ProblemType(
        422, "The credential does not work; nothing was changed", _ADMIN + _OMS + _PLATFORM
    ),
    "too-many-validations": ProblemType(429, "Too many credentials were tried within a minute", _ADMIN),
    "headers-too-large": ProblemType(431, "A header is too large, or there are too many", _CALLER),
    # What is wrong with an event that a relay is sent.
    "malformed-event": ProblemType(400, "The event is not as ExternalEvents sends them", _CALLER, "event"),
    "event-unauthorized": ProblemType(
        401, "The event does not show that ExternalEvents sends it", _ADMIN + _SECRET, "event"
    ),
    "not-found": ProblemType(404, "Nothing is served at this path", _ADMIN, "event"),
    "event-too-large": ProblemType(413, "The event is larger than a relay takes", _PLATFORM, "event"),
    "unsupported-event-type": ProblemType(422, "A relay takes no events of this type", _ADMIN, "event"),
    # What went wrong in the proxy, or a relay, or behind it.
    "internal-error": ProblemType(500, "The proxy failed", _OURS),
    "search-not-supported": ProblemType(501, "The order management system has no search", _CALLER),
    "event-refused": ProblemType(502, "The order management system refused the event", _OMS, "event"),
    "forward-proxy-error": ProblemType(502, "The forward proxy makes no connection", _PLATFORM, "upstream"),
    "upstream-contract": ProblemType(
        502, "The order management system's answer breaks the contract", _OMS, "upstream"
    ),
    "upstream-error": ProblemType(502, "The order management system failed", _OMS, "upstream"),
    "upstream-forbidden": ProblemType(502, "The order management system refused access", _OMS, "upstream"),
    "upstream-rejected-credentials": ProblemType(
        502, "The order management system rejected the credential", _ADMIN, "upstream"
    ),
    "upstream-unreachable": ProblemType(
        502, "The order management system can't be reached", _OMS + _PLATFORM, "upstream"
    ),
    "circuit-open": ProblemType(503, "The order management system is failing; requests are paused", _OMS),
    "credentials-invalid": ProblemType(503, "The configured credential can't be used", _SECRET),
    "credentials-not-configured": ProblemType(503, "No credential is configured yet", _ADMIN),
    "issuer-unavailable": ProblemType(503, "The access token can't be verified now", _PLATFORM),
    "overloaded": ProblemType(503, "Too many requests are in flight", _CALLER + _OMS),
    "poslog-secret-missing": ProblemType(
        503, "A key that a relay needs is missing in the Secret, or can't be used", _SECRET, "event"
    ),
    "poslog-stopped": ProblemType(503, "The order management system wants no more events", _OMS, "event"),
    "store-unavailable": ProblemType(
        503, "The credential can't be stored or read now; nothing was changed", _PLATFORM
    ),
    "token-unavailable": ProblemType(
        503, "No access token for the order management system is available now", _OMS, "upstream"
    ),
    "upstream-rate-limited": ProblemType(
        503, "The order management system asks for fewer requests", _CALLER + _OMS, "upstream"
    ),
    "validation-inconclusive": ProblemType(
        503, "Whether the credential works can't be told now; nothing was changed", _OMS + _PLATFORM
    ),
    "upstream-timeout": ProblemType(504, "The order management system took too long", _OMS, "upstream"),
}

EVENT_CODES: Final = frozenset(code for code, kind in PROBLEM_TYPES.items() if kind.counted_as == "event")
"""What only a relay answers."""


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer other than success.

    Carries the `code` (a key of `PROBLEM_TYPES`), a `detail` for this occurrence, field errors, extra response
    headers, and a `reason`: the finer cause that metrics count, never shown to the caller.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.reason = reason or code

    @property
    def type(self) -> ProblemType:
        """The code's row of the table."""
        return PROBLEM_TYPES[self.code]

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.type.status

    def body(self, correlation_id: str) -> bytes:
        """Return the answer's body, `application/problem+json`."""
        document = {
            "type": "about:blank",
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            "code": self.code,
            "correlationId": correlation_id,
        }
        if self.errors:
            document["errors"] = [{"pointer": error.field, "detail": error.detail} for error in self.errors]
        return msgspec.json.encode(document)


def retry_after(seconds: float) -> dict[str, str]:
    """Return a `Retry-After` header of whole seconds, at least one."""
    return {"Retry-After": str(max(1, -int(-seconds // 1)))}
