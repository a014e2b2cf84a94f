"""The token endpoint of the credential, if it has one: asked as the proxy asks it, one request at a time."""

import time
from typing import Final, NamedTuple

import msgspec

from tenantproxy.conformance.call import Call, made_within
from tenantproxy.conformance.exchange import Exchange, Mask
from tenantproxy.credentials.authorizer import Authorization, Failure
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.oauth2.token_answer import is_about_client, may_be_style, parse_answer
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_header import TokenHeader
from tenantproxy.credentials.oauth2.token_request import Request, Style, build_request
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.transport.base import UpstreamResponse

_REUSED_SHARE: Final = 0.5
"""Of a token's lifetime, in which it is used for the kit's own reads."""
_FOREVER: Final = 3600.0
"""Seconds; a run is shorter."""


class TokenAnswer(NamedTuple):
    """One request for a token, and what came of it."""

    exchange: Exchange
    response: UpstreamResponse | None
    result: Token | Failure


class Tokens:
    """Gets tokens for one credential."""

    def __init__(self, credential: OAuth2, clients: ClientFactory, mask: Mask) -> None:
        self._credential = credential
        self._transport = clients.token_endpoint(credential.auth_url)
        self._timeout = clients.token_timeout
        self._header = TokenHeader.parse(credential.token_header)
        self._mask = mask
        self._style: Style | None = None if credential.client_auth == "auto" else credential.client_auth
        self._current: Token | None = None
        self._rejection: TokenAnswer | None = None
        self._use_until = 0.0

    def authorization(self, token: str) -> Authorization:
        """Return what a request to the OMS carries a token in."""
        return self._header.authorization(token)

    async def fetch(self) -> TokenAnswer:
        """Ask for a token with the given secret, and no more once it was rejected: each would be a wrong login."""
        if self._rejection is not None:
            return self._rejection
        answer = await self._fetched()
        if isinstance(answer.result, Failure) and self._is_rejection(answer.result):
            self._rejection = answer
        return answer

    @property
    def has_issued(self) -> bool:
        """Whether there was a token for the given secret in this run, and no rejection since."""
        return self._current is not None and self._rejection is None

    def _is_rejection(self, failure: Failure) -> bool:
        """Return whether a secret may be wrong: as long as there was no token, by any answer without one."""
        return failure.status is not None if self._current is None else is_about_client(failure)

    async def _fetched(self) -> TokenAnswer:
        """Ask for a token; the first time in both styles, where none is configured."""
        if self._style is not None:
            return await self._post(self._credential, self._style)
        answer = await self._post(self._credential, "client_secret_basic")
        if isinstance(answer.result, Failure) and may_be_style(answer.result):
            other = await self._post(self._credential, "client_secret_post")
            if isinstance(other.result, Token):
                self._style = "client_secret_post"
                return other
        elif isinstance(answer.result, Token):
            self._style = "client_secret_basic"
        return answer

    async def current(self) -> TokenAnswer | Token:
        """Return a token for the kit's own reads; an answer where there is none."""
        if self._current is not None and time.monotonic() < self._use_until:
            return self._current
        answer = await self.fetch()
        return answer.result if isinstance(answer.result, Token) else answer

    async def fetch_with(self, *, secret: str) -> TokenAnswer:
        """Ask for a token with another secret, once, in the style that has worked."""
        self._mask.add(secret)
        wrong = msgspec.structs.replace(self._credential, client_secret=secret)
        return await self._post(wrong, self._style or "client_secret_basic")

    async def fetch_by_grant(self, grant_type: str) -> TokenAnswer:
        """Ask for a token by another grant."""
        params = dict(self._credential.extra_params) | {"grant_type": grant_type}
        other = msgspec.structs.replace(self._credential, extra_params=tuple(sorted(params.items())))
        return await self._post(other, self._style or "client_secret_basic")

    async def _post(self, credential: OAuth2, style: Style) -> TokenAnswer:
        request: Request = build_request(credential, style)
        result: Token | Failure
        call = Call("POST", self._credential.auth_url, "", request.headers, request.body)
        ended = await made_within(self._timeout, call, self._transport)
        response = None if isinstance(ended.outcome, str) else ended.outcome
        if isinstance(ended.outcome, str):
            result = Failure(rejected=False, reason=ended.outcome)
        else:
            result = parse_answer(ended.outcome)
        if isinstance(result, Token):
            self._mask.add(result.value)
            # Always the last one: a token endpoint may revoke the others.
            self._current = result
            share = _FOREVER if result.lifetime is None else result.lifetime * _REUSED_SHARE
            self._use_until = time.monotonic() + share
        return TokenAnswer(ended.shown(self._mask), response, result)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
