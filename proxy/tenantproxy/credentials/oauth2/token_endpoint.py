"""The token endpoint of one credential: which style of client authentication it is asked in."""

from typing import Final

from tenantproxy.credentials.authorizer import Failure, FoundStyle
from tenantproxy.credentials.oauth2.token_answer import is_about_client, may_be_style, parse_answer
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_request import ClientCredentials, Style, build_request
from tenantproxy.transport.base import HttpTransport, UpstreamError

_UNKNOWN: Final = 2


def _other(style: FoundStyle) -> FoundStyle:
    return "client_secret_post" if style == "client_secret_basic" else "client_secret_basic"


class TokenEndpoint:
    """The token endpoint of one credential; `transport`'s base URL is its `auth_url`."""

    def __init__(
        self, credential: ClientCredentials, transport: HttpTransport, guess: FoundStyle | None = None
    ) -> None:
        """Prepare; with `clientAuth: auto`, `guess` is the style that is tried first."""
        self._credential = credential
        self._transport = transport
        self._searching = credential.client_auth == "auto"
        """Whether no style has brought a token yet."""
        self._guess: FoundStyle = guess or "client_secret_basic"
        """What `auto` means now."""
        self._told: FoundStyle | None = None
        """What was last heard of that from elsewhere."""
        self._tried_both = False
        self._unknown = 0
        """How often in a row the server did not know the client, in a style that has worked."""

    def __repr__(self) -> str:
        return "TokenEndpoint(***)"

    @property
    def found(self) -> FoundStyle | None:
        """The style that has brought a token, with `clientAuth: auto`."""
        return self._guess if self._credential.client_auth == "auto" and not self._searching else None

    @property
    def _style(self) -> Style:
        client_auth = self._credential.client_auth
        return self._guess if client_auth == "auto" else client_auth

    async def fetch(self, found: FoundStyle | None = None) -> Token | Failure:
        """Ask for a token; `found` is the style that has brought one elsewhere.

        With `clientAuth: auto` a client that is rejected by Basic is tried by post in the same call, once in the
        credential's life, unless the server says that it knows the client. Then each call is one request: in the
        style that worked, or, as long as none has, in the other one than failed last.
        """
        if found not in (None, self._told):
            self._searching, self._unknown, self._guess, self._told = False, 0, found, found
        result = await self._post(self._style)
        if isinstance(result, Token):
            self._searching, self._unknown = False, 0
        elif self._searching and may_be_style(result):
            return await self._fetch_in_other_style(result)
        elif not self._searching and is_about_client(result):
            self._lose_trust()
        return result

    def _lose_trust(self) -> None:
        """Leave a style that has worked, from the next call on, where the server has twice not known the client.

        Not at once: a server that is in trouble for a minute says the same, and two styles cost two logins.
        """
        self._unknown += 1
        if self._credential.client_auth == "auto" and self._unknown >= _UNKNOWN:
            self._guess, self._unknown = _other(self._guess), 0

    async def _fetch_in_other_style(self, failure: Failure) -> Token | Failure:
        tried, self._guess = self._guess, _other(self._guess)
        if self._tried_both:
            return failure
        self._tried_both = True
        result = await self._post(self._style)
        if isinstance(result, Token):
            self._searching, self._unknown = False, 0
            return result
        if not result.rejected:
            return failure  # all that is known; the next call is in this style
        if is_about_client(result) and not is_about_client(failure):
            # The first style was understood, and its failure is the one to be told.
            self._guess = tried
            result = failure
        return result._replace(logins=2)

    async def _post(self, style: Style) -> Token | Failure:
        request = build_request(self._credential, style)
        try:
            return parse_answer(await self._transport.request("POST", "", request.headers, request.body))
        except UpstreamError as error:
            return Failure(rejected=False, reason=error.reason)

    async def close(self) -> None:
        """Close the connections to it."""
        await self._transport.close()
