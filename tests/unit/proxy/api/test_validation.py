"""`PUT /api/v1/proxy-config?validate=true`: one read with the new credential, beside those with the one in use."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from support.certificates import HERE, Authority
from support.proxy import tokens
from support.proxy.names import names
from support.proxy.oms import (
    Play,
    RawServer,
    Received,
    answering,
    breaking,
    documented,
    http,
    raw_server,
    token_answer,
)
from support.proxy.running import BASIC, Answered, RunningProxy, proxy_config, running_proxy
from support.proxy.tls_server import TlsServer
from support.waiting import eventually
from tenantproxy.credentials.stores.files import read_keys
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN
from tenantproxy.problems import PROBLEM_TYPES

NEW: Final = {"type": "basic", "config": {"username": "new", "password": "MARKED"}}
NEW_KEYS: Final = {"type": "basic", "username": "new", "password": "MARKED"}
IN_USE: Final = "Basic dXNlcjpyaWdodA=="


def to_the_new(play: Play) -> Play:
    """Return a play that goes on answering the credential in use, and every other one so."""

    async def discriminating(request: Received, writer: asyncio.StreamWriter) -> None:
        is_in_use = request.headers.get("authorization") == IN_USE
        await (documented if is_in_use else play)(request, writer)

    return discriminating


async def mute(_request: Received, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def order(**changes: Any) -> bytes:
    """Return an answer to a read of the probe's order."""
    members = {"customerOrderId": "0", "customerId": "C", "status": "OPEN", "items": []} | changes
    return http(200, json.dumps({"customerOrder": members}).encode())


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    config = proxy_config(
        oms.url,
        access=tokens.access(tmp_path, mode="trusted"),
        auth={"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"], "timeoutSeconds": 0.5}},
        operations={"getOrder": {"timeoutSeconds": 0.5, "retries": 3}},
    )
    async with running_proxy(config, tmp_path, BASIC) as running:
        yield running


async def validate(proxy: RunningProxy, body: dict[str, Any], **options: Any) -> Answered:
    return await proxy.put(body, query="?validate=true", headers=tokens.admin(), **options)


async def check_untouched(proxy: RunningProxy) -> None:
    """Check that nothing was stored, and that reads go on with the credential in use."""
    assert read_keys(proxy.credentials) == BASIC
    assert (await proxy.get()).status == 200
    assert await proxy.metric("tenantproxy_credentials_accepted") == 1
    assert await proxy.metric('tenantproxy_circuit_state{operation="getOrder"}') == 0
    assert await proxy.metric('tenantproxy_upstream_request_duration_seconds_count{operation="getOrder"}') == 1


def audited(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the outcomes that the audit log has."""
    return [
        record.__dict__["fields"]["outcome"] for record in caplog.records if record.name == "tenantproxy.audit"
    ]


def sent_with(oms: RawServer) -> list[str]:
    """Return what the requests other than the read of `check_untouched` were authorized by."""
    return [it.headers["authorization"] for it in oms.received if it.headers["authorization"] != IN_USE]


# ---- it works


@pytest.mark.parametrize("answer", [http(404), order()], ids=["no such order", "an order that holds the contract"])
async def test_a_credential_that_the_oms_takes_is_stored(
    proxy: RunningProxy, oms: RawServer, answer: bytes
) -> None:
    """One read like any other, by which its log can find it, is what it takes."""
    oms.play = to_the_new(answering(answer))
    answered = await proxy.put(
        NEW, query="?validate=true", headers=tokens.admin() | {"Correlation-Id": "c-1", "traceparent": "no"}
    )
    assert (answered.status, answered.body) == (204, b"")
    assert read_keys(proxy.credentials) == NEW_KEYS
    (read,) = oms.received
    assert (read.method, read.target) == ("GET", "/business-units/0/customer-orders/0")
    assert read.headers["correlation-id"] == "c-1"
    assert read.headers["tenant-id"] == "T-acme"
    assert read.headers["accept"] == "application/json"
    assert "traceparent" not in read.headers


async def test_the_manifest_says_how_it_is_tried(oms: RawServer, tmp_path: Path) -> None:
    """The probe's ids, request, outcomes and mapping are those of a read, by the first form of the id."""
    endpoint = {
        "path": "/orders/{businessUnitId}",
        "query": {"number": "{customerOrderId}"},
        "ids": ["{customerOrderId|upper}", "{customerOrderId}"],
        "outcomes": [{"status": [200], "means": "order-not-found", "when": [{"from": "/found", "in": ["0"]}]}],
        "probe": {"businessUnitId": "BU-1", "customerOrderId": "co-9"},
    }
    config = proxy_config(
        oms.url,
        access=tokens.access(tmp_path, mode="trusted"),
        operations={"getOrder": endpoint},
        mapping={"getOrder": {"root": "/hit", "fields": {"customerId": {"from": "/buyer"}}}},
    )
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        oms.play = answering(http(200, b'{"found": 0}'))
        assert (await validate(proxy, NEW)).status == 204
        hit = {"customerOrderId": "CO-9", "buyer": "C", "status": "OPEN", "items": []}
        oms.play = answering(http(200, json.dumps({"hit": hit}).encode()))
        assert (await validate(proxy, NEW)).status == 204
        oms.play = answering(http(200, json.dumps({"hit": hit | {"customerOrderId": "CO-8"}}).encode()))
        assert (await validate(proxy, NEW)).code == "credential-rejected"
    assert {it.target for it in oms.received} == {"/orders/BU-1?number=CO-9"}


@pytest.mark.parametrize(("answers", "logins"), [([token_answer("t")], 1), ([http(401), token_answer("t")], 2)])
async def test_a_token_is_asked_for_and_tried(
    proxy: RunningProxy, oms: RawServer, answers: list[bytes], logins: int
) -> None:
    """The token endpoint is asked once, or twice where the client authentication has to be found out."""
    oms.play = to_the_new(answering(http(404)))
    async with raw_server(answering(*answers)) as idp:
        answer = await proxy.put(oauth2(f"{idp.url}/token"), query="?dryRun=true", headers=tokens.admin())
        assert (answer.status, len(idp.received), sent_with(oms)) == (200, logins, ["Bearer t"])


async def only_in_the_body(request: Received, writer: asyncio.StreamWriter) -> None:
    """Take a client's secret in the body only; another style is a wrong login."""
    wrong = "authorization" in request.headers
    writer.write(http(401, b'{"error": "invalid_client"}') if wrong else token_answer("t"))


async def only_by_basic(request: Received, writer: asyncio.StreamWriter) -> None:
    wrong = "authorization" not in request.headers
    writer.write(http(401, b'{"error": "invalid_client"}') if wrong else token_answer("t"))


def wrong_logins(idp: RawServer) -> int:
    return sum("authorization" in request.headers for request in idp.received)


@pytest.mark.parametrize("answer", [http(404), http(503)], ids=["accepted", "inconclusive"])
async def test_a_style_that_was_found_out_is_kept(proxy: RunningProxy, oms: RawServer, answer: bytes) -> None:
    """It costs one wrong login, whether a trial or a read is the first; the reads and trials after it none."""
    async with raw_server(only_in_the_body) as idp:
        body = oauth2(f"{idp.url}/token")
        oms.play = documented
        if answer == http(404):
            assert (await validate(proxy, body)).status == 204
        else:
            assert (await proxy.put(body, headers=tokens.admin())).status == 204
        assert (await proxy.get()).status == 200
        oms.play = answering(answer)
        for query in ("?dryRun=true", "?dryRun=true&validate=true"):
            await proxy.put({}, query=query, headers=tokens.admin())
        await proxy.put(body, query="?validate=true", headers=tokens.admin())
        assert wrong_logins(idp) == 1
        assert len(idp.received) > 3


async def test_a_trial_does_not_rely_on_the_style_that_has_worked(proxy: RunningProxy, oms: RawServer) -> None:
    """A person's act finds out that the server wants another one by now."""
    async with raw_server(only_in_the_body) as idp:
        body = oauth2(f"{idp.url}/token")
        oms.play = answering(http(404))
        assert (await validate(proxy, body)).status == 204
        idp.play = only_by_basic
        assert (await validate(proxy, body)).status == 204
        oms.play = documented
        assert (await proxy.get()).status == 200


# ---- it does not, or nobody can say

OF_THE_OMS: Final[dict[str, tuple[Play, str, str, str]]] = {
    "wrong": (answering(http(401)), "credential-rejected", "rejected", "The OMS rejected the credential (401)."),
    "no right": (answering(http(403)), "credential-rejected", "forbidden", "The OMS answered 403. It may lack a"),
    "redirect": (
        answering(http(302, location="https://sso.example/login")),
        "credential-rejected",
        "contract",
        "The OMS answered 302, which is not in the contract.",
    ),
    "page of a login": (
        answering(http(200, b"<html>", content_type="text/html")),
        "credential-rejected",
        "contract",
        "The OMS's answer is text/html, not application/json in UTF-8.",
    ),
    "contract": (
        answering(order(items=None)),
        "credential-rejected",
        "contract",
        "Fields of the OMS's answer are missing or have the wrong type.",
    ),
    "another order": (
        answering(order(customerOrderId="1")),
        "credential-rejected",
        "contract",
        "The OMS's answer is",
    ),
    "failing": (answering(http(503)), "validation-inconclusive", "status-503", "The OMS answered 503."),
    "busy": (
        answering(http(429, retry_after="9")),
        "validation-inconclusive",
        "status-429",
        "The OMS answered 429.",
    ),
    "slow": (mute, "credential-rejected", "upstream-timeout", "The OMS did not answer in time."),
    "broken": (breaking(b""), "validation-inconclusive", "disconnected", "The OMS sent no complete response"),
}


@pytest.mark.parametrize(("play", "code", "reason", "detail"), OF_THE_OMS.values(), ids=OF_THE_OMS)
async def test_what_the_oms_answers(
    proxy: RunningProxy,
    oms: RawServer,
    caplog: pytest.LogCaptureFixture,
    play: Play,
    code: str,
    reason: str,
    detail: str,
) -> None:
    """Nothing is stored, the admin is told what happened, and a wrong password was one login, however it ended."""
    oms.play = to_the_new(play)
    answer = await validate(proxy, NEW)
    assert (answer.status, answer.code) == ({"credential-rejected": 422}.get(code, 503), code)
    assert answer.json["detail"].startswith(detail)
    assert sent_with(oms) == ["Basic bmV3Ok1BUktFRA=="]
    assert answer.headers.get("Retry-After") == (
        None if code == "credential-rejected" else "9" if reason == "status-429" else "5"
    )
    (line,) = [record.__dict__["fields"] for record in caplog.records if record.name == "tenantproxy.audit"]
    assert (line["outcome"], line["reason"], line["type"]) == ("validation-failed", reason, "basic")
    assert "MARKED" not in caplog.text + repr(line) + answer.body.decode()
    await check_untouched(proxy)


async def test_fields_that_break_the_contract_are_named(proxy: RunningProxy, oms: RawServer) -> None:
    """As a read would name them."""
    oms.play = to_the_new(answering(order(items=None)))
    answer = await validate(proxy, NEW)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/customerOrder/items"]


def oauth2(url: str) -> dict[str, Any]:
    return {"type": "oauth2", "config": {"clientId": "id", "clientSecret": "MARKED", "authUrl": url}}


OF_THE_TOKEN_ENDPOINT: Final[dict[str, tuple[Play, str, str]]] = {
    "wrong": (
        answering(http(401, b'{"error": "invalid_client"}')),
        "credential-rejected",
        "The token endpoint rejected the request for a token (401 invalid_client).",
    ),
    "scope": (
        answering(http(400, b'{"error": "invalid_scope"}')),
        "credential-rejected",
        "The token endpoint rejected the request for a token (400 invalid_scope).",
    ),
    "not found": (
        answering(http(404)),
        "credential-rejected",
        "There is no token endpoint at this URL (404).",
    ),
    "redirect": (
        answering(http(302, location="https://sso.example")),
        "credential-rejected",
        "The token endpoint returned no token (302 redirect).",
    ),
    "failing": (
        answering(http(500)),
        "validation-inconclusive",
        "The token endpoint returned no token (500).",
    ),
    "slow": (mute, "credential-rejected", "The token endpoint returned no token (unreachable)."),
}


@pytest.mark.parametrize(("play", "code", "detail"), OF_THE_TOKEN_ENDPOINT.values(), ids=OF_THE_TOKEN_ENDPOINT)
async def test_what_the_token_endpoint_answers(
    proxy: RunningProxy, oms: RawServer, play: Play, code: str, detail: str
) -> None:
    """The OMS is not even asked; at most two logins are made, to find out how the client authenticates itself."""
    async with raw_server(play) as idp:
        answer = await validate(proxy, oauth2(f"{idp.url}/token"))
        assert (answer.code, answer.json["detail"]) == (code, detail)
        assert len(idp.received) <= 2
    assert oms.received == []
    await check_untouched(proxy)


# ---- the OMS can't be reached


async def unreachable(
    oms: RawServer,
    proxy: RunningProxy,
    break_it: Callable[[], Awaitable[None]],
    code: str = "credential-rejected",
) -> str:
    """Return what is told of an OMS that can't be reached any more, but by the connection that there is."""
    assert (await proxy.get()).status == 200
    await break_it()
    answer = await validate(proxy, NEW)
    assert (answer.status, answer.code) == (PROBLEM_TYPES[code].status, code)
    assert read_keys(proxy.credentials) == BASIC
    assert (await proxy.get()).status == 200
    assert len(oms.received) == 2
    return str(answer.json["detail"])


async def test_its_certificate_is_not_right(tmp_path: Path) -> None:
    """The word is told: the address is the platform team's own, and no way to explore anything."""
    ours, others = Authority(), Authority("others")
    (tmp_path / "tls" / "ca").mkdir(parents=True)
    (tmp_path / "tls" / "ca" / "ca.crt").write_text(ours.pem)
    async with TlsServer(documented, ours.issue(*HERE)) as oms:
        oms.context.num_tickets = 0  # else it is known from the session before
        config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"), tls={"ca": True})

        async def present_another() -> None:
            oms.present(others.issue(*HERE))

        async with running_proxy(config, tmp_path, BASIC) as proxy:
            assert await unreachable(oms, proxy, present_another) == "No connection to the OMS (tls)."


ELSEWHERE: Final[dict[str, tuple[dict[str, str], str, str]]] = {
    "no such name": ({}, "credential-rejected", "dns"),
    "refuses connections": ({"oms.example": "127.0.0.2"}, "validation-inconclusive", "connect"),
}


@pytest.mark.parametrize(("found", "code", "word"), ELSEWHERE.values(), ids=ELSEWHERE)
async def test_it_is_not_there_any_more(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, str], code: str, word: str
) -> None:
    """A name that can't be looked up has to be mended; an OMS that is down says nothing of a credential."""
    addresses = {"oms.example": "127.0.0.1"}
    with names(monkeypatch, addresses):
        access = tokens.access(tmp_path, mode="trusted")
        async with running_proxy(
            proxy_config(f"http://oms.example:{oms.port}", access=access), tmp_path, BASIC
        ) as proxy:

            async def move() -> None:
                addresses.clear()
                addresses.update(found)

            assert await unreachable(oms, proxy, move, code) == f"No connection to the OMS ({word})."


# ---- beside the reads


async def test_it_has_no_part_in_the_circuit(oms: RawServer, tmp_path: Path) -> None:
    """A failing trial opens none, and an open one keeps no credential from being tried."""
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"), retries=0)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        oms.play = answering(http(500))
        for _ in range(FAILURES_TO_OPEN - 1):
            await proxy.get()
        assert (await validate(proxy, NEW)).code == "validation-inconclusive"
        assert await proxy.metric('tenantproxy_circuit_state{operation="getOrder"}') == 0
        await proxy.get()
        assert (await proxy.get()).code == "circuit-open"
        oms.play = documented
        assert (await validate(proxy, NEW)).status == 204
        assert (await proxy.get()).code == "circuit-open", "only a read closes it"


async def test_a_pause_that_it_is_asked_for_is_none_of_the_reads(proxy: RunningProxy, oms: RawServer) -> None:
    """503 with `Retry-After` to a trial holds up no read."""
    oms.play = to_the_new(answering(http(503, retry_after="60")))
    answer = await validate(proxy, NEW)
    assert (answer.code, answer.headers["Retry-After"]) == ("validation-inconclusive", "60")
    await check_untouched(proxy)


async def test_one_at_a_time_reaches_the_oms(proxy: RunningProxy, oms: RawServer) -> None:
    """Trials wait for each other; what they need of the OMS is one connection, and it is closed."""
    oms.play = to_the_new(answering(http(401)))
    answers = await asyncio.gather(*(validate(proxy, NEW) for _ in range(5)))
    assert {answer.code for answer in answers} == {"credential-rejected"}
    assert (oms.most_concurrent, oms.connections) == (1, 1 + 5)  # one is for the reads, ahead of them
    await check_untouched(proxy)


async def test_one_whose_caller_has_gone_is_given_up(
    proxy: RunningProxy, oms: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is stored, the audit log says so, and the next one is tried at once."""
    oms.play = to_the_new(mute)
    trial = asyncio.create_task(validate(proxy, NEW))
    await oms.reached(1)
    trial.cancel()
    await eventually(lambda: audited(caplog) == ["aborted"])
    oms.play = to_the_new(answering(http(403)))
    assert (await validate(proxy, NEW)).code == "credential-rejected"
    assert audited(caplog) == ["aborted", "validation-failed"]
    await check_untouched(proxy)
