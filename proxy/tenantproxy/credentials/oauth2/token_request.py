"""The request for an access token (RFC 6749 section 4.4.2), as standard servers want it, and as others do."""

import json
from typing import Final, Literal, NamedTuple

import msgspec

from tenantproxy import __version__
from tenantproxy.credentials.basic import basic_authorization

Style = Literal["client_secret_basic", "client_secret_post", "client_secret_basic_unencoded", "client_secret_json"]
"""How a client authenticates itself: as RFC 6749 section 2.3.1 has it, or as some servers do.

`…_unencoded`: Basic without form-urlencoding both parts first, for servers that don't decode them. `…_json`: all
parameters in a JSON body, as OroCommerce, Shoprenter and Kibo document it.
"""
ClientAuth = Literal["auto"] | Style
CLIENT_AUTHS: Final[tuple[ClientAuth, ...]] = (
    "auto",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_basic_unencoded",
    "client_secret_json",
)
GRANT_TYPE: Final = "client_credentials"

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"TenantProxy/{__version__}",
}
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a grant; `auth_url` is the complete URL of the token endpoint.

    `extra_params` may name another grant than client credentials, as `grant_type`.
    """

    client_id: str
    client_secret: str
    auth_url: str
    scope: str | None = None
    audience: str | None = None
    client_auth: ClientAuth = "auto"
    extra_params: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Request(NamedTuple):
    """What is posted to the token endpoint."""

    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return "Request(***)"


def build_request(credential: ClientCredentials, style: Style) -> Request:
    """Return the token request for a credential, the client authenticated in one of the styles."""
    client_id, client_secret = credential.client_id, credential.client_secret
    params = {"scope": credential.scope, "audience": credential.audience}
    headers = dict(_HEADERS)
    if style in ("client_secret_basic", "client_secret_basic_unencoded"):
        headers["Authorization"] = basic_authorization(
            client_id, client_secret, form_encoded=style == "client_secret_basic"
        )
    else:
        params |= {"client_id": client_id, "client_secret": client_secret}
    extra = dict(credential.extra_params)
    grant_type = extra.pop("grant_type", GRANT_TYPE)
    given = {name: value for name, value in params.items() if value is not None}
    if style == "client_secret_json":
        body = json.dumps({"grant_type": grant_type, **given, **extra})
        return Request(headers | {"Content-Type": _JSON}, body.encode())
    return Request(headers | {"Content-Type": _FORM}, _form(grant_type, given, extra).encode())


def _form(grant_type: str, params: dict[str, str], extra: dict[str, str]) -> str:
    # Its 42 modules are for those who fetch tokens: not for the operator, nor for a proxy with another kind.
    from authlib.common.urls import add_params_to_qs  # noqa: PLC0415
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415

    form: str = prepare_token_request(grant_type, **params)
    return add_params_to_qs(form, list(extra.items())) if extra else form
