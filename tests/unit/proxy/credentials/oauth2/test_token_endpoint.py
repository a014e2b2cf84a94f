"""Which styles of client authentication a token endpoint is asked in, and how often, against a real server."""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.proxy.oms import Play, RawServer, Received, answering, http, raw_server, token_answer
from support.proxy.running import proxy_config
from tenantproxy.credentials.authorizer import Failure, FoundStyle
from tenantproxy.credentials.oauth2.credential import OAuth2
from tenantproxy.credentials.oauth2.token_answer import MAX_BYTES
from tenantproxy.credentials.oauth2.token_cache import Token
from tenantproxy.credentials.oauth2.token_endpoint import TokenEndpoint
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.transport.tls import TlsFiles

WRONG_SECRET = http(401, b'{"error": "invalid_client"}')
TOKEN = token_answer("t")


def error(word: str, status: int = 400) -> bytes:
    """Return an error of RFC 6749 section 5.2."""
    return http(status, json.dumps({"error": word, "error_description": "MARKED"}).encode())


def clients() -> ClientFactory:
    config = proxy_config("http://oms.example")
    return ClientFactory(config, TlsFiles(config.upstream.tls, Path("/none")), None)


def credential(url: str, **fields: object) -> OAuth2:
    known = {"client_id": "id", "client_secret": "secret", "auth_url": url}
    return OAuth2(**(known | fields))  # type: ignore[arg-type]


async def fetched(
    url: str, times: int = 1, *, found: FoundStyle | None = None, **fields: object
) -> list[Token | Failure]:
    endpoint = TokenEndpoint(credential(url, **fields), clients().token_endpoint(url))
    try:
        return [await endpoint.fetch(found) for _ in range(times)]
    finally:
        await endpoint.close()


def style(request: Received) -> str:
    """Return how a request was authenticated, by one letter."""
    if request.headers["content-type"] == "application/json":
        return "j"
    return "b" if "authorization" in request.headers else "p"


def styles(server: RawServer) -> str:
    return "".join(style(request) for request in server.received)


def accepting(wanted: str, otherwise: bytes, answer: bytes = TOKEN) -> Play:
    """Return a server that supports one style only."""

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer if style(request) == wanted else otherwise)

    return play


@pytest.mark.parametrize(
    "otherwise",
    [
        WRONG_SECRET,
        http(401),
        error("unauthorized_client", 401),
        error("invalid_request"),
        http(400),
        http(403, b"<html>"),
        http(404),
        http(415),
        http(422, b'{"message": "client_id is required"}'),
    ],
    ids=["standard", "401", "Keycloak's", "parameter missing", "400", "403", "404", "415", "422"],
)
async def test_auto_falls_back_to_post_and_remembers(otherwise: bytes) -> None:
    """A server that takes post only is tried by Basic once in a credential's life, however it says no."""
    async with raw_server(accepting("p", otherwise)) as idp:
        assert await fetched(f"{idp.url}/token?tenant=x", times=3) == [Token("t", None)] * 3
        assert styles(idp) == "bppp"
        assert {request.target for request in idp.received} == {"/token?tenant=x"}


@pytest.mark.parametrize(
    ("client_auth", "letter"),
    [
        ("client_secret_basic", "b"),
        ("client_secret_post", "p"),
        ("client_secret_basic_unencoded", "b"),
        ("client_secret_json", "j"),
    ],
)
async def test_a_fixed_style_is_the_only_one_tried(client_auth: str, letter: str) -> None:
    """Where the style is configured, each fetch is one request."""
    async with raw_server(answering(WRONG_SECRET)) as idp:
        rejected = Failure(rejected=True, reason="invalid_client", status=401)
        assert await fetched(idp.url, times=3, client_auth=client_auth) == [rejected] * 3
        assert styles(idp) == 3 * letter


# ---- how often


@pytest.mark.parametrize("answer", [WRONG_SECRET, http(400), http(403), error("invalid_request")])
async def test_a_wrong_secret_costs_one_login_more_in_all(answer: bytes) -> None:
    """It is tried in both styles once; after that each fetch is one login, in turn."""
    async with raw_server(answering(answer)) as idp:
        results = await fetched(idp.url, times=4)
        assert all(isinstance(result, Failure) and result.rejected for result in results)
        assert styles(idp) == "bp" + "pbp"
        assert [result.logins for result in results if isinstance(result, Failure)] == [2, 1, 1, 1]


@pytest.mark.parametrize("second", [http(500), http(302, location="/"), http(429), http(200)])
async def test_a_rejection_counts_where_the_other_style_gets_no_answer(second: bytes) -> None:
    """One login was wrong, as far as is known; the next fetch is in the other style, which may be right."""
    async with raw_server(answering(WRONG_SECRET, second, TOKEN)) as idp:
        first, then = await fetched(idp.url, times=2)
        assert first == Failure(rejected=True, reason="invalid_client", status=401)
        assert isinstance(then, Token)
        assert styles(idp) == "bp" + "p"


@pytest.mark.parametrize(
    "word", ["invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type"]
)
async def test_what_is_not_about_the_client_costs_one_login(word: str) -> None:
    """A server that names another fault knows the client: with a password grant, another try would be a login."""
    async with raw_server(answering(error(word))) as idp:
        assert await fetched(idp.url, times=3) == [Failure(rejected=True, reason=word, status=400)] * 3
        assert styles(idp) == "bbb"


@pytest.mark.parametrize("answer", [http(429), http(500), http(302, location="/"), http(200), http(200, b"{}")])
async def test_what_is_no_rejection_is_not_tried_in_another_style(answer: bytes) -> None:
    """It says nothing about the client."""
    async with raw_server(answering(answer)) as idp:
        await fetched(idp.url, times=3)
        assert styles(idp) == "bbb"


async def test_the_failure_that_says_more_is_told() -> None:
    """Where one style is unknown to the server, the other one's failure is what has to be corrected."""
    async with raw_server(accepting("b", WRONG_SECRET, error("invalid_request"))) as idp:
        told = Failure(rejected=True, reason="invalid_request", status=400, logins=2)
        assert await fetched(idp.url) == [told]
    async with raw_server(accepting("p", http(400), error("invalid_scope"))) as idp:
        told = Failure(rejected=True, reason="invalid_scope", status=400, logins=2)
        assert await fetched(idp.url) == [told]


async def test_a_style_that_works_is_kept() -> None:
    """A 4xx that says nothing about the client, such as that of a server that restarts, changes no style."""
    async with raw_server(answering(TOKEN, http(404), http(404), TOKEN)) as idp:
        await fetched(idp.url, times=4)
        assert styles(idp) == "bbbb"


async def test_a_style_that_has_worked_elsewhere_is_the_first_one() -> None:
    """No other replica repeats a wrong login; one that works no more is left like one of our own."""
    async with raw_server(accepting("p", WRONG_SECRET)) as server:
        assert all(isinstance(it, Token) for it in await fetched(server.url, 2, found="client_secret_post"))
        assert styles(server) == "pp"
    async with raw_server(accepting("b", WRONG_SECRET)) as server:
        results = await fetched(server.url, 3, found="client_secret_post")
        assert [isinstance(it, Token) for it in results] == [False, False, True]
        assert styles(server) == "ppb"
    async with raw_server(accepting("j", WRONG_SECRET)) as server:
        await fetched(server.url, 1, found="client_secret_post", client_auth="client_secret_json")
        assert styles(server) == "j", "one that is configured is no guess"


async def test_news_of_another_style_are_followed() -> None:
    """Somebody has tried the credential, or another replica has left the style before."""
    async with raw_server(accepting("b", WRONG_SECRET)) as server:
        transport = clients().token_endpoint(server.url)
        endpoint = TokenEndpoint(credential(server.url), transport)
        assert isinstance(await endpoint.fetch("client_secret_post"), Failure)
        assert isinstance(await endpoint.fetch("client_secret_basic"), Token)
        assert isinstance(await endpoint.fetch("client_secret_basic"), Token)
        assert (styles(server), endpoint.found) == ("pbb", "client_secret_basic")
        await endpoint.close()


async def test_a_server_that_changes_its_style_is_followed() -> None:
    """It is asked in the other one when it has twice not known the client: each time costs one login."""
    answers = iter([TOKEN])

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers, TOKEN if style(request) == "p" else WRONG_SECRET))

    async with raw_server(play) as idp:
        results = await fetched(idp.url, times=4)
        assert [isinstance(result, Token) for result in results] == [True, False, False, True]
        assert styles(idp) == "b" + "bb" + "p"


async def test_a_server_that_forgets_a_client_for_a_while_costs_one_login_each_time() -> None:
    """The style that has worked is right."""
    async with raw_server(answering(TOKEN, WRONG_SECRET, TOKEN, WRONG_SECRET, TOKEN)) as idp:
        results = await fetched(idp.url, times=5)
        assert [result.logins for result in results if isinstance(result, Failure)] == [1, 1]
        assert styles(idp) == "bbbbb"


# ---- what comes, over a connection


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (http(200, b" " * (MAX_BYTES + 1)), Failure(rejected=False, reason="too-large")),
        (http(302, location="/MARKED"), Failure(rejected=False, reason="redirect", status=302)),
        (http(201, gzip.compress(b'{"access_token": "t"}'), content_encoding="gzip"), Token("t", None)),
        (b"SSH-2.0-x\r\n\r\n", Failure(rejected=False, reason="http")),
    ],
    ids=["too large", "redirect", "packed", "no HTTP"],
)
async def test_answers(answer: bytes, result: Token | Failure) -> None:
    """They are read up to their bound, never followed, and unpacked."""
    async with raw_server(answering(answer)) as idp:
        assert await fetched(idp.url) == [result]
        assert len(idp.received) == 1


async def test_a_dead_server_is_a_failure() -> None:
    """No connection is a failure with its reason."""
    async with raw_server(answering(b"")) as idp:
        url = idp.url
    assert await fetched(url) == [Failure(rejected=False, reason="connect")]


def decoding(request: Received) -> str:
    """Return the secret as a server understands it that decodes Basic's base64 alone."""
    encoded = request.headers["authorization"].removeprefix("Basic ")
    return base64.b64decode(encoded).decode().partition(":")[2]


@pytest.mark.parametrize(
    ("client_auth", "understood"),
    [("client_secret_basic_unencoded", lambda it: it), ("client_secret_basic", lambda it: it.replace("=", "%3D"))],
)
async def test_a_secret_with_reserved_characters(client_auth: str, understood: Callable[[str], str]) -> None:
    """Whether a server gets `secret=` as it is depends on the style; `auto` does not try the unencoded one."""
    async with raw_server(answering(TOKEN)) as idp:
        await fetched(idp.url, client_secret="secret=", client_auth=client_auth)
        assert [decoding(request) for request in idp.received] == [understood("secret=")]
