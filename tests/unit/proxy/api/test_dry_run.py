"""`PUT /api/v1/proxy-config?dryRun=true`: a credential is tried, nothing is stored, and no secret is shown."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.proxy import tokens
from support.proxy.idp import oauth2
from support.proxy.oms import (
    RawServer,
    answering,
    documented,
    held_until,
    http,
    only_right_password,
    raw_server,
    token_answer,
)
from support.proxy.running import BASIC, Answered, RunningProxy, proxy_config, running_proxy
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.stores.files import read_keys

NOT_FOUND = {"outcome": "accepted", "detail": "The OMS took it; it knows no order with the probe's id."}


def configured(oms: RawServer, directory: Path, **auth: Any) -> ProxyConfig:
    return proxy_config(oms.url, access=tokens.access(directory, mode="trusted"), auth=auth)


async def dry_run(proxy: RunningProxy, body: Mapping[str, Any], query: str = "?dryRun=true") -> Answered:
    return await proxy.put(body, query=query, headers=tokens.admin())


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    async with running_proxy(configured(oms, tmp_path), tmp_path, BASIC) as running:
        yield running


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.name == "tenantproxy.audit"]


SHOWN: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "basic": ({"username": "alice", "password": "MARKED"}, {"type": "basic", "username": "alice"}),
    "a secret as the user name": ({"username": "sk_MARKED", "password": ""}, {"type": "basic"}),
    "a password that fills its place": ({"username": "sk_MARKED", "password": "xxx"}, {"type": "basic"}),
    "bearer": ({"bearerToken": "MARKED"}, {"type": "bearer"}),
    "API keys": (
        {"headerName": "X-Key", "headerValue": "MARKED", "secondHeaderName": "X-T", "secondHeaderValue": "MARKED"},
        {"type": "apiKey", "headerNames": ["X-Key", "X-T"]},
    ),
    "oauth2": (
        oauth2("http://127.0.0.1:{idp}", clientSecret="MARKED", tokenHeader="X-Token"),
        {"type": "oauth2", "clientId": "id", "headerNames": ["X-Token"], "tokenHost": "127.0.0.1"},
    ),
}


@pytest.mark.parametrize(("keys", "shown"), SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "in the body"])
async def test_what_is_shown(
    oms: RawServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    keys: dict[str, str],
    shown: dict[str, Any],
    stored: bool,  # noqa: FBT001 - a case
) -> None:
    """Type, whose it is, names of headers and the host of tokens: of every type, and of none a secret."""
    caplog.set_level("DEBUG")
    oms.play = answering(http(404))
    async with raw_server(answering(token_answer("MARKED"))) as idp:
        given = {key: value.replace("{idp}", str(idp.port)) for key, value in keys.items()}
        before = given if stored else BASIC
        body = {} if stored else {"type": shown["type"], "config": given}
        async with running_proxy(configured(oms, tmp_path), tmp_path, before) as proxy:
            answer = await dry_run(proxy, body)
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
            state = answer.json
            assert ("acceptedAt" in state) is stored
            assert {**state, "acceptedAt": ""} == {**shown, "acceptedAt": "", "test": NOT_FOUND}
            assert "MARKED" not in answer.body.decode() + caplog.text
            assert read_keys(proxy.credentials) == before
        (line,) = audited(caplog)
        assert (line["outcome"], line["dryRun"], line["test"], line["reason"]) == (
            *("tested", True, "accepted"),
            "order-not-found",
        )
        assert (line["type"], line.get("tokenHost")) == (shown["type"], shown.get("tokenHost"))


@pytest.mark.parametrize("query", ["?dryRun=true", "?dryRun=true&validate=true", "?dryRun=true&validate=false"])
async def test_one_that_does_not_work(proxy: RunningProxy, oms: RawServer, query: str) -> None:
    """The same as with `validate`; what is in use goes on."""
    oms.play = only_right_password
    body = {"type": "basic", "config": {"username": "user", "password": "wrong"}}
    answer = await dry_run(proxy, body, query)
    assert (answer.status, answer.code) == (422, "credential-rejected")
    oms.play = answering(http(500))
    answer = await dry_run(proxy, body, query)
    assert (answer.status, answer.code) == (503, "validation-inconclusive")
    assert read_keys(proxy.credentials) == BASIC
    oms.play = only_right_password
    assert (await proxy.get()).status == 200


async def test_who_set_it_and_when_it_was_taken(proxy: RunningProxy, oms: RawServer) -> None:
    """By a PUT, tried or not; what comes of a dry run is known from then on."""
    began = datetime.now(UTC).replace(microsecond=0)
    body = {"type": "basic", "config": {"username": "alice", "password": "MARKED"}}
    assert (await dry_run(proxy, body, "")).status == 204
    oms.play = answering(http(500))
    state = (await dry_run(proxy, {})).json
    assert state["setBy"] == tokens.ADMIN_EMAIL
    assert began <= datetime.fromisoformat(state["setAt"]) <= datetime.now(UTC)
    assert state.keys() == {"type", "username", "setAt", "setBy", "test"}
    oms.play = answering(http(401))
    state = (await dry_run(proxy, {})).json
    assert "rejectedAt" in state
    assert "acceptedAt" not in state
    oms.play = documented
    assert (await dry_run(proxy, body, "?validate=true")).status == 204
    oms.play = answering(http(500))
    assert "acceptedAt" in (await dry_run(proxy, {})).json, "nobody needs to prove again what was tried"


async def test_one_that_is_replaced_while_it_is_tried(
    proxy: RunningProxy, oms: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is told of either: the state would be one's, and what came of the trial the other's."""
    release = asyncio.Event()
    oms.play = held_until(release, documented)
    tried = asyncio.create_task(dry_run(proxy, {}))
    await oms.reached(1)
    body = {"type": "basic", "config": {"username": "another", "password": "MARKED"}}
    assert (await dry_run(proxy, body, "")).status == 204
    release.set()
    answer = await tried
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "validation-inconclusive", "5")
    assert answer.json["detail"] == "The stored credential was replaced while it was tried; try again."
    assert [(line["outcome"], line.get("test")) for line in audited(caplog)] == [
        ("stored", None),
        ("validation-failed", "accepted"),
    ]
    state = (await dry_run(proxy, {})).json
    assert (state["username"], state["test"]["outcome"]) == ("another", "accepted")


async def test_a_dry_run_ends_the_pause_after_a_rejection(proxy: RunningProxy, oms: RawServer) -> None:
    """The OMS takes the credential again, and reads go at once."""
    oms.play = answering(http(401))
    assert [(await proxy.get()).code for _ in range(2)] == ["upstream-rejected-credentials"] * 2
    assert len(oms.received) == 1
    oms.play = documented
    assert (await proxy.get()).code == "upstream-rejected-credentials"
    assert (await dry_run(proxy, {})).json["test"]["outcome"] == "accepted"
    assert (await proxy.get()).status == 200


async def test_a_dry_run_begins_a_pause(proxy: RunningProxy, oms: RawServer) -> None:
    """The OMS does not take the credential in use any more: it is spared further logins."""
    assert (await proxy.get()).status == 200
    oms.play = answering(http(401))
    assert (await dry_run(proxy, {})).json["test"]["outcome"] == "failed"
    asked = len(oms.received)
    assert (await proxy.get()).code == "upstream-rejected-credentials"
    assert len(oms.received) == asked


async def test_a_token_that_the_oms_rejects_is_no_wrong_login(oms: RawServer, tmp_path: Path) -> None:
    """The secret was right: reads try again as soon as after any token that the OMS did not take."""
    async with (
        raw_server(answering(token_answer("t"))) as idp,
        running_proxy(configured(oms, tmp_path), tmp_path, oauth2(idp.url)) as proxy,
    ):
        oms.play = answering(http(401))
        state = (await dry_run(proxy, {})).json
        assert (state["test"]["outcome"], "rejectedAt" in state) == ("failed", False)
        oms.play = documented
        assert (await proxy.get()).status == 200


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        (http(401), "failed", "The OMS rejected the credential (401)."),
        (http(500), "inconclusive", "The OMS answered 500."),
    ],
)
async def test_the_stored_one_does_not_work(
    proxy: RunningProxy, oms: RawServer, answer: bytes, outcome: str, detail: str
) -> None:
    """200 with what came of it: the admin asked for the state, and that is it."""
    oms.play = answering(answer)
    answered = await dry_run(proxy, {})
    assert (answered.status, answered.json["test"]) == (200, {"outcome": outcome, "detail": detail})


async def test_the_stored_ones_contract(proxy: RunningProxy, oms: RawServer) -> None:
    """Which fields break it is in the state."""
    oms.play = answering(http(200, b'{"customerOrder": {"customerOrderId": "0", "status": "X", "items": []}}'))
    answered = await dry_run(proxy, {})
    assert answered.json["test"]["errors"] == [{"pointer": "/customerOrder/customerId", "detail": "is missing"}]


async def test_nothing_is_stored_yet(oms: RawServer, tmp_path: Path) -> None:
    """There is nothing to try, or nothing that could be tried."""
    async with running_proxy(configured(oms, tmp_path), tmp_path) as proxy:
        answer = await dry_run(proxy, {})
        assert (answer.status, answer.code) == (503, "credentials-not-configured")
    async with running_proxy(configured(oms, tmp_path), tmp_path, {"username": "a:b"}) as proxy:
        answer = await dry_run(proxy, {})
        assert (answer.status, answer.code) == (503, "credentials-invalid")
        assert "`password` is missing" in answer.json["detail"]
    assert oms.received == []


async def test_the_store_can_not_be_read(proxy: RunningProxy) -> None:
    """That is said, and nothing is tried."""
    (proxy.credentials / "..data").unlink()
    (proxy.credentials / "..data").mkdir()
    (proxy.credentials / "..data" / "username").mkdir()
    assert (await dry_run(proxy, {})).code == "store-unavailable"


@pytest.mark.parametrize("query", ["", "?validate=true", "?dryRun=false"])
async def test_an_empty_body_is_a_credential_only_for_a_dry_run(proxy: RunningProxy, query: str) -> None:
    """Without it, fields are missing."""
    answer = await dry_run(proxy, {}, query)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/type", "/config"]


async def test_where_the_platform_team_manages_it(oms: RawServer, tmp_path: Path) -> None:
    """An admin may try the stored credential, which changes nothing, and no other one."""
    config = configured(oms, tmp_path, management="platform")
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        assert (await dry_run(proxy, {})).json["test"]["outcome"] == "accepted"
        tried = len(oms.received)
        body = {"type": "basic", "config": BASIC}
        for query in ("", "?validate=true", "?dryRun=true"):
            answer = await dry_run(proxy, body, query)
            assert (answer.status, answer.code) == (409, "managed-by-platform")
        assert len(oms.received) == tried


async def test_get_stays_405(proxy: RunningProxy) -> None:
    """The state is asked for by a PUT alone."""
    answer = await proxy.get("/api/v1/proxy-config?dryRun=true", headers=tokens.admin())
    assert (answer.status, answer.headers["Allow"]) == (405, "PUT")
