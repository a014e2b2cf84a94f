"""How a receiver knows ExternalEvents: by Basic or a token of Google's, and by a signature with a shared key."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from joserfc import jwt
from joserfc.jwk import RSAKey

from tenantproxy.poslog.sending.events import Event

SECRETS: Final = ("POSLOG_USERNAME", "POSLOG_PASSWORD", "POSLOG_SHARED_KEY")
"""Variables of the environment."""
CREDENTIALS: Final = f"${SECRETS[0]} and ${SECRETS[1]}"
"""Where a user and password belong that somebody writes into a webhook's URL."""
SIGNATURE_HEADER: Final = "X-Hii-Signature"
Signed = Literal["data", "body"]
"""What is signed: the text in `data`, as Hii Retail's sample code reads it, or the body, as its page."""

_ISSUER: Final = "https://accounts.google.com"
_EMAIL: Final = "exe-emit-api@example.iam.gserviceaccount.com"
_LIFETIME: Final = 3600
"""Seconds."""


class Secrets(NamedTuple):
    """What the environment has for a webhook; what is empty is not used."""

    username: str
    password: str
    shared_key: str


def secrets_of(environ: Mapping[str, str]) -> Secrets:
    """Return the secrets in `POSLOG_USERNAME`, `POSLOG_PASSWORD` and `POSLOG_SHARED_KEY`.

    Raises:
        ValueError: One can't be sent; the message names the variable, the problem and the fix.

    """
    found = Secrets(*(environ.get(name, "") for name in SECRETS))
    for name, text in zip(SECRETS, found, strict=True):
        if not all(char.isprintable() for char in text):
            raise ValueError(f"${name} has a character that can't be sent; set it to printable text")
    if ":" in found.username:
        raise ValueError(f"${SECRETS[0]} has a colon, which ends a user name (RFC 7617); leave it out")
    return found


Authorize = Callable[[], Mapping[str, str]]
"""Returns the headers of one delivery."""


def basic(username: str, password: str) -> Authorize:
    """Return the way of a webhook with user and password (RFC 7617)."""
    value = f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
    return lambda: {"Authorization": value}


def id_token(key: RSAKey, audience: str, clock: Callable[[], float] = time.time) -> Authorize:
    """Return the way of a webhook with an ID token as Google makes them, but signed by a key of our own."""
    header = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}

    def headers() -> Mapping[str, str]:
        now = int(clock())
        claims = {
            "iss": _ISSUER,
            "aud": audience,
            "azp": "100000000000000000000",
            "sub": "100000000000000000000",
            "email": _EMAIL,
            "email_verified": True,
            "iat": now,
            "exp": now + _LIFETIME,
        }
        return {"Authorization": f"Bearer {jwt.encode(header, claims, key)}"}

    return headers


def signature(event: Event, shared_key: str, signed: Signed) -> Mapping[str, str]:
    """Return the header with the HMAC-SHA256 of an event (RFC 2104), in lower-case hexadecimal."""
    over = event.data.encode() if signed == "data" else event.body
    digest = hmac.new(shared_key.encode(), over, hashlib.sha256).hexdigest()
    return {SIGNATURE_HEADER: f"HS256={digest}"}
