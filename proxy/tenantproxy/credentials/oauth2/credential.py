"""OAuth2 as a kind of credential: the client credentials grant (RFC 6749 section 4.4), or another of no person."""

import asyncio
import json
from collections.abc import Mapping
from typing import ClassVar, Final, Self

import msgspec

from tenantproxy.credentials.authorizer import Authorization, Authorizer, Failure, FoundStyle, Logins
from tenantproxy.credentials.base import (
    Credential,
    CredentialError,
    TokenClients,
    check_length,
    check_text,
    find_missing,
    is_unicode,
)
from tenantproxy.credentials.oauth2.authorizer import TokenAuthorizer
from tenantproxy.credentials.oauth2.token_endpoint import TokenEndpoint
from tenantproxy.credentials.oauth2.token_header import BEARER, TokenHeader, check_token_header
from tenantproxy.credentials.oauth2.token_request import CLIENT_AUTHS, ClientCredentials
from tenantproxy.errors import FieldProblem
from tenantproxy.process_metrics import ProcessMetrics

_RESERVED_PARAMS: Final = frozenset({"client_id", "client_secret", "scope", "audience"})
_GRANT_OF_A_PERSON: Final = "authorization_code"


class OAuth2(ClientCredentials, Credential, frozen=True, kw_only=True):
    """A client id and a secret, and where tokens are to be had for them."""

    type: ClassVar[str] = "oauth2"
    required_keys: ClassVar[tuple[str, ...]] = ("clientId", "clientSecret", "authUrl")
    optional_keys: ClassVar[tuple[str, ...]] = ("scope", "audience", "clientAuth", "tokenHeader")
    platform_keys: ClassVar[tuple[str, ...]] = ("extraParams",)

    token_header: str = BEARER
    """The header of the OMS's requests that carries the token, and the word before it."""

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Return the credential in the given keys."""
        problems = find_missing(given, cls.required_keys)
        for key in ("clientId", "clientSecret", "authUrl", "scope", "audience"):
            problems += check_text(key, given.get(key, ""))
        client_auth = given.get("clientAuth") or "auto"
        if client_auth not in CLIENT_AUTHS:
            choices = ", ".join(f"`{choice}`" for choice in CLIENT_AUTHS)
            problems.append(FieldProblem("clientAuth", f"must be one of {choices}"))
        if client_auth == "client_secret_basic_unencoded" and ":" in given.get("clientId", ""):
            problems.append(FieldProblem("clientId", f"contains a colon, which `{client_auth}` can't carry"))
        token_header = given.get("tokenHeader") or BEARER
        problems += check_token_header("tokenHeader", token_header)
        extra: tuple[tuple[str, str], ...] = ()
        try:
            extra = _extra_params(given)
        except CredentialError as error:
            problems += error.errors
        if problems:
            raise CredentialError(problems)
        return cls(
            client_id=given["clientId"],
            client_secret=given["clientSecret"],
            auth_url=given["authUrl"],
            scope=given.get("scope") or None,
            audience=given.get("audience") or None,
            client_auth=client_auth,  # type: ignore[arg-type] # checked above
            extra_params=extra,
            token_header=token_header,
        )

    def to_keys(self) -> dict[str, str]:
        """Return what a tenant may set."""
        keys = {"clientId": self.client_id, "clientSecret": self.client_secret, "authUrl": self.auth_url}
        if self.scope is not None:
            keys["scope"] = self.scope
        if self.audience is not None:
            keys["audience"] = self.audience
        if self.client_auth != "auto":
            keys["clientAuth"] = self.client_auth
        if self.token_header != BEARER:
            keys["tokenHeader"] = self.token_header
        return keys

    def with_platform_keys(self, stored: Mapping[str, str]) -> Self:
        """Return it with the stored `extraParams`."""
        return msgspec.structs.replace(self, extra_params=_extra_params(stored))

    def authorizer(self, clients: TokenClients, metrics: ProcessMetrics, logins: Logins) -> Authorizer:
        """Return one that fetches tokens and keeps them fresh."""
        return TokenAuthorizer(
            TokenEndpoint(self, clients.token_endpoint(self.auth_url)),
            metrics,
            logins,
            header=TokenHeader.parse(self.token_header),
            timeout=clients.token_timeout,
        )

    @property
    def header_names(self) -> Mapping[str, str]:
        """The one that carries the token."""
        return {"tokenHeader": TokenHeader.parse(self.token_header).name}

    @property
    def token_url(self) -> str:
        """The complete URL of the token endpoint."""
        return self.auth_url

    @property
    def identity(self) -> Mapping[str, str]:
        """The client's id."""
        return {"clientId": self.client_id}

    async def try_out(self, clients: TokenClients, found: FoundStyle | None = None) -> Authorization | Failure:
        """Ask for a token, once: one request, or two where the client authentication is not known."""
        endpoint = TokenEndpoint(self, clients.token_endpoint(self.auth_url, trial=True), found)
        try:
            async with asyncio.timeout(clients.token_timeout):
                result = await endpoint.fetch()
        except TimeoutError:
            return Failure(rejected=False, reason="timeout")
        finally:
            await endpoint.close()
        if isinstance(result, Failure):
            return result
        authorization = TokenHeader.parse(self.token_header).authorization(result.value)
        return authorization._replace(found=endpoint.found)


def _extra_params(keys: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    text = keys.get("extraParams") or "{}"
    if problems := check_length("extraParams", text):
        raise CredentialError(problems)
    try:
        params = json.loads(text)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise CredentialError([FieldProblem("extraParams", "must be a JSON object of strings")])
    if reserved := sorted(_RESERVED_PARAMS & params.keys()):
        raise CredentialError([FieldProblem("extraParams", f"must not set `{reserved[0]}`; it has its own key")])
    if params.get("grant_type") == _GRANT_OF_A_PERSON:
        detail = f"can't set the `grant_type` `{_GRANT_OF_A_PERSON}`, which needs a person; use another one"
        raise CredentialError([FieldProblem("extraParams", detail)])
    if not all(is_unicode(text) for param in params.items() for text in param):
        raise CredentialError([FieldProblem("extraParams", "is not valid Unicode text")])
    return tuple(sorted(params.items()))
