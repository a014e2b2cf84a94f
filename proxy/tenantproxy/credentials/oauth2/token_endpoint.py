"""One call of an OAuth2 token endpoint: the request (RFC 6749 section 4.4.2), and what its answer means."""

from typing import Any, Final, Literal, NamedTuple

import msgspec

from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.basic import basic_authorization
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.retry_after import parse_retry_after
from tenantproxy.transport.base import HttpTransport, UpstreamError, UpstreamResponse

Style = Literal["client_secret_basic", "client_secret_post"]
"""How a client authenticates itself (RFC 6749 section 2.3.1)."""
CLIENT_AUTHS: Final = ("auto", "client_secret_basic", "client_secret_post")

_MAX_TOKEN_CHARS: Final = 8 * 1024
"""Longer ones would not pass the OMS's own limit on headers."""
_MAX_LIFETIME: Final = 10 * 365 * 24 * 3600.0
_FORM: Final = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a client credentials grant; `auth_url` is the complete URL of the token endpoint."""

    client_id: str
    client_secret: str
    auth_url: str
    scope: str | None = None
    audience: str | None = None
    client_auth: Literal["auto", "client_secret_basic", "client_secret_post"] = "auto"
    extra_params: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Request(NamedTuple):
    """What is posted to the token endpoint."""

    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return "Request(***)"


class Rejection(NamedTuple):
    """A 4xx. `invalid_client`: the secret is wrong, or the style of authentication (RFC 6749 section 5.2)."""

    invalid_client: bool
    status: int


def build_request(credential: ClientCredentials, style: Style) -> Request:
    """Return the token request for a credential, the client authenticated in one of two styles."""
    # Its 42 modules are for those who fetch tokens: not for the operator, nor for a proxy with another kind.
    from authlib.common.urls import add_params_to_qs  # noqa: PLC0415
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415

    params = {
        name: value
        for name, value in (("scope", credential.scope), ("audience", credential.audience))
        if value is not None
    }
    headers = dict(_FORM)
    if style == "client_secret_basic":
        headers["Authorization"] = basic_authorization(
            credential.client_id, credential.client_secret, form_encoded=True
        )
    else:
        params |= {"client_id": credential.client_id, "client_secret": credential.client_secret}
    body = prepare_token_request("client_credentials", **params)
    if credential.extra_params:
        body = add_params_to_qs(body, credential.extra_params)
    return Request(headers, body.encode())


def parse_answer(answer: UpstreamResponse) -> Token | Rejection | Failure:
    """Return what an answer of the token endpoint means."""
    if answer.status == 429 or answer.status >= 500:  # noqa: PLR2004 - HTTP
        return Failure(rejected=False, reason="server-error", retry_after=_seconds(answer))
    if 400 <= answer.status < 500:  # noqa: PLR2004 - HTTP
        error = _json(answer.body).get("error")
        return Rejection(answer.status == 401 or error == "invalid_client", answer.status)  # noqa: PLR2004
    if answer.status != 200:  # noqa: PLR2004 - HTTP
        return Failure(rejected=False, reason="malformed")
    document = _json(answer.body)
    value = document.get("access_token")
    kind = document.get("token_type", "Bearer")
    lifetime = _lifetime(document.get("expires_in"))
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= _MAX_TOKEN_CHARS
        or not all("!" <= char <= "~" for char in value)
        or not isinstance(kind, str)
        or kind.lower() != "bearer"
        or lifetime == 0
    ):
        return Failure(rejected=False, reason="malformed")
    return Token(value, lifetime)


def _other(style: Style) -> Style:
    return "client_secret_post" if style == "client_secret_basic" else "client_secret_basic"


def _lifetime(value: Any) -> float | None:  # noqa: ANN401 - parsed JSON
    """Return `expires_in` in seconds; None where there is none, 0 where it can't be used."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return min(seconds, _MAX_LIFETIME) if seconds > 0 else 0.0


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(answer: UpstreamResponse) -> float:
    return parse_retry_after(answer.headers.get("retry-after", ""), answer.headers.get("date", "")) or 0.0


class TokenEndpoint:
    """The token endpoint of one credential; `transport`'s base URL is its `auth_url`."""

    def __init__(self, credential: ClientCredentials, transport: HttpTransport) -> None:
        self._credential = credential
        self._transport = transport
        auto = credential.client_auth == "auto"
        self._style: Style = "client_secret_basic" if auto else credential.client_auth  # type: ignore[assignment]
        self._auto = auto
        self._tried_both = False

    def __repr__(self) -> str:
        return "TokenEndpoint(***)"

    async def fetch(self) -> Token | Failure:
        """Ask for a token.

        With `clientAuth: auto` a client that is not known by Basic is tried by post in the same call, once; from
        then on each call is one request, by the style that worked, or by the other one than failed last.
        """
        result = await self._post(self._style)
        if self._auto and isinstance(result, Rejection) and result.invalid_client:
            self._style = _other(self._style)
            if not self._tried_both:
                self._tried_both = True
                result = await self._post(self._style)
        if isinstance(result, Rejection):
            return Failure(rejected=True, reason="rejected")
        return result

    async def _post(self, style: Style) -> Token | Rejection | Failure:
        request = build_request(self._credential, style)
        try:
            return parse_answer(await self._transport.request("POST", "", request.headers, request.body))
        except UpstreamError as error:
            return Failure(rejected=False, reason=error.reason)

    async def close(self) -> None:
        """Close the connections to it."""
        await self._transport.close()
