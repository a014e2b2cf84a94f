"""Who may call the mock OMS: Basic pairs, fixed tokens, API keys, OAuth2 clients with their tokens. No I/O.

The OAuth2 side is the client credentials grant: RFC 6749 sections 2.3.1, 4.4 and 5, unless a fault says otherwise.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import inf
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from tenantproxy.devtools.faults import Faults

_GRANT_TYPE: Final = "client_credentials"


class TokenRefusedError(Exception):
    """The token endpoint refuses: an error code of RFC 6749 section 5.2 and its status."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.body = {"error": error, "error_description": description}
        self.status = HTTPStatus.UNAUTHORIZED if error == "invalid_client" else HTTPStatus.BAD_REQUEST


class _Token(NamedTuple):
    client_id: str
    expires_at: float


class Authority:
    """Known users, tokens, API keys and clients, and the tokens that are out."""

    def __init__(
        self,
        *,
        basic: Mapping[str, str],
        clients: Mapping[str, str],
        bearer: Sequence[str] = (),
        api_keys: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take whom to accept; a request has to carry all the headers of `api_keys`."""
        self._basic = dict(basic)
        self._bearer = tuple(bearer)
        self._api_keys = dict(api_keys)
        self._clients = dict(clients)
        self._tokens: dict[str, _Token] = {}

    def accepts(self, headers: Mapping[str, str], *, now: float) -> bool:
        """Return whether a request with these headers (by names in any case) may read orders."""
        if self._api_keys and all(_equal(headers.get(name, ""), key) for name, key in self._api_keys.items()):
            return True
        authorization = headers.get("Authorization")
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            if any(_equal(value, known) for known in self._bearer):
                return True
            token = self._tokens.get(value)
            return token is not None and now < token.expires_at
        pair = _basic_pair(authorization)
        return pair is not None and _matches(self._basic, *pair)

    def issue(
        self, *, authorization: str | None, form: Sequence[tuple[str, str]], faults: Faults, now: float
    ) -> dict[str, Any]:
        """Return the token endpoint's answer to a form, given as pairs since a name must not be repeated.

        Raises:
            TokenRefusedError: It isn't a correct request of a known client.

        """
        params = dict(form)
        if len(params) != len(form):
            raise TokenRefusedError("invalid_request", "a parameter is repeated")
        client_id = self._client(authorization, params, faults)
        if "grant_type" not in params:
            raise TokenRefusedError("invalid_request", "grant_type is missing")
        if params["grant_type"] != _GRANT_TYPE:
            raise TokenRefusedError("unsupported_grant_type", f"only {_GRANT_TYPE} is supported")
        if faults.revoke_on_issue:
            self._tokens = {key: token for key, token in self._tokens.items() if token.client_id != client_id}
        return self._new_token(client_id, params.get("scope"), lifetime=faults.token_lifetime, now=now)

    def revoke_all(self) -> None:
        """Forget every token that was issued, as an OMS does that lost its session store."""
        self._tokens.clear()

    def _client(self, authorization: str | None, params: Mapping[str, str], faults: Faults) -> str:
        in_body = "client_secret" in params
        if in_body and authorization is not None:
            raise TokenRefusedError("invalid_request", "more than one way of client authentication")
        way: Final = faults.client_auth
        if way != "any" and (way in ("post", "json")) is not in_body:
            raise TokenRefusedError("invalid_client", f"use client_secret_{way}")
        if in_body:
            pair = params.get("client_id", ""), params["client_secret"]
        elif (encoded := _basic_pair(authorization)) is not None:
            decoded = unquote_plus(encoded[0]), unquote_plus(encoded[1])
            pair = encoded if way == "basic_unencoded" else decoded
        else:
            raise TokenRefusedError("invalid_client", "no client authentication")
        is_known = _matches(self._clients, *pair) or "accepts-any-secret" in faults.quirks
        if faults.reject_credentials or not is_known:
            raise TokenRefusedError("invalid_client", "unknown client or wrong secret")
        return pair[0]

    def _new_token(self, client_id: str, scope: str | None, *, lifetime: int, now: float) -> dict[str, Any]:
        self._tokens = {key: token for key, token in self._tokens.items() if now < token.expires_at}
        value = secrets.token_urlsafe(24)
        self._tokens[value] = _Token(client_id, now + lifetime if lifetime else inf)
        answer: dict[str, Any] = {"access_token": value, "token_type": "Bearer"}
        if lifetime:
            answer["expires_in"] = lifetime
        if scope is not None:
            answer["scope"] = scope
        return answer


def _basic_pair(authorization: str | None) -> tuple[str, str] | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _matches(known: Mapping[str, str], name: str, secret: str) -> bool:
    return name in known and _equal(known[name], secret)


def _equal(one: str, other: str) -> bool:
    return secrets.compare_digest(*(text.encode("utf-8", "surrogateescape") for text in (one, other)))
