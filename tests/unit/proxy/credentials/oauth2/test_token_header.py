"""In which header the OMS gets its token, and after which word."""

import pytest

from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.oauth2.token_header import BEARER, TokenHeader, check_token_header


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        (BEARER, {"Authorization": "Bearer t"}),
        ("Authorization: Zoho-oauthtoken", {"Authorization": "Zoho-oauthtoken t"}),
        ("authorization", {"authorization": "t"}),
        ("X-Shopify-Access-Token", {"X-Shopify-Access-Token": "t"}),
        ("X-Auth: Token", {"X-Auth": "Token t"}),
    ],
)
def test_headers(text: str, headers: dict[str, str]) -> None:
    """By a name, or a name and the word before the token; and the token is found in it again."""
    assert check_token_header("tokenHeader", text) == []
    header = TokenHeader.parse(text)
    assert header.authorization("t") == Authorization(headers)
    assert header.token(Authorization(headers)) == "t"
    assert header.token(Authorization({"X-Other": "t"})) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a header's name"),
        ("Bearer: ", "must be a header's name"),
        ("Authorization: Bearer ", "must be a header's name"),
        ("Authorization:Bearer", "must be a header's name"),
        ("Authorization: a b", "must be a header's name"),
        ("X-Token\r\nX: y", "must be a header's name"),
        ("k" * 129, "is not a header's name"),
        ("Host", "is a header of HTTP"),
        ("Content-Type: Bearer", "is a header of HTTP"),
        ("Tenant-Id", "is a header of HTTP"),
    ],
)
def test_what_is_none(text: str, words: str) -> None:
    """Nothing passes that could end the header, or means something to HTTP or to us."""
    ((field, detail),) = check_token_header("tokenHeader", text)
    assert field == "tokenHeader"
    assert detail.startswith(words)
