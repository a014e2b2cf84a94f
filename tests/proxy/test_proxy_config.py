"""`PUT /api/v1/proxy-config`: a tenant's admin sets the credential, and nothing in flight suffers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support import tokens
from support.oms import ORDER_ANSWER, RawServer, Received, answering, http, raw_server, token_answer
from support.proxies import BASIC, PUT_PATH, RunningProxy, proxy_config, running_proxy
from tenantproxy.stores.files import read_keys

BODY = {"type": "basic", "config": {"username": "user", "password": "MARKED"}}


def oauth2_body(url: str, **config: Any) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "config": {"clientId": "id", "clientSecret": "MARKED", "authUrl": f"{url}/token", **config},
    }


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    access = tokens.access(tmp_path, mode="trusted")
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as running:
        yield running


async def test_an_admin_replaces_the_credential(
    proxy: RunningProxy, oms: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A PUT answers 204, is stored, is used by the next request, and is written down without the secret."""
    caplog.set_level("DEBUG")
    answer = await proxy.put(BODY, headers=tokens.admin())
    assert (answer.status, answer.body) == (204, b"")
    assert read_keys(proxy.credentials)["password"] == "MARKED"
    await proxy.get()
    assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpNQVJLRUQ="
    (audit,) = [record for record in caplog.records if record.name == "tenantproxy.audit"]
    assert audit.__dict__["fields"] == {"subject": "u1", "email": tokens.ADMIN_EMAIL, "type": "basic"}
    assert "MARKED" not in caplog.text
    assert await proxy.metric('tenantproxy_config_changes_total{outcome="success"}') == 2


async def test_it_survives_a_restart(oms: RawServer, tmp_path: Path) -> None:
    """What an admin set is there after the process was replaced."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))
    async with running_proxy(config, tmp_path) as proxy:
        assert (await proxy.get()).code == "credentials-not-configured"
        assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
    async with running_proxy(config, tmp_path) as proxy:
        assert (await proxy.get()).status == 200
        assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpNQVJLRUQ="


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unauthenticated"),
        (tokens.bearer(tokens.machine_token()), 403, "admin-required"),
        (tokens.bearer(tokens.machine_token(email=tokens.ADMIN_EMAIL)), 403, "admin-required"),
        (tokens.bearer(tokens.user_token()), 403, "admin-required"),
        (tokens.bearer(tokens.user_token(email=tokens.ADMIN_EMAIL, email_verified=False)), 403, "admin-required"),
        (tokens.bearer(tokens.user_token("T-other", email=tokens.ADMIN_EMAIL)), 403, "wrong-tenant"),
        ({**tokens.admin(), "Tenant-Id": "T-other"}, 403, "wrong-tenant"),
    ],
    ids=["nobody", "machine", "machine with the email", "user", "unverified", "other tenant", "other header"],
)
async def test_only_admins_of_the_tenant_may(
    proxy: RunningProxy, headers: dict[str, str], status: int, code: str
) -> None:
    """Also where an edge authenticates the reads, a PUT needs an admin's own token."""
    answer = await proxy.put(BODY, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert read_keys(proxy.credentials) == BASIC


async def test_nobody_is_admin_by_default(oms: RawServer, tmp_path: Path) -> None:
    """Without configured admins every PUT is refused."""
    access = tokens.access(tmp_path, mode="trusted", admins={})
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as proxy:
        assert (await proxy.put(BODY, headers=tokens.admin())).code == "admin-required"


async def test_the_platform_may_keep_it_to_itself(oms: RawServer, tmp_path: Path) -> None:
    """With `auth.management: platform` an admin is told whom to ask."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path), auth={"management": "platform"})
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(BODY, headers=tokens.admin())
        assert (answer.status, answer.code) == (409, "managed-by-platform")


def _basic(**config: Any) -> dict[str, Any]:
    return {"type": "basic", "config": {"username": "u", "password": "MARKED", **config}}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/type", "/config"]),
        ({"type": "mtls", "config": {}}, ["/type"]),
        ({"type": "basic", "config": "x"}, ["/config"]),
        ({**BODY, "extra": 1}, ["/extra"]),
        (_basic(timeout=5), ["/config/timeout"]),
        (_basic(username=1), ["/config/username"]),
        (_basic(username=""), ["/config/username"]),
        (_basic(username="a:b"), ["/config/username"]),
        (_basic(username="a\r\nb"), ["/config/username"]),
        ({"type": "basic", "config": {}}, ["/config/username", "/config/password"]),
        (oauth2_body("http://127.0.0.1:1", extraParams="{}"), ["/config/extraParams"]),
        (oauth2_body("http://127.0.0.1:1", clientAuth="tls"), ["/config/clientAuth"]),
        (oauth2_body("nonsense"), ["/config/authUrl"]),
        (oauth2_body("ftp://idp.example"), ["/config/authUrl"]),
        (oauth2_body("http://user:MARKED@idp.example"), ["/config/authUrl"]),
        (oauth2_body("http://169.254.169.254"), ["/config/authUrl"]),
        (oauth2_body("http://2852039166"), ["/config/authUrl"]),
    ],
)
async def test_bad_fields_are_pointed_at(proxy: RunningProxy, body: Any, pointers: list[str]) -> None:
    """Every wrong field is named at once, no value is repeated, and nothing is changed."""
    answer = await proxy.put(body, headers=tokens.admin())
    assert (answer.status, answer.code) == (400, "invalid-request")
    assert [error["pointer"] for error in answer.json["errors"]] == pointers
    assert b"MARKED" not in answer.body
    assert read_keys(proxy.credentials) == BASIC


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_auth_url_is_under_the_guard(oms: RawServer, tmp_path: Path, host: str) -> None:
    """A tenant can't point its token endpoint into the cluster's network."""
    config = proxy_config(
        "https://oms.example",
        access=tokens.access(tmp_path, mode="trusted"),
        allowPrivateNetworks=False,
        allowInsecure=True,
    )
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(oauth2_body(f"http://{host}:{oms.port}"), headers=tokens.admin())
        assert answer.code == "invalid-request"
        assert answer.json["errors"][0]["pointer"] == "/config/authUrl"
        assert oms.received == []


async def test_plain_http_needs_the_platforms_word(oms: RawServer, tmp_path: Path) -> None:
    """`allowInsecure` governs the token endpoint too."""
    access = tokens.access(tmp_path, mode="trusted")
    config = proxy_config("https://oms.example", access=access, allowInsecure=False)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.put(oauth2_body(oms.url), headers=tokens.admin())
        assert "plain http" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, "malformed-json"),
        (b" " * 16385, {}, "payload-too-large"),
        (b"{}", {"Content-Type": "text/plain"}, "unsupported-media-type"),
    ],
)
async def test_bodies_are_bounded_json(
    proxy: RunningProxy, body: bytes, headers: dict[str, str], code: str
) -> None:
    """A body that is no JSON, too large or of another type is refused before it is looked at."""
    options = {"Content-Type": "application/json"} | tokens.admin() | headers
    assert (await proxy.request("PUT", PUT_PATH, data=body, headers=options)).code == code


async def test_concurrent_puts_are_ordered(proxy: RunningProxy, oms: RawServer) -> None:
    """Of many PUTs one is last, and that one is stored and used."""
    bodies = [_basic(password=f"p{number}") for number in range(20)]
    answers = await asyncio.gather(*(proxy.put(body, headers=tokens.admin()) for body in bodies))
    assert {answer.status for answer in answers} == {204}
    stored = read_keys(proxy.credentials)
    await asyncio.sleep(0.8)
    await proxy.get()
    from tenantproxy.credentials import basic_authorization  # noqa: PLC0415 - used here only

    expected = basic_authorization(stored["username"], stored["password"])
    assert oms.received[-1].headers["authorization"] == expected


async def test_requests_in_flight_are_not_failed(proxy: RunningProxy, oms: RawServer) -> None:
    """What began with the old credential ends with it."""

    async def slow(_request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(ORDER_ANSWER)

    oms.play = slow
    reading = [asyncio.create_task(proxy.get()) for _ in range(10)]
    await asyncio.sleep(0.1)
    assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
    assert {answer.status for answer in await asyncio.gather(*reading)} == {200}


async def test_type_can_change_under_load(proxy: RunningProxy) -> None:
    """From Basic to OAuth2 and back, with requests all the time: none fails."""

    async def slowly(_request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(token_answer("t", expires_in=60))

    async with raw_server(slowly) as idp:
        statuses: list[int] = []
        going = True

        async def load() -> None:
            while going:
                statuses.append((await proxy.get()).status)

        loads = [asyncio.create_task(load()) for _ in range(4)]
        for _ in range(3):
            assert (await proxy.put(oauth2_body(idp.url), headers=tokens.admin())).status == 204
            assert (await proxy.put(BODY, headers=tokens.admin())).status == 204
            await asyncio.sleep(0.05)
        going = False
        await asyncio.gather(*loads)
        assert set(statuses) == {200}


async def test_validate_tries_the_credential_first(proxy: RunningProxy) -> None:
    """`?validate=true` changes nothing where the token endpoint says no, and says why."""
    async with raw_server(answering(http(401))) as idp:
        answer = await proxy.put(oauth2_body(idp.url), query="?validate=true", headers=tokens.admin())
        assert (answer.status, answer.code) == (422, "credential-rejected")
        assert "rejected the client" in answer.json["detail"]
        assert read_keys(proxy.credentials) == BASIC
        idp.play = answering(token_answer("t"))
        answer = await proxy.put(oauth2_body(idp.url), query="?validate=true", headers=tokens.admin())
        assert answer.status == 204
        assert read_keys(proxy.credentials)["type"] == "oauth2"


async def test_validate_takes_true_or_false(proxy: RunningProxy) -> None:
    """A misspelled flag is not taken for a no."""
    answer = await proxy.put(BODY, query="?validate=yes", headers=tokens.admin())
    assert answer.json["errors"][0]["pointer"] == "/query/validate"
    assert (await proxy.put(BODY, query="?validate=false", headers=tokens.admin())).status == 204


async def test_a_store_that_fails_changes_nothing(proxy: RunningProxy, oms: RawServer) -> None:
    """Where the credential can't be stored the old one goes on."""
    (proxy.credentials / "..data").unlink()
    (proxy.credentials / "..data").mkdir()
    answer = await proxy.put(BODY, headers=tokens.admin())
    assert (answer.status, answer.code) == (503, "store-unavailable")
    assert (await proxy.get()).status == 200
    assert oms.received[-1].headers["authorization"] == "Basic dXNlcjpyaWdodA=="
