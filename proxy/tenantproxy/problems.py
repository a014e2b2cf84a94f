"""The one table of errors: code, status, title; and their form on the wire (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

CONTENT_TYPE: Final = "application/problem+json"


class Kind(NamedTuple):
    """What a code means: its HTTP status and a title that a person can read."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    # What the caller sent.
    "malformed-request": Kind(400, "The request is not valid HTTP/1.1"),
    "malformed-json": Kind(400, "The body is not valid JSON"),
    "invalid-id": Kind(400, "An id in the path has characters that ids can't have"),
    "invalid-request": Kind(400, "The body has invalid fields"),
    "search-rejected": Kind(400, "The order management system refused the search"),
    "unauthenticated": Kind(401, "A valid access token is needed"),
    "wrong-tenant": Kind(403, "The request is for another tenant"),
    "admin-required": Kind(403, "Only an admin of the tenant may do this"),
    "order-not-found": Kind(404, "The order does not exist"),
    "method-not-allowed": Kind(405, "In proxy mode only orders can be read"),
    "request-timeout": Kind(408, "The request took too long to arrive"),
    "managed-by-platform": Kind(409, "The credential is managed by the platform team"),
    "payload-too-large": Kind(413, "The body is too large"),
    "target-too-long": Kind(414, "The request target is too long"),
    "unsupported-media-type": Kind(415, "The body must be application/json"),
    "credential-rejected": Kind(422, "The credential does not work; nothing was changed"),
    "too-many-validations": Kind(429, "Too many credentials were tried within a minute"),
    "headers-too-large": Kind(431, "A header is too large, or there are too many"),
    # What went wrong in the proxy or behind it.
    "internal-error": Kind(500, "The proxy failed"),
    "upstream-contract": Kind(502, "The order management system's answer breaks the contract"),
    "upstream-error": Kind(502, "The order management system failed"),
    "upstream-forbidden": Kind(502, "The order management system refused access"),
    "upstream-rejected-credentials": Kind(502, "The order management system rejected the credential"),
    "upstream-unreachable": Kind(502, "The order management system can't be reached"),
    "circuit-open": Kind(503, "The order management system is failing; it is given a pause"),
    "credentials-invalid": Kind(503, "The configured credential can't be used"),
    "credentials-not-configured": Kind(503, "No credential is configured yet"),
    "issuer-unavailable": Kind(503, "The access token can not be checked now"),
    "overloaded": Kind(503, "Too many requests are in flight"),
    "store-unavailable": Kind(503, "The credential can't be stored now; nothing was changed"),
    "token-unavailable": Kind(503, "No access token for the order management system can be had now"),
    "upstream-rate-limited": Kind(503, "The order management system asks for fewer requests"),
    "upstream-timeout": Kind(504, "The order management system took too long"),
}


class Detail(NamedTuple):
    """One field that is wrong: an RFC 6901 pointer to it, and what is wrong. Never its value."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer other than success.

    Carries the `code` (a key of `KINDS`), a `detail` for this occurrence, field errors, extra response
    headers, and a `reason`: the finer cause that metrics count, never shown to the caller.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Detail] = (),
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
    def status(self) -> int:
        """The HTTP status of the answer."""
        return KINDS[self.code].status

    def body(self, correlation_id: str) -> bytes:
        """Return the answer's body, `application/problem+json`."""
        kind = KINDS[self.code]
        document = {
            "type": "about:blank",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "code": self.code,
            "correlationId": correlation_id,
        }
        if self.errors:
            document["errors"] = [error._asdict() for error in self.errors]
        return msgspec.json.encode(document)


def retry_after(seconds: float) -> dict[str, str]:
    """Return a `Retry-After` header of whole seconds, at least one."""
    return {"Retry-After": str(max(1, -int(-seconds // 1)))}
