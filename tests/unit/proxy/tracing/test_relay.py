"""What spans there are of a store event, what is in them, and what leads from a line or a figure to them."""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from support.proxy.log_lines import log_lines
from support.proxy.oms import RawServer, answering, http, raw_server
from support.proxy.otlp import Collector
from support.proxy.relaying import RunningRelay, event_of, login, relay_config, running_relay, signed
from support.waiting import eventually
from tenantproxy import config

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER: Final = "00f067aa0ba902b7"
SAMPLED: Final = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
NOT_SAMPLED: Final = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
PICKUP: Final = event_of("pickup")
SALE: Final = event_of("sale")
EVENT: Final = "POST /events"
OPEN_METRICS: Final = {"Accept": "application/openmetrics-text;version=1.0.0"}


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that takes all events."""
    async with raw_server(answering(http(204))) as server:
        yield server


def traced(oms: RawServer, otlp: Collector, **poslog: Any) -> config.ProxyConfig:
    """Return a configuration that records what the sender has recorded."""
    tracing = config.Tracing(endpoint=otlp.endpoint, sampling_ratio=0.0)
    given = relay_config(oms.url, **{"delivery": {"path": "/store-events"}, **poslog})
    return msgspec.structs.replace(given, tracing=tracing)


async def send(relay: RunningRelay, body: bytes = PICKUP.body, headers: Mapping[str, str] = SAMPLED) -> int:
    return (await relay.send(body, {**login(), **signed(body), **headers})).status


async def test_a_pickup(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Its span is a child of the sender's, what was done is in it, and the OMS can add its own below the call."""
    async with running_relay(traced(oms, otlp), tmp_path) as relay:
        assert await send(relay, headers=SAMPLED | {"Correlation-Id": "c-1"}) == 204
    event, credential, call = otlp.spans  # all of them are there, now that the relay has ended
    assert [span.name for span in otlp.spans] == [EVENT, "credential", "POST"]
    assert {span.trace for span in otlp.spans} == {TRACE}
    assert (event.parent, credential.parent, call.parent) == (CALLER, event.id, event.id)
    assert (event.kind, credential.kind, call.kind) == ("server", "internal", "client")
    assert oms.received[0].headers["traceparent"] == f"00-{TRACE}-{call.id}-01"
    assert event.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "http.route": "/events",
        "tenantproxy.correlation_id": "c-1",
        "url.scheme": "http",
    }
    assert call.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "server.address": "127.0.0.1",
        "server.port": oms.port,
        "service.peer.name": "oms",
    }
    assert not any(span.failed for span in otlp.spans)
    assert event.resource["service.name"] == "tenantproxy-poslog"
    assert event.resource["tenantproxy.name"] == "acme"


async def test_what_concerns_no_order(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Nothing was done for it but to look."""
    async with running_relay(traced(oms, otlp), tmp_path) as relay:
        assert await send(relay, SALE.body) == 204
    assert [span.name for span in otlp.spans] == [EVENT]


@pytest.mark.parametrize(
    ("given", "passed"),
    [(NOT_SAMPLED, NOT_SAMPLED["traceparent"]), ({}, None), ({"traceparent": "00-x"}, None)],
)
@pytest.mark.parametrize("spans", [True, False])
async def test_what_is_not_recorded(
    oms: RawServer, otlp: Collector, tmp_path: Path, given: dict[str, str], passed: str | None, *, spans: bool
) -> None:
    """Nothing is sent, and an OMS decides for itself: it gets the sender's context, if there is one."""
    configuration = traced(oms, otlp) if spans else relay_config(oms.url)
    async with running_relay(configuration, tmp_path) as relay:
        assert await send(relay, headers=given) == 204
    assert oms.received[0].headers.get("traceparent") == passed
    assert otlp.spans == []


async def test_why_an_event_failed(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Its span has the code of the answer and the finer reason; a mistake of the sender's is no failure."""
    oms.play = answering(http(400))
    async with running_relay(traced(oms, otlp), tmp_path) as relay:
        assert await send(relay) == 502
        assert await send(relay, headers=SAMPLED | login(password="another")) == 401
        assert (await relay.request("POST", "/MARKED", headers=SAMPLED)).status == 404
        assert (await relay.request("GET", "/events", headers=SAMPLED)).status == 405
    refused, stranger, elsewhere, get = (span for span in otlp.spans if span.kind == "server")
    assert (refused.failed, refused.attributes["tenantproxy.code"]) == (True, "event-refused")
    assert refused.attributes["error.type"] == "status-400"
    (call,) = otlp.named("POST")[:1]
    assert (stranger.name, stranger.failed) == (EVENT, False)
    assert stranger.attributes["tenantproxy.code"] == "event-unauthorized"
    assert (elsewhere.name, get.name) == ("POST", "GET")
    assert "http.route" not in {*elsewhere.attributes, *get.attributes}
    assert (call.parent, call.attributes["error.type"]) == (refused.id, "400")


async def test_nothing_that_anybody_sends_is_in_them(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """No key, id, order or header, of whatever comes or goes."""
    event = event_of("pickup", event_id="MARKED", order="MARKED")
    headers = SAMPLED | dict.fromkeys(("Cookie", "User-Agent", "X-Forwarded-For", "tracestate"), "MARKED")
    async with running_relay(traced(oms, otlp), tmp_path) as relay:
        for answer in (http(204), http(400, b"MARKED"), http(401)):
            oms.play = answering(answer)
            await send(relay, event.body, headers)
        await send(relay, b'{"MARKED": 1}', headers)
        await relay.request("POST", "/events?MARKED", headers=headers)
    assert len([span for span in otlp.spans if span.kind == "server"]) == 5
    received = b"".join(request.body for request in otlp.server.received)
    assert not [word for word in (b"MARKED", b"store-1", b"not-a-secret") if word in received]


async def test_lines_and_figures_lead_to_traces(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """The line of an event names its trace where that is recorded, so does an exemplar; spans are counted."""
    with log_lines() as lines:
        async with running_relay(traced(oms, otlp), tmp_path) as relay:
            assert await send(relay) == 204
            assert await send(relay, headers=NOT_SAMPLED) == 204
            url = f"http://127.0.0.1:{relay.admin_port}/metrics"
            async with aiohttp.ClientSession() as client, client.get(url, headers=OPEN_METRICS) as response:
                page = await response.text()

            async def counted() -> float | None:
                return await relay.metric('tenantproxy_trace_spans_total{outcome="exported"}')

            await eventually(counted, lambda count: count == 3)
    found = re.findall(r'^(\w+)_bucket\{.* # \{span_id="(\w+)",trace_id="(\w+)"\}', page, re.MULTILINE)
    (event,) = otlp.named(EVENT)
    assert found == [("tenantproxy_poslog_event_duration_seconds", event.id, TRACE)]
    told = [line.get("traceId") for line in lines.of("tenantproxy.request")]
    assert told == [TRACE, None]
    assert not logging.getLogger("tenantproxy.request").filters  # nothing stays behind
