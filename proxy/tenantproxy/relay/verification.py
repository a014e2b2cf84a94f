"""Verify that an event comes from ExternalEvents, before anything of it is read: all that is configured must hold.

A header by a shared key, and one of Basic and an ID token of Google's.
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from multidict import CIMultiDictProxy

from tenantproxy.auth.claims import InvalidTokenError, valid_until
from tenantproxy.config import Issuer
from tenantproxy.config_poslog import IdToken, Verification
from tenantproxy.poslog.intake.envelope import CloudEvent, text_of
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.problems import Problem
from tenantproxy.relay.secrets import Lines, SecretFiles
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.forward_proxy import ForwardProxy

if TYPE_CHECKING:
    from tenantproxy.auth.jwks import TokenVerifier

SIGNATURE: Final = "X-Hii-Signature"
GOOGLE: Final = "https://accounts.google.com"
GOOGLE_KEYS: Final = "https://www.googleapis.com/oauth2/v3/certs"

_SIGNATURE: Final = re.compile(r"HS256=([0-9a-fA-F]{64})")
_SENDER: Final = re.compile(r"exe-emit-api@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.iam\.gserviceaccount\.com")
"""ExternalEvents' service account, in whatever project it is."""

SignedOver = Literal["body", "data"]
"""What ExternalEvents has signed: the body, as its page says, or the text in `data`, as its sample code has it."""


class Sender(NamedTuple):
    """Whom an ID token is of."""

    expires_at: float


class Verifier:
    """Verifies events by a configuration, and the keys in the files."""

    def __init__(
        self,
        config: Verification,
        secrets: SecretFiles,
        *,
        policy: Policy,
        forward_proxy: ForwardProxy | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`policy` and `forward_proxy`: where the ID tokens' keys may be, and the way there."""
        self._config = config
        self._secrets = secrets
        self._tokens = _verifier(config.id_token, policy, forward_proxy, now) if config.id_token else None

    async def check_sender(self, headers: CIMultiDictProxy[str]) -> None:
        """Check all that the headers alone can show.

        Raises:
            Problem: `event-unauthorized`; `poslog-secret-missing`, `issuer-unavailable`: that can't be told now.

        """
        self._secrets.current.check()
        authorization = headers.get("Authorization")
        if self._config.basic and not self._is_login(authorization):
            raise self._unauthorized("`Authorization` has another user or password, or none.", "wrong-login")
        if self._tokens is not None and (authorization is None or self._tokens.cached(authorization) is None):
            try:
                await self._tokens.verify(authorization)
            except Problem as problem:
                if problem.code != "unauthenticated":
                    raise
                raise self._unauthorized(problem.detail, problem.reason) from None
        if self._config.shared_key and not _SIGNATURE.fullmatch(headers.get(SIGNATURE, "")):
            raise self._unauthorized(f"`{SIGNATURE}` is missing, or not HS256= and 64 digits.", "no-signature")

    def signed_over(
        self, headers: CIMultiDictProxy[str], body: bytes, event: Callable[[], CloudEvent]
    ) -> SignedOver | None:
        """Return what of an event is signed by the shared key; None: no signature is asked for.

        `event` decodes the body, or raises EventError; it is only called where the body is not what is signed.

        Raises:
            Problem: `event-unauthorized`.

        """
        if not self._config.shared_key:
            return None
        found = _SIGNATURE.fullmatch(headers.get(SIGNATURE, ""))
        if found is not None:
            keys, given = self._secrets.current.shared_keys, bytes.fromhex(found[1])
            if _has_signed(keys, given, body):
                return "body"
            if (text := _data_of(event, body)) is not None and _has_signed(keys, given, text):
                return "data"
        raise self._unauthorized(
            f"`{SIGNATURE}` was made with another key, or of something else.", "wrong-signature"
        )

    async def close(self) -> None:
        """Cancel fetches of keys."""
        if self._tokens is not None:
            await self._tokens.close()

    def _is_login(self, authorization: str | None) -> bool:
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            username, _, password = base64.b64decode(given.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):  # base64, or ASCII
            return False
        secrets = self._secrets.current
        # Both are always compared, with all: how long it takes tells nothing.
        return _is_one_of(username, secrets.usernames) & _is_one_of(password, secrets.passwords)

    def _unauthorized(self, detail: str, reason: str) -> Problem:
        scheme = "Basic" if self._config.basic else "Bearer" if self._tokens is not None else "HS256"
        return Problem(
            "event-unauthorized", detail, headers={"WWW-Authenticate": f'{scheme} realm="events"'}, reason=reason
        )


def _is_one_of(given: bytes, known: Lines) -> bool:
    found = False
    for each in known:
        found |= hmac.compare_digest(given, each)
    return found


def _has_signed(keys: Lines, given: bytes, content: bytes) -> bool:
    return _is_one_of(given, tuple(hmac.digest(key, content, hashlib.sha256) for key in keys))


def _data_of(event: Callable[[], CloudEvent], body: bytes) -> bytes | None:
    """Return the text in an event's `data`, also where what stands beside it is wrong; None: there is none."""
    try:
        try:
            text = event().text()
        except EventError:
            text = text_of(body)
    except EventError:
        return None
    return text.encode(errors="surrogatepass")


def _verifier(
    config: IdToken, policy: Policy, forward_proxy: ForwardProxy | None, now: Callable[[], float]
) -> "TokenVerifier[Sender]":
    from tenantproxy.auth.jwks import TokenVerifier  # noqa: PLC0415 - cryptography costs 8 MiB; load when needed

    return TokenVerifier(
        (_issuer(config),), _sender_of(config), forward_proxy=forward_proxy, policy=policy, now=now
    )


def _issuer(config: IdToken) -> Issuer:
    has_keys = config.jwks_uri or config.jwks_file or config.jwks
    return Issuer(
        issuer=GOOGLE,
        audiences=(config.audience,),
        kind="user",
        jwks_uri=config.jwks_uri if has_keys else GOOGLE_KEYS,
        jwks_file=config.jwks_file,
        jwks=config.jwks,
    )


def _sender_of(config: IdToken) -> Callable[[Mapping[str, Any], Issuer, float], Sender]:
    """Return what makes a sender of a verified token's claims, or raises InvalidTokenError."""

    def sender(claims: Mapping[str, Any], issuer: Issuer, now: float) -> Sender:
        expires_at = valid_until(claims, issuer, now)
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise InvalidTokenError("has no verified email")
        if not (_SENDER.fullmatch(email) if config.email is None else email == config.email):
            raise InvalidTokenError("is of another account than ExternalEvents'")
        return Sender(expires_at)

    return sender
