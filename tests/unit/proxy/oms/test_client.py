"""The OMS behind the proxy, misbehaving in every way: what callers see, and what the OMS is spared."""

import asyncio
import json
from pathlib import Path

import pytest

from support.proxy.log_lines import log_lines
from support.proxy.oms import (
    ORDER_ANSWER,
    SEARCH_ANSWER,
    Play,
    RawServer,
    answering,
    breaking,
    documented,
    dripping,
    held_until,
    http,
    only_right_password,
    resetting,
)
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy
from support.waiting import PATIENCE, eventually
from tenantproxy.admission import Admission
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.basic import Basic
from tenantproxy.metrics import Metrics
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.clients import ClientFactory
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.problems import Problem
from tenantproxy.transport import dialer
from tenantproxy.transport.tls import TlsFiles

WRONG = {"username": "user", "password": "wrong"}


GET_ORDER = f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
BODY = ORDER_ANSWER.partition(b"\r\n\r\n")[2]
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

# (what the OMS does, the outward status, its code, calls that the OMS sees)
FAILURES: dict[str, tuple[Play, int, str, int]] = {
    "404 on GET": (answering(http(404, b"MARKED")), 404, "order-not-found", 1),
    "400 on GET": (answering(http(400, b"MARKED")), 502, "upstream-contract", 1),
    "401": (answering(http(401, b"MARKED")), 502, "upstream-rejected-credentials", 1),
    "403": (answering(http(403, b"MARKED")), 502, "upstream-forbidden", 1),
    "409": (answering(http(409, b"MARKED")), 502, "upstream-contract", 1),
    "429": (answering(http(429, b"", retry_after="17")), 503, "upstream-rate-limited", 1),
    "302": (answering(http(302, b"", location="http://127.0.0.1:1/MARKED")), 502, "upstream-contract", 1),
    "204": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), 502, "upstream-contract", 1),
    "206": (answering(http(206, BODY)), 502, "upstream-contract", 1),
    "500": (answering(http(500, b"MARKED")), 502, "upstream-error", 1),
    "503": (answering(http(503, b"MARKED")), 502, "upstream-error", 2),
    "HTML": (answering(http(200, b"<html>MARKED", content_type="text/html")), 502, "upstream-error", 1),
    "no content type": (answering(http(200, BODY, content_type="")), 502, "upstream-error", 1),
    "UTF-16": (
        answering(http(200, BODY, content_type="application/json; charset=utf-16")),
        502,
        "upstream-error",
        1,
    ),
    "compressed": (answering(http(200, b"\x1f\x8bMARKED", content_encoding="gzip")), 502, "upstream-error", 1),
    "not JSON": (answering(http(200, b'{"customerOrder": MARKED')), 502, "upstream-error", 1),
    "empty": (answering(http(200)), 502, "upstream-error", 1),
    "NaN": (answering(http(200, BODY.replace(b"9.5", b"NaN"))), 502, "upstream-error", 1),
    "deep nesting": (
        answering(http(200, b'{"a":' + b"[" * 40_000 + b"]" * 40_000 + b"}")),
        502,
        "upstream-contract",
        1,
    ),
    "missing field": (answering(http(200, BODY.replace(b'"status"', b'"MARKED"'))), 502, "upstream-contract", 1),
    "too large": (answering(http(200, b" " * 200_000)), 502, "upstream-error", 1),
    "too large, chunked": (
        answering(CHUNKED + b"20000\r\n" + b" " * 0x20000 + b"\r\n0\r\n\r\n"),
        502,
        "upstream-error",
        1,
    ),
    "closed at once": (breaking(b""), 502, "upstream-error", 2),
    "reset at once": (resetting(b""), 502, "upstream-error", 2),
    "closed in the head": (breaking(ORDER_ANSWER[:30]), 502, "upstream-error", 2),
    "closed in the body": (breaking(ORDER_ANSWER[:-10]), 502, "upstream-error", 1),
    "reset in the body": (resetting(ORDER_ANSWER[:-10]), 502, "upstream-error", 1),
    "closed in a chunk": (breaking(CHUNKED + b"ff\r\n{"), 502, "upstream-error", 1),
    "chunked garbage": (answering(CHUNKED + b"zz\r\nMARKED\r\n"), 502, "upstream-error", 1),
    "not HTTP": (breaking(b"MARKED MARKED\r\n\r\n"), 502, "upstream-error", 1),
    "too long a Content-Length": (breaking(http(200, BODY, content_length="9000")), 502, "upstream-error", 1),
    "two Content-Lengths": (
        breaking(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nMARKED"),
        502,
        "upstream-error",
        1,
    ),
    "slow head": (dripping(ORDER_ANSWER, after=20, pause=PATIENCE), 504, "upstream-timeout", 1),
    "slow body": (dripping(ORDER_ANSWER, after=len(ORDER_ANSWER) - 5, pause=PATIENCE), 504, "upstream-timeout", 1),
    "silence": (dripping(b"", after=0, pause=PATIENCE), 504, "upstream-timeout", 1),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_failure_table(oms: RawServer, tmp_path: Path, name: str) -> None:
    """Each misbehaviour has its status and code, in time, and no byte of the OMS's gets through."""
    oms.play, status, code, calls = FAILURES[name]
    seconds = 1.0 if code == "upstream-timeout" else PATIENCE
    config = proxy_config(oms.url, timeoutSeconds=seconds, maxResponseBytes=100_000)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        answer = await proxy.get()
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert b"MARKED" not in answer.body + str(answer.headers).encode()
        assert len(oms.received) == calls
        oms.play = documented
        if code == "upstream-rejected-credentials":
            await proxy.change_keys(WRONG)
        assert (await proxy.get()).status == 200, "the next request finds the OMS well again"


async def test_429_passes_the_pause_on(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's Retry-After reaches the caller, if it is a number."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        for given, passed in (("17", "17"), ("MARKED", "1"), ("99999999999", "999999")):
            oms.play = answering(http(429, b"", retry_after=given))
            assert (await proxy.get()).headers["Retry-After"] == passed


@pytest.mark.parametrize(("status", "code"), [(400, "search-rejected"), (404, "upstream-contract")])
async def test_search_has_its_own_rows(oms: RawServer, tmp_path: Path, status: int, code: str) -> None:
    """A 400 on a search is about its criteria; a 404 is not in the contract."""
    oms.play = answering(http(status))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.search()).code == code


async def test_violations_are_pointed_at_and_counted(oms: RawServer, tmp_path: Path) -> None:
    """The OMS's developers see which fields are wrong, and never a value."""
    wrong = {"customerOrderId": 1, "customerId": "MARKED", "status": None, "items": [{"itemId": "x"}]}
    oms.play = answering(http(200, json.dumps({"customerOrder": wrong}).encode()))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        answer = await proxy.get()
        assert [error["pointer"] for error in answer.json["errors"]] == [
            "/customerOrder/customerOrderId",
            "/customerOrder/status",
            "/customerOrder/items/0/quantityOrdered",
            "/customerOrder/items/0/unitPrice",
        ]
        assert b"MARKED" not in answer.body
        series = 'tenantproxy_mapping_violations_total{pointer="/customerOrder/items/*/unitPrice"}'
        assert await proxy.metric(series) == 1


async def test_another_order_is_refused_and_counted(oms: RawServer, tmp_path: Path) -> None:
    """An order that was not asked for goes out to nobody, however long the answer is."""
    large = json.loads(BODY)
    large["customerOrder"]["items"] *= 2000
    for number, body in enumerate((BODY, json.dumps(large).encode()), start=1):
        oms.play = answering(http(200, body.replace(b"CO-1", b"CO-12")))
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            answer = await proxy.get()
            assert (answer.status, answer.code) == (502, "upstream-contract"), number
            assert [error["pointer"] for error in answer.json["errors"]] == ["/customerOrder/customerOrderId"]
            assert b"CO-1" not in answer.body
            assert await proxy.metric('tenantproxy_upstream_errors_total{reason="wrong-order"}') == 1
            series = 'tenantproxy_mapping_violations_total{pointer="/customerOrder/customerOrderId"}'
            assert await proxy.metric(series) == 1


async def test_an_oms_with_another_form_of_the_id(oms: RawServer, tmp_path: Path) -> None:
    """Where it is said that the OMS has another form of ids, its answer is taken as it is."""
    oms.play = answering(http(200, BODY.replace(b"CO-1", b"000017")))
    operations = {"getOrder": {"idMatch": "off"}}
    async with running_proxy(proxy_config(oms.url, operations=operations), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).json["customerOrder"]["customerOrderId"] == "000017"


async def test_refused_and_unresolved_are_unreachable(oms: RawServer, tmp_path: Path) -> None:
    """No connection is a 502 of its own."""
    refused = oms.url
    await oms.__aexit__()
    for url in (refused, "http://no-such-host.invalid"):
        async with running_proxy(proxy_config(url), tmp_path, BASIC) as proxy:
            assert (await proxy.get()).code == "upstream-unreachable"


async def test_a_client_that_goes_away_is_counted(oms: RawServer, tmp_path: Path) -> None:
    """An answer to nobody is not waited for, but as long as the OMS may be at work on it, it is the only one."""
    oms.play = dripping(ORDER_ANSWER, after=0, pause=30)
    config = proxy_config(oms.url, timeoutSeconds=20, maxConnections=1)
    async with running_proxy(config, tmp_path, BASIC) as proxy:
        for count in (1, 2):
            asking = asyncio.create_task(proxy.raw(GET_ORDER))
            await proxy.becomes("tenantproxy_requests_in_flight", 1)
            await oms.reached(1)
            asking.cancel()
            await proxy.becomes('tenantproxy_cancelled_requests_total{route="getOrder"}', count)
            await proxy.becomes("tenantproxy_requests_in_flight", 0)
        assert len(oms.received) == 1


async def test_the_log_tells_of_a_pause_once(oms: RawServer, tmp_path: Path) -> None:
    """When the OMS asks for one, not when it asks again, and when an answer comes that asks for none."""
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url, retries=0), tmp_path, BASIC) as proxy:
            oms.play = answering(http(503, b"", retry_after="1"))
            for _ in range(2):
                await eventually(proxy.get, lambda answer: answer.code == "upstream-rate-limited")
                assert (await proxy.get()).code == "circuit-open"
            oms.play = documented
            await eventually(proxy.get, lambda answer: answer.status == 200)
        told = lines.of("tenantproxy.state")
    assert [(line["code"], line["state"], line.get("reason")) for line in told] == [
        ("circuit-open", "begun", "pause"),
        ("circuit-open", "ended", None),
    ]


async def test_calls_that_nobody_waits_for_open_the_circuit(oms: RawServer, tmp_path: Path) -> None:
    """Clients that are impatient with an OMS that hangs have it left alone like others."""
    async with running_proxy(proxy_config(oms.url, timeoutSeconds=2), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200  # the first one goes alone
        oms.play = dripping(ORDER_ANSWER, after=0, pause=30)
        asking = [asyncio.create_task(proxy.raw(GET_ORDER)) for _ in range(FAILURES_TO_OPEN)]
        await oms.reached(FAILURES_TO_OPEN)
        for each in asking:
            each.cancel()
        await proxy.becomes('tenantproxy_circuit_state{operation="getOrder"}', 2)
        assert (await proxy.get()).code == "circuit-open"


async def test_an_answer_that_breaks_the_contract_ends_its_connection(oms: RawServer, tmp_path: Path) -> None:
    """It may be another request's: what follows on its connection can't be trusted. Others are reused."""
    oms.play = answering(ORDER_ANSWER, ORDER_ANSWER, SEARCH_ANSWER, ORDER_ANSWER)
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert [(await proxy.get()).status for _ in range(4)] == [200, 200, 502, 200]
        assert oms.connections == 2


async def test_an_answer_without_room_is_no_failure_of_the_oms(oms: RawServer, tmp_path: Path) -> None:
    """What the proxy has no memory for now is 503, and does not count against the OMS."""
    oms.play = answering(ORDER_ANSWER)
    config = proxy_config(oms.url)
    clients, metrics = ClientFactory(config, TlsFiles(config.upstream.tls, tmp_path), None), Metrics(config.tenant)
    credential = ActiveCredential(clients, metrics)
    reader = OmsClient(config.upstream, clients.oms(), credential, metrics)
    try:
        await credential.use(Basic(username="user", password="right"))
        for max_bytes in [10] * FAILURES_TO_OPEN + [1000]:
            ticket = Admission(1, 0, max_bytes).admit(None)
            reading = reader.read(ticket, OmsRequest("getOrder", "GET", "/CO-1", {}))
            if max_bytes < len(BODY):
                with pytest.raises(Problem) as caught:
                    await reading
                assert (caught.value.code, caught.value.headers) == ("overloaded", {"Retry-After": "1"})
            else:
                assert (await reading).body == BODY
    finally:
        await reader.close()


# ---- what the OMS is spared


async def test_connections_and_requests_in_flight_are_bounded(
    oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow OMS gets at most `maxConnections` at once; as many again wait, the rest is refused at once."""
    monkeypatch.setattr(dialer, "CONNECT_TIMEOUT", 60.0)  # one that is tried again counts twice
    release = asyncio.Event()
    async with running_proxy(proxy_config(oms.url, maxConnections=3, timeoutSeconds=60), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200  # the first one goes alone
        oms.play = held_until(release)
        reading = [asyncio.create_task(proxy.get()) for _ in range(40)]
        await proxy.becomes('tenantproxy_rejected_requests_total{reason="overloaded"}', 34)
        release.set()
        answers = await asyncio.gather(*reading)
        codes = [answer.code or "ok" for answer in answers]
        assert (codes.count("ok"), codes.count("overloaded")) == (6, 34)
        assert all("Retry-After" in answer.headers for answer in answers if answer.status == 503)
        assert oms.most_concurrent == 3
        assert oms.connections == 3


async def test_requests_wait_for_the_probe_of_a_new_credential(oms: RawServer, tmp_path: Path) -> None:
    """After a change of a rejected credential one request tries it, and the others succeed with it."""
    oms.play = only_right_password
    async with running_proxy(proxy_config(oms.url), tmp_path, WRONG) as proxy:
        assert (await proxy.get()).status == 502
        await proxy.change_keys(BASIC)
        before = len(oms.received)
        tried = asyncio.Event()
        oms.play = held_until(tried, only_right_password)
        waiting = [asyncio.create_task(proxy.get()) for _ in range(10)]
        await proxy.becomes("tenantproxy_requests_in_flight", 10)
        assert len(oms.received) <= before + 1
        tried.set()
        assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}


async def test_searches_share_all_protections(oms: RawServer, tmp_path: Path) -> None:
    """A search is a read like any other: retried, and with the same credential."""
    oms.play = answering(http(503), SEARCH_ANSWER)
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.search()).status == 200
        assert len({(request.headers["authorization"], request.body) for request in oms.received}) == 1
