"""Parse access tokens and check their claims, without I/O and without cryptography.

Both kinds of Hii Retail tokens are known: machine clients (OCMS), whose tenant is inside `client_id`, and users
(Google Identity Platform), whose tenant is a claim.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tenantproxy.config import Admins, Issuer
from tenantproxy.problems import Problem

ALGORITHMS: Final = ("RS256", "ES256")
CLOCK_SKEW: Final = 30
"""Seconds."""
MAX_TOKEN_CHARS: Final = 8 * 1024
_TENANT_CLAIM: Final = "https://extendaretail.com/tenant"
_GROUPS_CLAIM: Final = "https://extendaretail.com/groups"
_TYPES: Final = frozenset({"jwt", "at+jwt"})
_KEY_HEADERS: Final = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})
"""Header parameters by which a token brings its own key, or asks for processing that we don't do."""
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")


class InvalidTokenError(Exception):
    """A token is not accepted; the message is for the caller and quotes nothing of the token."""


class Unverified(NamedTuple):
    """The content of a token whose signature has not been verified."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "Unverified(***)"


class Caller(NamedTuple):
    """A caller, as a verified token describes its bearer. `expires_at` is Unix time.

    `key` tells callers apart: the subjects of one issuer are its own.
    """

    tenant: str
    expires_at: float
    subject: str
    is_user: bool
    email: str | None
    groups: frozenset[str]
    roles: frozenset[str]
    key: str


def bearer_token(authorization: str | None) -> str:
    """Return the token of an `Authorization: Bearer` header (RFC 6750 section 2.1).

    Raises:
        Problem: There is none.

    """
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(
            "unauthenticated",
            "Send an access token as `Authorization: Bearer`.",
            headers={"WWW-Authenticate": 'Bearer realm="customer-orders"'},
            reason="no-token",
        )
    return token


def invalid_token(error: InvalidTokenError) -> Problem:
    """Return the problem of a token that is not accepted (RFC 6750 section 3)."""
    challenge = f'Bearer realm="customer-orders", error="invalid_token", error_description="{error}"'
    return Problem(
        "unauthenticated",
        f"The access token {error}.",
        headers={"WWW-Authenticate": challenge},
        reason="invalid-token",
    )


def parse_token(token: str) -> Unverified:
    """Parse a JWT in compact form (RFC 7515) strictly.

    Raises:
        InvalidTokenError: It is malformed, has no key or claims that it must not bring, or an algorithm
            other than `ALGORITHMS`.

    """
    if len(token) > MAX_TOKEN_CHARS:
        raise InvalidTokenError("is too long")
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        raise InvalidTokenError("is not a JWT")
    header, claims = (_json(_decoded(part)) for part in parts[:2])
    if header.get("alg") not in ALGORITHMS:
        raise InvalidTokenError("is not signed by RS256 or ES256")
    if _KEY_HEADERS & header.keys():
        raise InvalidTokenError("has a header parameter that is not accepted")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise InvalidTokenError("is of another type")
    key_id = header.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise InvalidTokenError("has a malformed kid")
    return Unverified(header["alg"], key_id, claims, ".".join(parts[:2]).encode(), _decoded(parts[2]))


def issuer_of(token: Unverified, issuers: tuple[Issuer, ...]) -> Issuer:
    """Return the issuer that the token claims to be from.

    Raises:
        InvalidTokenError: It is not one of ours.

    """
    for issuer in issuers:
        if token.claims.get("iss") == issuer.issuer:
            return issuer
    raise InvalidTokenError("is from an unknown issuer")


def valid_until(claims: Mapping[str, Any], issuer: Issuer, now: float) -> float:
    """Return until when a token with these claims is valid for one of an issuer's audiences, in Unix time.

    Raises:
        InvalidTokenError: It has expired, is not yet valid, or is for another audience.

    """
    expires_at = _time(claims, "exp")
    if expires_at is None:
        raise InvalidTokenError("has no exp")
    if now >= expires_at + CLOCK_SKEW:
        raise InvalidTokenError("has expired")
    for claim in ("nbf", "iat"):
        starts_at = _time(claims, claim)
        if starts_at is not None and now < starts_at - CLOCK_SKEW:
            raise InvalidTokenError("is not yet valid")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not any(aud in issuer.audiences for aud in _strings(audiences)):
        raise InvalidTokenError("is for another audience")
    return expires_at + CLOCK_SKEW


def verified_caller(claims: Mapping[str, Any], issuer: Issuer, now: float) -> Caller:
    """Return the caller, from the claims of a token with a valid signature; `now` is Unix time.

    Raises:
        InvalidTokenError: It has expired, is not yet valid, is for another audience, or names no tenant.

    """
    expires_at = valid_until(claims, issuer, now)
    is_user = issuer.kind == "user"
    tenant = claims.get(_TENANT_CLAIM) if is_user else _tenant_of_client(claims)
    if not isinstance(tenant, str) or not tenant:
        raise InvalidTokenError("names no tenant")
    subject = claims.get("sub", "")
    if not isinstance(subject, str):
        raise InvalidTokenError("has a malformed sub")
    email = claims.get("email")
    federated = claims.get("federated")
    return Caller(
        tenant=tenant,
        expires_at=expires_at,
        subject=subject,
        is_user=is_user,
        email=email if isinstance(email, str) and _is_email_verified(claims, issuer) else None,
        groups=_strings(claims.get(_GROUPS_CLAIM)),
        roles=_strings(federated.get("roles")) if isinstance(federated, dict) else frozenset(),
        key=f"{issuer.issuer} {subject}",
    )


def check_tenant(caller: Caller, tenant: str) -> None:
    """Check that a token is for this proxy's tenant.

    Raises:
        Problem: It is for another one.

    """
    if caller.tenant != tenant:
        raise Problem("wrong-tenant", "The access token is for another tenant.")


def check_admin(caller: Caller, admins: Admins) -> None:
    """Check that a caller is a user who may set the credential.

    Raises:
        Problem: It is not.

    """
    emails = {_folded(email) for email in admins.emails}
    if caller.is_user and (
        (caller.email is not None and _folded(caller.email) in emails)
        or caller.groups & set(admins.groups)
        or caller.roles & set(admins.roles)
    ):
        return
    raise Problem("admin-required", "The access token is not one of a user in `access.admins`.")


def _is_email_verified(claims: Mapping[str, Any], issuer: Issuer) -> bool:
    if "email_verified" not in claims:
        return issuer.assume_email_verified
    verified = claims["email_verified"]
    return verified is True or verified == "true"  # some issuers write booleans as text


def _folded(email: str) -> str:
    """Return an email for comparison; by Unicode's rules other letters than A to Z become a to z, too."""
    return email.lower() if email.isascii() else email


def _tenant_of_client(claims: Mapping[str, Any]) -> str | None:
    """Return the tenant inside an OCMS client id: base64url of lines `key: value`, of which `tid` names it."""
    client_id = claims.get("client_id", claims.get("sub"))
    if not isinstance(client_id, str):
        return None
    try:
        lines = _decoded(client_id.rstrip("=")).decode().splitlines()
    except (InvalidTokenError, UnicodeDecodeError):
        return None
    tenants = [value.strip() for key, _, value in (line.partition(":") for line in lines) if key.strip() == "tid"]
    return tenants[0] if len(tenants) == 1 else None


def _decoded(part: str) -> bytes:
    """Return what canonical base64url without padding stands for (RFC 7515 section 2)."""
    if not _BASE64URL.fullmatch(part):
        raise InvalidTokenError("is malformed")
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidTokenError("is malformed") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise InvalidTokenError("is malformed")
    return decoded


def _json(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise InvalidTokenError("is malformed") from None
    if not isinstance(document, dict):
        raise InvalidTokenError("is malformed")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidTokenError("has a duplicate name")
    return members


def _time(claims: Mapping[str, Any], claim: str) -> float | None:
    value = claims.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:  # noqa: PLR2004
        raise InvalidTokenError(f"has a malformed {claim}")
    return float(value)


def _strings(value: Any) -> frozenset[str]:  # noqa: ANN401 - a claim of any shape
    return (
        frozenset(element for element in value if isinstance(element, str))
        if isinstance(value, list)
        else frozenset()
    )
