"""Credentials that are headers which never change, of each type, through a running proxy."""

import base64
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.proxy import tokens
from support.proxy.idp import oauth2
from support.proxy.oms import RawServer, answering, http
from support.proxy.running import BASIC, RunningProxy, proxy_config, running_proxy
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.bearer import Bearer
from tenantproxy.credentials.stores.files import read_keys


class Case(NamedTuple):
    """A credential: its keys, and the headers that it is sent as (names in lower case)."""

    type: str
    keys: dict[str, str]
    headers: dict[str, str]


def basic(user: str, password: str) -> str:
    """Return the header of a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


CASES = {
    "basic": Case("basic", BASIC, {"authorization": basic("user", "right")}),
    "no password": Case(
        "basic", {"username": "sk_M4RKED", "password": ""}, {"authorization": basic("sk_M4RKED", "")}
    ),
    "bearer": Case("bearer", {"bearerToken": "M4RKED.a/b+c=="}, {"authorization": "Bearer M4RKED.a/b+c=="}),
    "one header": Case(
        "apiKey",
        {"headerName": "X-Shopify-Access-Token", "headerValue": "M4RKED"},
        {"x-shopify-access-token": "M4RKED"},
    ),
    "two headers": Case(
        "apiKey",
        {
            "headerName": "X-VTEX-API-AppKey",
            "headerValue": "M4RKED-1",
            "secondHeaderName": "X-VTEX-API-AppToken",
            "secondHeaderValue": "M4RKED-2",
        },
        {"x-vtex-api-appkey": "M4RKED-1", "x-vtex-api-apptoken": "M4RKED-2"},
    ),
}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
OTHER = {"type": "basic", "config": {"username": "other", "password": "M4RKED"}}


def configured(oms: RawServer, directory: Path, **auth: Any) -> ProxyConfig:
    """Return the configuration of a proxy with an admin."""
    return proxy_config(oms.url, access=tokens.access(directory, mode="trusted"), auth=auth)


async def put(proxy: RunningProxy, case: Case, query: str = "") -> int:
    """Set the credential; return the status."""
    answer = await proxy.put({"type": case.type, "config": case.keys}, query=query, headers=tokens.admin())
    return answer.status


def sent(oms: RawServer) -> list[dict[str, str]]:
    """Return what authorized each request that the OMS got."""
    names = {name for case in CASES.values() for name in case.headers}
    return [{name: value for name, value in it.headers.items() if name in names} for it in oms.received]


@EVERY
async def test_from_its_secret(oms: RawServer, tmp_path: Path, case: Case) -> None:
    """A Secret's keys say the type; reads and searches go out with its headers and no other's."""
    async with running_proxy(configured(oms, tmp_path), tmp_path, case.keys) as proxy:
        assert (await proxy.get()).status == 200
        await proxy.search()
        assert sent(oms) == [case.headers] * 2
        assert await proxy.metric(f'tenantproxy_credentials_info{{type="{case.type}"}}') == 1
        assert await proxy.metric("tenantproxy_credentials_accepted") == 1
        assert all("M4RKED" not in request.target for request in oms.received)


@EVERY
async def test_from_a_put(oms: RawServer, tmp_path: Path, case: Case, caplog: pytest.LogCaptureFixture) -> None:
    """An admin replaces a credential of any type by one of any type; nothing of the old one is left."""
    caplog.set_level("DEBUG")
    async with running_proxy(configured(oms, tmp_path), tmp_path) as proxy:
        for other in CASES.values():
            assert await put(proxy, other) == 204
            assert await put(proxy, case, "?validate=true") == 204
            assert read_keys(proxy.credentials) == {"type": case.type, **case.keys}
            assert (await proxy.get()).status == 200
    assert sent(oms) == [case.headers] * 2 * len(CASES), "each was tried with one read, and used for another"
    audited = [record.__dict__["fields"] for record in caplog.records if record.name == "tenantproxy.audit"]
    assert [line["type"] for line in audited[1::2]] == [case.type] * len(CASES)
    assert "M4RKED" not in caplog.text


@EVERY
async def test_it_is_not_sent_again_where_it_is_wrong(oms: RawServer, tmp_path: Path, case: Case) -> None:
    """After the OMS's 401 it is spared the credential for a while, until another one is set."""
    oms.play = answering(http(401))
    async with running_proxy(configured(oms, tmp_path), tmp_path, case.keys) as proxy:
        answers = [await proxy.get() for _ in range(3)]
        assert [answer.code for answer in answers] == ["upstream-rejected-credentials"] * 3
        assert b"M4RKED" not in b"".join(answer.body for answer in answers)
        assert sent(oms) == [case.headers]
        assert await proxy.metric("tenantproxy_credentials_accepted") == 0
        await proxy.put(OTHER, headers=tokens.admin())
        await proxy.get()
        assert len(oms.received) == 2


SITE = {"secondHeaderName": "x-site-id", "secondHeaderValue": "M4RKED"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "apiKey", "config": CASES["one header"].keys | SITE}, "/config/secondHeaderName"),
        (
            {"type": "oauth2", "config": oauth2("http://127.0.0.1:1", tokenHeader="X-SITE-ID: T")},
            "/config/tokenHeader",
        ),
    ],
    ids=["API key", "token"],
)
async def test_a_header_that_an_operation_sets(
    oms: RawServer, tmp_path: Path, body: dict[str, Any], pointer: str
) -> None:
    """Which of the two an OMS would take is not ours to say, so the credential is refused."""
    operations = {"searchOrders": {"headers": {"X-Site-Id": "of the platform team"}}}
    access = tokens.access(tmp_path, mode="trusted")
    config = proxy_config(oms.url, access=access, operations=operations)
    async with running_proxy(config, tmp_path) as proxy:
        answer = await proxy.put(body, headers=tokens.admin())
        assert (answer.status, [error["pointer"] for error in answer.json["errors"]]) == (400, [pointer])
        await proxy.put({"type": "apiKey", "config": CASES["one header"].keys}, headers=tokens.admin())
        assert (await proxy.get()).status == 200


async def test_a_type_that_the_platform_team_does_not_allow(oms: RawServer, tmp_path: Path) -> None:
    """A PUT of it is refused with a pointer and the types that are allowed; a Secret with it is not used."""
    config = configured(oms, tmp_path, allowedTypes=["basic", "oauth2"])
    async with running_proxy(config, tmp_path, CASES["basic"].keys) as proxy:
        body = {"type": "bearer", "config": CASES["bearer"].keys}
        answer = await proxy.put(body, headers=tokens.admin())
        assert (answer.status, answer.code) == (400, "invalid-request")
        (error,) = answer.json["errors"]
        assert error["pointer"] == "/type"
        assert error["detail"].startswith("must be `basic` or `oauth2`: the platform team does not allow `bearer`")
        assert b"M4RKED" not in answer.body
        assert (await proxy.get()).status == 200
        await proxy.put(OTHER, headers=tokens.admin())
        await proxy.get()
        assert [it["authorization"] for it in sent(oms)] == [basic("user", "right"), basic("other", "M4RKED")]
    async with running_proxy(config, tmp_path / "bearer", CASES["bearer"].keys) as proxy:
        answer = await proxy.get()
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "`type` must be `basic` or `oauth2`" in answer.json["detail"]
        assert len(oms.received) == 2


@pytest.mark.parametrize(
    ("claims", "expires_at"),
    [
        pytest.param(b'{"exp": 1800000000, "iss": "https://oms.example"}', 1_800_000_000, id="a JWT"),
        pytest.param(b'{"iss": "https://oms.example"}', None, id="a JWT that never expires"),
        pytest.param(b'{"exp": "soon"}', None, id="no number"),
        pytest.param(b"[" * 5000, None, id="no claims"),
        pytest.param(b"\xff", None, id="no text"),
    ],
)
def test_bearer_token_expires(claims: bytes, expires_at: float | None) -> None:
    """A token in JWT form says itself when it expires."""
    payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    assert Bearer(bearer_token=f"e30.{payload}.c2ln").expires_at == expires_at


@pytest.mark.parametrize("token", ["shpat_0123456789abcdef", "a.b", "a.b.c", "a.é.c", "...."])
def test_opaque_token(token: str) -> None:
    """Of any other token it is not known."""
    assert Bearer(bearer_token=token).expires_at is None
