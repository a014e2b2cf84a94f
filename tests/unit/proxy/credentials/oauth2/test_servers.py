"""Token endpoints as their makers document them, through a running proxy to an OMS that takes their tokens.

Many differ from RFC 6749 somewhere. The answers are ours, in the documented shape, and so is what is checked.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import pytest

from support.proxy import tokens
from support.proxy.idp import oauth2
from support.proxy.oms import Play, RawServer, Received, answering, documented, http, raw_server
from support.proxy.running import proxy_config, running_proxy
from tenantproxy.credentials.stores.files import read_keys

ID, SECRET = "client id", "s3cret/+="
TOKEN = "eyJ.M4RKED"


def params(request: Received) -> dict[str, str]:
    """Return the parameters in a request's body: those of a form, or of JSON."""
    if request.headers["content-type"] == "application/json":
        decoded: dict[str, str] = json.loads(request.body)
        return decoded
    return dict(parse_qsl(request.body.decode(), strict_parsing=True))


def pair(request: Received, decode: Callable[[str], str] = unquote_plus) -> tuple[str, str] | None:
    """Return the client in `Authorization: Basic`, read as RFC 6749 has it unless told otherwise."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return decode(user), decode(password)


def is_form(request: Received) -> bool:
    return request.headers["content-type"] == "application/x-www-form-urlencoded"


def by_basic(request: Received) -> bool:
    return is_form(request) and pair(request) == (ID, SECRET)


def by_unencoded_basic(request: Received) -> bool:
    return is_form(request) and pair(request, str) == (ID, SECRET)


def by_post(request: Received) -> bool:
    return is_form(request) and params(request).items() >= {"client_id": ID, "client_secret": SECRET}.items()


def by_json(request: Received) -> bool:
    return not is_form(request) and params(request).items() >= {"client_id": ID, "client_secret": SECRET}.items()


def has(**expected: str) -> Callable[[Received], bool]:
    return lambda request: params(request).items() >= expected.items()


class Maker(NamedTuple):
    """What a maker's token endpoint wants and answers, and how it is configured."""

    wants: tuple[Callable[[Received], bool], ...]
    answer: Mapping[str, Any] | bytes
    keys: Mapping[str, str] = {}
    refusal: bytes = http(401, b'{"error": "invalid_client"}')
    status: int = 200
    header: tuple[str, str] = ("authorization", f"Bearer {TOKEN}")
    """What the OMS wants."""
    requests: int = 1
    """For one token."""


BEARER = {"access_token": TOKEN, "token_type": "Bearer"}
PASSWORD_GRANT = json.dumps({"grant_type": "password", "username": "till", "password": "M4RKED"})
MAKERS = {
    "Keycloak": Maker(
        (by_basic,),
        {**BEARER, "expires_in": 300, "refresh_expires_in": 0, "not-before-policy": 0, "scope": "email profile"},
    ),
    "Microsoft Entra, version 1": Maker(
        (by_post, has(resource="https://oms.example")),
        {**BEARER, "expires_in": "3599", "ext_expires_in": "3599", "expires_on": "1388444763", "resource": "x"},
        {"extraParams": '{"resource": "https://oms.example"}'},
        http(400, b'{"error": "invalid_request", "error_description": "AADSTS900144", "error_codes": [900144]}'),
        requests=2,
    ),
    "Auth0": Maker(
        (by_json, has(audience="https://oms.example")),
        {**BEARER, "expires_in": 86400},
        {"audience": "https://oms.example", "clientAuth": "client_secret_json"},
        http(401, b'{"error": "access_denied", "error_description": "Unauthorized"}'),
    ),
    "Salesforce": Maker(
        (by_post,),
        {**BEARER, "instance_url": "https://acme.my.example", "id": "x", "issued_at": "456", "signature": "x"},
        refusal=http(400, b'{"error": "invalid_client_id"}'),
        requests=2,
    ),
    "Salesforce, password": Maker(
        (by_post, has(grant_type="password", username="till", password="M4RKED")),
        {**BEARER, "instance_url": "https://acme.my.example", "issued_at": "456"},
        {"extraParams": PASSWORD_GRANT, "clientAuth": "client_secret_post"},
    ),
    "SAP (XSUAA)": Maker((by_basic,), {**BEARER, "token_type": "bearer", "expires_in": 43199, "jti": "x"}),
    "commercetools": Maker(
        (by_basic, has(scope="view_orders:acme")), {**BEARER, "expires_in": 172800}, {"scope": "view_orders:acme"}
    ),
    "Adobe IMS": Maker(
        (by_post, has(scope="openid,AdobeID")),
        {**BEARER, "token_type": "bearer", "expires_in": 86399},
        {"scope": "openid,AdobeID"},
        http(400, b'{"error": "invalid_client"}'),
        requests=2,
    ),
    "Shopify": Maker(
        (by_post,),
        {"access_token": TOKEN, "scope": "read_orders", "expires_in": 86399},
        {"tokenHeader": "X-Shopify-Access-Token"},
        http(400, b"<!DOCTYPE html>"),
        header=("x-shopify-access-token", TOKEN),
        requests=2,
    ),
    "OroCommerce": Maker(
        (by_json,), {**BEARER, "expires_in": 3600}, {"clientAuth": "client_secret_json"}, http(415)
    ),
    "Manhattan": Maker(
        (by_basic, has(grant_type="password", username="till", password="M4RKED")),
        {**BEARER, "token_type": "bearer", "refresh_token": "x", "expires_in": 3599},
        {"extraParams": PASSWORD_GRANT},
    ),
    "Apigee": Maker(
        (by_basic,), {**BEARER, "token_type": "BearerToken", "expires_in": "1799", "status": "approved"}
    ),
    "Zoho": Maker(
        (by_post,),
        {**BEARER, "expires_in": 3600, "api_domain": "x"},
        {"tokenHeader": "Authorization: Zoho-oauthtoken"},
        refusal=http(400),
        header=("authorization", f"Zoho-oauthtoken {TOKEN}"),
        requests=2,
    ),
    "one that does not decode Basic": Maker(
        (by_unencoded_basic,), {**BEARER, "expires_in": 60}, {"clientAuth": "client_secret_basic_unencoded"}
    ),
    "one that creates tokens": Maker((by_basic,), {**BEARER, "expires_in": 60}, status=201),
    "one without a lifetime": Maker((by_basic,), {**BEARER, "expires_in": ""}),
    "one whose lifetime is -1": Maker((by_basic,), {**BEARER, "expires_in": -1}),
    "one with a byte order mark": Maker((by_basic,), b"\xef\xbb\xbf" + json.dumps(BEARER).encode()),
    "one that packs": Maker((by_basic,), gzip.compress(json.dumps(BEARER).encode())),
}
ALL_MAKERS = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)


def token_endpoint(maker: Maker) -> Play:
    """Return a token endpoint that gives its token to a request as documented, and refuses any other."""
    body = maker.answer if isinstance(maker.answer, bytes) else json.dumps(maker.answer).encode()
    headers = {"content_encoding": "gzip"} if body.startswith(b"\x1f") else {}

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        right = all(wants(request) for wants in maker.wants)
        writer.write(http(maker.status, body, **headers) if right else maker.refusal)

    return play


def taking(header: tuple[str, str]) -> Play:
    """Return an OMS that wants this header, and no other with a token."""
    name, value = header

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        others = [given for key, given in request.headers.items() if TOKEN in given and key != name]
        right = request.headers.get(name) == value and not others
        await (documented if right else answering(http(401)))(request, writer)

    return play


@ALL_MAKERS
async def test_its_tokens_reach_the_oms(oms: RawServer, tmp_path: Path, maker: Maker) -> None:
    """From a Secret: the token is fetched as documented, once for many reads, and sent as the OMS wants it."""
    oms.play = taking(maker.header)
    async with raw_server(token_endpoint(maker)) as endpoint:
        keys = oauth2(endpoint.url, clientId=ID, clientSecret=SECRET, **maker.keys)
        async with running_proxy(proxy_config(oms.url), tmp_path, keys) as proxy:
            assert [(await proxy.get()).status for _ in range(3)] == [200, 200, 200]
        assert len(endpoint.received) == maker.requests
        assert {request.headers["accept-encoding"] for request in endpoint.received} == {"identity"}
        assert all("M4RKED" not in it.target for it in (*endpoint.received, *oms.received))


@ALL_MAKERS
async def test_an_admin_can_configure_it(
    oms: RawServer, tmp_path: Path, maker: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """By a PUT that tries it first; what only the platform team sets is in the Secret before."""
    caplog.set_level("DEBUG")
    oms.play = taking(maker.header)
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    ours = {name: value for name, value in maker.keys.items() if name != "extraParams"}
    platforms = {name: value for name, value in maker.keys.items() if name == "extraParams"}
    async with (
        raw_server(token_endpoint(maker)) as endpoint,
        running_proxy(config, tmp_path, platforms) as proxy,
    ):
        given = oauth2(endpoint.url, clientId=ID, clientSecret=SECRET, **ours)
        answer = await proxy.put(
            {"type": "oauth2", "config": given}, query="?validate=true", headers=tokens.admin()
        )
        assert answer.status == 204, answer.body
        assert read_keys(proxy.credentials) == {"type": "oauth2", **given, **platforms}
        assert (await proxy.get()).status == 200
    assert "M4RKED" not in caplog.text
