"""The token request and what its answer means; and both styles of client authentication against a real server."""

import asyncio
import base64
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

import pytest

from support.proxy.oms import Received, answering, http, raw_server, token_answer
from support.proxy.running import proxy_config
from tenantproxy.credentials.authorizer import Failure
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_endpoint import Rejection, TokenEndpoint, build_request, parse_answer
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.transport.base import UpstreamResponse
from tenantproxy.transport.tls import TlsFiles

INVALID_CLIENT = http(401, b'{"error": "invalid_client"}')


def credential(**fields: object) -> OAuth2:
    known = {"client_id": "id", "client_secret": "secret", "auth_url": "https://idp.example/token"}
    return OAuth2(**(known | fields))  # type: ignore[arg-type]


def answer(body: bytes, status: int = 200, **headers: str) -> UpstreamResponse:
    return UpstreamResponse(status, headers, body)


def test_basic_style_form_encodes_both_parts() -> None:
    """Ids and secrets of any characters arrive whole (RFC 6749 section 2.3.1)."""
    request = build_request(credential(client_id="ä:b", client_secret="p+ %&ö"), "client_secret_basic")
    encoded = request.headers["Authorization"].removeprefix("Basic ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    assert (unquote_plus(user), unquote_plus(password)) == ("ä:b", "p+ %&ö")
    assert b"client_secret" not in request.body


def test_post_style_sends_both_in_the_body() -> None:
    """In the body they are form fields, and there is no header."""
    request = build_request(credential(client_secret="p+ %&ö"), "client_secret_post")
    assert "Authorization" not in request.headers
    assert parse_qs(request.body.decode())["client_secret"] == ["p+ %&ö"]


def test_optional_parameters_are_sent_where_set() -> None:
    """Scope, audience and the platform's extra parameters are in the form."""
    extra = (("grant_hint", "a b"), ("resource", "https://x.example"))
    full = credential(scope="orders read", audience="https://oms.example", extra_params=extra)
    assert parse_qs(build_request(full, "client_secret_basic").body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["orders read"],
        "audience": ["https://oms.example"],
        "grant_hint": ["a b"],
        "resource": ["https://x.example"],
    }
    assert build_request(credential(), "client_secret_basic").body == b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("body", "lifetime"),
    [
        (b'{"access_token": "t", "token_type": "bearer", "expires_in": 3600}', 3600.0),
        (b'{"access_token": "t", "token_type": "Bearer", "expires_in": "60"}', 60.0),
        (b'{"access_token": "t", "expires_in": 0.5}', 0.5),
        (b'{"access_token": "t"}', None),
        (b'{"access_token": "t", "expires_in": null, "more": [1]}', None),
        (b'{"access_token": "t", "expires_in": 1e300}', 10 * 365 * 24 * 3600.0),
    ],
)
def test_tokens_are_understood(body: bytes, lifetime: float | None) -> None:
    """A token's lifetime is read in the spellings that servers use."""
    assert parse_answer(answer(body)) == Token("t", lifetime)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"access_token": ""}',
        b'{"access_token": 1}',
        b'{"access_token": "a\\r\\nX-Evil: 1"}',
        b'{"access_token": "a b"}',
        b'{"access_token": "t", "token_type": "mac"}',
        b'{"access_token": "t", "token_type": 1}',
        b'{"access_token": "t", "expires_in": 0}',
        b'{"access_token": "t", "expires_in": -1}',
        b'{"access_token": "t", "expires_in": true}',
        b'{"access_token": "t", "expires_in": "soon"}',
        b'{"access_token": "t", "expires_in": "nan"}',
        b'{"access_token": "' + b"t" * 9000 + b'"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_malformed_answers_are_failures(body: bytes) -> None:
    """Whatever a token endpoint sends, it is a token or a failure that is tried again."""
    assert parse_answer(answer(body)) == Failure(rejected=False, reason="malformed")


@pytest.mark.parametrize("status", [201, 204, 302])
def test_other_successes_are_malformed(status: int) -> None:
    """Only a 200 brings a token; a redirect is never followed."""
    assert parse_answer(answer(b"{}", status)) == Failure(rejected=False, reason="malformed")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_overload_is_tried_again_when_asked_to(status: int) -> None:
    """The pause that the server asks for is passed on."""
    failure = parse_answer(answer(b"", status, **{"retry-after": "7"}))
    assert failure == Failure(rejected=False, reason="server-error", retry_after=7.0)
    assert parse_answer(answer(b"", status, **{"retry-after": "soon"})).retry_after == 0.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("status", "body", "invalid_client"),
    [
        (401, b"", True),
        (400, b'{"error": "invalid_client"}', True),
        (400, b'{"error": "invalid_scope"}', False),
        (403, b"nope", False),
        (404, b"", False),
    ],
)
def test_rejections_are_told_apart(status: int, body: bytes, *, invalid_client: bool) -> None:
    """Only `invalid_client` is a reason to try the other style."""
    assert parse_answer(answer(body, status)) == Rejection(invalid_client, status)


async def _fetch(url: str, times: int = 1, **fields: object) -> list[Token | Failure]:
    config = proxy_config("http://oms.example")
    clients = ClientFactory(config, TlsFiles(config.upstream.tls, Path("/none")), None)
    endpoint = TokenEndpoint(credential(auth_url=url, **fields), clients.token_endpoint(url))
    try:
        return [await endpoint.fetch() for _ in range(times)]
    finally:
        await endpoint.close()


async def _post_only(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(token_answer("t") if b"client_secret" in request.body else INVALID_CLIENT)


async def test_auto_falls_back_to_post_and_remembers() -> None:
    """A server that only takes post is tried by Basic once in a credential's life."""
    async with raw_server(_post_only) as idp:
        assert await _fetch(f"{idp.url}/token?tenant=x", times=3) == [Token("t", None)] * 3
        by_basic = ["authorization" in request.headers for request in idp.received]
        assert by_basic == [True, False, False, False]
        assert {request.target for request in idp.received} == {"/token?tenant=x"}


@pytest.mark.parametrize("style", ["client_secret_basic", "client_secret_post"])
async def test_a_fixed_style_is_the_only_one_tried(style: str) -> None:
    """Where the style is configured, there is no second call."""
    async with raw_server(answering(INVALID_CLIENT)) as idp:
        assert await _fetch(idp.url, client_auth=style) == [Failure(rejected=True, reason="rejected")]
        assert len(idp.received) == 1
        assert ("authorization" in idp.received[0].headers) == (style == "client_secret_basic")


async def test_auto_with_a_wrong_secret_makes_one_call_more_in_all() -> None:
    """A wrong secret is tried in both styles once; after that each fetch is one call, in turn."""
    async with raw_server(answering(INVALID_CLIENT)) as idp:
        assert await _fetch(idp.url, times=4) == [Failure(rejected=True, reason="rejected")] * 4
        assert ["authorization" in request.headers for request in idp.received] == [
            True,
            False,
            False,
            True,
            False,
        ]


async def test_a_dead_server_is_a_failure() -> None:
    """No connection is a failure with its reason."""
    async with raw_server(answering(b"")) as idp:
        url = idp.url
    assert await _fetch(url) == [Failure(rejected=False, reason="connect")]
