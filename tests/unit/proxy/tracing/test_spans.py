"""What spans there are of a request, what is in them, and what an OMS gets to join the trace."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from support.proxy import tokens
from support.proxy.idp import Idp, oauth2
from support.proxy.log_lines import log_lines
from support.proxy.oms import ORDER, ORDER_ANSWER, RawServer, answering, held_until, http, raw_server
from support.proxy.otlp import Collector, Spanned
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy import config
from tenantproxy.tracing import export

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
GET = "GET /api/v1/business-units/{businessUnitId}/customer-orders/{customerOrderId}"


def traced(url: str, otlp: Collector, ratio: float | None = 1.0, **options: Any) -> config.ProxyConfig:
    """Return a configuration with a share of traces recorded."""
    tracing = config.Tracing(endpoint=otlp.endpoint, sampling_ratio=ratio)
    return msgspec.structs.replace(proxy_config(url, **options), tracing=tracing)


def by_name(spans: list[Spanned]) -> dict[str, Spanned]:
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


async def test_a_read(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Its span is a child of the caller's, what was done is in it, and the OMS can add its own below the call."""
    async with running_proxy(traced(oms.url, otlp, 0.0), tmp_path, BASIC) as proxy:
        answer = await proxy.get(headers=SAMPLED | {"Correlation-Id": "c-1"})
        assert answer.status == 200
    spans = by_name(otlp.spans)  # all of them are there, now that the proxy has ended
    assert list(spans) == [GET, "credential", "GET", "mapping"]
    read, call = spans[GET], spans["GET"]
    assert {span.trace for span in spans.values()} == {TRACE}
    assert read.parent == CALLER
    assert {spans[name].parent for name in ("credential", "GET", "mapping")} == {read.id}
    assert oms.received[0].headers["traceparent"] == f"00-{TRACE}-{call.id}-01"
    assert (read.kind, call.kind, spans["mapping"].kind) == ("server", "client", "internal")
    assert read.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": GET.removeprefix("GET "),
        "tenantproxy.correlation_id": "c-1",
        "url.scheme": "http",
    }
    assert call.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": oms.port,
        "service.peer.name": "oms",
    }
    assert not any(span.failed for span in spans.values())
    assert read.begin <= call.begin <= call.end <= spans["mapping"].begin <= spans["mapping"].end <= read.end


async def test_who_sends_them(
    oms: RawServer, otlp: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process says which tenant's it is; what OpenTelemetry's variables say comes first."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=acme-1,service.instance.id=i-1")
    async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
        await proxy.get()
    resource = dict(otlp.spans[0].resource)
    assert resource.pop("service.version")
    assert {name: value for name, value in resource.items() if not name.startswith("telemetry.")} == {
        "hiiretail.tenant.id": "T-acme",
        "k8s.namespace.name": "default",
        "k8s.pod.name": "acme-1",
        "service.instance.id": "i-1",
        "service.name": "tenantproxy",
        "tenantproxy.name": "acme",
    }


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (NOT_SAMPLED, NOT_SAMPLED["traceparent"]),  # the caller's word, whatever the ratio
        ({}, None),
        ({"traceparent": "00-x"}, None),
    ],
)
async def test_what_is_not_recorded(
    oms: RawServer, otlp: Collector, tmp_path: Path, given: dict[str, str], passed: str | None
) -> None:
    """Nothing is sent, and an OMS decides for itself: it gets the caller's context, if there is one."""
    ratio = 1.0 if given is NOT_SAMPLED else 0.0
    async with running_proxy(traced(oms.url, otlp, ratio), tmp_path, BASIC) as proxy:
        assert (await proxy.get(headers=given)).status == 200
    assert oms.received[0].headers.get("traceparent") == passed
    assert otlp.spans == []


async def test_a_trace_that_begins_here(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Without a caller's context the ratio decides, and the OMS joins the new trace; each request has its own."""
    async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
        await proxy.get()
        await proxy.search()
    (read, search) = (span for span in otlp.spans if span.kind == "server")
    assert read.parent == search.parent == ""
    assert read.trace != search.trace
    traces = [request.headers["traceparent"].split("-")[1] for request in oms.received]
    assert traces == [read.trace, search.trace]
    assert search.name == "POST /api/v1/business-units/{businessUnitId}/customer-orders:search"


async def test_each_call_of_the_oms(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """A retry is a call of its own; the first one says why there was another."""
    oms.play = answering(http(503), ORDER_ANSWER)
    async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 200
    first, second = otlp.named("GET")
    assert (first.attributes["error.type"], first.failed) == ("503", True)
    assert ("error.type" in second.attributes, second.failed) == (False, False)
    assert [request.headers["traceparent"].split("-")[2] for request in oms.received] == [first.id, second.id]


async def test_why_a_read_failed(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """The request has the code that its caller got, and the finer reason; so has the step that failed."""
    oms.play = answering(http(200, json.dumps({"customerOrder": {**ORDER, "status": 7}}).encode()))
    async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 502
        assert (await proxy.get("/nowhere/MARKED")).status == 405
    read, nowhere = (span for span in otlp.spans if span.kind == "server")
    assert read.failed
    assert read.attributes["tenantproxy.code"] == "upstream-contract"
    assert read.attributes["error.type"] == "contract"
    (mapping,) = otlp.named("mapping")
    assert (mapping.failed, mapping.attributes["error.type"]) == (True, "contract")
    assert (nowhere.name, nowhere.failed) == ("GET", False)  # a mistake of the caller's is none of the server's
    assert nowhere.attributes["tenantproxy.code"] == "method-not-allowed"
    assert "http.route" not in nowhere.attributes


async def test_an_oms_that_is_not_there(otlp: Collector, oms: RawServer, tmp_path: Path) -> None:
    """The call says why no connection was made."""
    async with running_proxy(traced(oms.url, otlp, retries=0), tmp_path, BASIC) as proxy:
        await oms.__aexit__()
        assert (await proxy.get()).status == 502
    (call,) = otlp.named("GET")
    assert (call.failed, call.attributes["error.type"]) == (True, "connect")
    assert "http.response.status_code" not in call.attributes


async def test_an_oms_that_is_too_slow(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """The call ends with the patience for it; the request says that it was a timeout."""

    async def silent(*_: Any) -> None:
        await oms.reached(0)

    oms.play = silent
    async with running_proxy(traced(oms.url, otlp, timeoutSeconds=0.1), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 504
    spans = by_name(otlp.spans)
    assert spans["GET"].attributes["error.type"] == "cancelled"
    assert spans[GET].attributes["error.type"] == "upstream-timeout"


async def test_a_caller_that_went_away(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Its span is found by its route as any other, and has no status."""
    release = asyncio.Event()
    oms.play = held_until(release)
    with log_lines() as lines:
        async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
            async with aiohttp.ClientSession() as session:
                leaving = asyncio.create_task(session.get(f"http://127.0.0.1:{proxy.port}{GET_PATH}"))
                await oms.reached(1)
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)
            await eventually(lambda: lines.of("tenantproxy.request"))
            release.set()
    read = by_name(otlp.spans)[GET]
    assert (read.failed, read.attributes["error.type"]) == (False, "cancelled")
    assert read.attributes["http.route"] == GET.removeprefix("GET ")
    assert "http.response.status_code" not in read.attributes


async def test_nothing_that_anybody_sends_is_in_them(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """No id, query, header, body, credential or token, of whatever comes or goes; nor what errors say of them."""
    keys = {"username": "MARKED-user", "password": "MARKED-password"}
    order = http(200, json.dumps({"customerOrder": {**ORDER, "customerId": "MARKED", "status": 7}}).encode())
    headers = tokens.bearer(tokens.machine_token()) | {
        **dict.fromkeys(("Cookie", "User-Agent", "X-Forwarded-For", "tracestate"), "MARKED"),
        "baggage": "MARKED=MARKED",
        "Host": "marked.example",
    }
    access = tokens.access(tmp_path)
    path = "/api/v1/business-units/MARKED/customer-orders/MARKED?MARKED=MARKED"
    async with running_proxy(traced(oms.url, otlp, access=access), tmp_path, keys) as proxy:
        for play in (ORDER_ANSWER, order, http(500, b"MARKED"), http(401)):
            oms.play = answering(play)
            await proxy.get(path, headers=headers)
            await proxy.search({"customerId": "MARKED", "MARKED": 1}, headers=headers)
        await proxy.put({"username": "MARKED", "password": "MARKED"}, headers=tokens.admin() | headers)
        await proxy.request("PROPFIND", path, headers=headers)
        token = headers["Authorization"].removeprefix("Bearer ")
    received = b"".join(request.body for request in otlp.server.received)
    assert len(otlp.named("GET")) >= 3
    assert not [word for word in (b"MARKED", b"marked", token.encode()) if word in received]
    assert "_OTHER" in {span.attributes.get("http.request.method") for span in otlp.named("HTTP")}


async def test_a_token_is_fetched_within_its_request(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """The call of the token endpoint is part of the trace, and the endpoint is told nothing of that."""
    idp = Idp()
    oms.play = idp.check
    async with raw_server(idp.issue) as endpoint:
        async with running_proxy(traced(oms.url, otlp), tmp_path, oauth2(endpoint.url)) as proxy:
            idp.valid.clear()
            assert (await proxy.get()).status == 200
        assert [request.headers.get("traceparent") for request in endpoint.received] == [None, None]
    (read,) = otlp.named(GET)
    (fetch,) = otlp.named("POST")  # the first one was before any request
    assert (fetch.trace, fetch.parent) == (read.trace, read.id)
    assert fetch.attributes["service.peer.name"] == "token-endpoint"
    assert [span.attributes["http.response.status_code"] for span in otlp.named("GET")] == [401, 200]


async def test_the_queue_is_bounded(
    oms: RawServer, otlp: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector that hangs costs no request anything, nor the end; what does not fit is counted."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setattr(export, "FLUSH_SECONDS", 0.1)

    async def hang(*_: Any) -> None:
        await otlp.server.reached(0)

    otlp.server.play = hang
    async with running_proxy(traced(oms.url, otlp), tmp_path, BASIC) as proxy:
        for _ in range(8):
            assert (await proxy.get()).status == 200
        dropped = await proxy.metric('tenantproxy_trace_spans_total{outcome="dropped"}')
        assert dropped is not None
        assert dropped >= 8 * 4 - 2 * 8  # eight are being sent, eight wait
