"""The token request, in each style of client authentication."""

import base64
import json
from typing import get_args
from urllib.parse import parse_qs, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy import __version__
from tenantproxy.credentials.oauth2.token_request import (
    CLIENT_AUTHS,
    ClientCredentials,
    Request,
    Style,
    build_request,
)

ALL_STYLES = get_args(Style)
EXTRA = (("grant_hint", "a b"), ("resource", "https://x.example"))
PASSWORD_GRANT = (("grant_type", "password"), ("password", "p+ %&\u00f6"), ("username", "u"))


def credential(**fields: object) -> ClientCredentials:
    known = {"client_id": "id", "client_secret": "secret", "auth_url": "https://idp.example/token"}
    return ClientCredentials(**(known | fields))  # type: ignore[arg-type]


def sent(request: Request) -> dict[str, str]:
    """Return the parameters in a request's body."""
    if request.headers["Content-Type"] == "application/json":
        decoded: dict[str, str] = json.loads(request.body)
        return decoded
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = parse_qs(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    return {name: value for name, (value,) in form.items()}


def test_every_style_can_be_chosen() -> None:
    """By `clientAuth`, beside `auto`."""
    assert ("auto", *ALL_STYLES) == CLIENT_AUTHS


@pytest.mark.parametrize("style", ALL_STYLES)
def test_what_each_request_says(style: Style) -> None:
    """Who asks, that the answer is to be JSON, and not compressed."""
    headers = build_request(credential(), style).headers
    assert headers["User-Agent"] == f"TenantProxy/{__version__}"
    assert (headers["Accept"], headers["Accept-Encoding"]) == ("application/json", "identity")


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)


@given(client_id=_text, secret=_text)
def test_basic_form_encodes_both_parts(client_id: str, secret: str) -> None:
    """Ids and secrets of any characters arrive whole (RFC 6749 section 2.3.1)."""
    request = build_request(credential(client_id=client_id, client_secret=secret), "client_secret_basic")
    encoded = request.headers["Authorization"].removeprefix("Basic ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    assert (unquote_plus(user), unquote_plus(password)) == (client_id, secret)
    assert sent(request) == {"grant_type": "client_credentials"}


@given(client_id=_text.filter(lambda text: ":" not in text), secret=_text)
def test_unencoded_basic_has_them_as_they_are(client_id: str, secret: str) -> None:
    """For servers that take a secret such as `a/b=` by its own characters only."""
    request = build_request(credential(client_id=client_id, client_secret=secret), "client_secret_basic_unencoded")
    encoded = request.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded).decode() == f"{client_id}:{secret}"
    assert sent(request) == {"grant_type": "client_credentials"}


@pytest.mark.parametrize("style", ["client_secret_post", "client_secret_json"])
@given(client_id=_text, secret=_text)
def test_both_in_the_body(style: Style, client_id: str, secret: str) -> None:
    """As form fields or as JSON, and there is no header."""
    request = build_request(credential(client_id=client_id, client_secret=secret), style)
    assert "Authorization" not in request.headers
    assert sent(request) == {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
    }


@pytest.mark.parametrize("style", ALL_STYLES)
def test_optional_parameters_are_sent_where_set(style: Style) -> None:
    """Scope, audience and the platform's extra parameters are in the body, whatever its format."""
    full = credential(scope="orders read", audience="https://oms.example", extra_params=EXTRA)
    body = sent(build_request(full, style))
    assert {name: body[name] for name in body if not name.startswith("client_")} == {
        "grant_type": "client_credentials",
        "scope": "orders read",
        "audience": "https://oms.example",
        "grant_hint": "a b",
        "resource": "https://x.example",
    }


@pytest.mark.parametrize("style", ALL_STYLES)
def test_another_grant(style: Style) -> None:
    """With `grant_type` among the extra parameters, as Manhattan's password grant has it; it is sent once."""
    body = sent(build_request(credential(extra_params=PASSWORD_GRANT), style))
    assert {name: body[name] for name in body if not name.startswith("client_")} == dict(PASSWORD_GRANT)


@pytest.mark.parametrize("style", ALL_STYLES)
def test_printing_it_shows_nothing(style: Style) -> None:
    """However it is printed."""
    assert "secret" not in repr(build_request(credential(), style)) + repr(credential())
