"""Spans of real processes in a real OpenTelemetry Collector."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.commands import run, serve
from support.proxy.configuration import configuration
from support.proxy.oms import RawServer, answering, http
from support.proxy.relaying import SECRETS, event_of, login, signed
from support.proxy.running import BASIC, GET_PATH
from support.tools.otelcol import OtelCollector
from support.tools.programs import directory
from support.waiting import eventually
from tenantproxy.credentials.stores.files import write_keys

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
GET = "GET /api/v1/business-units/{businessUnitId}/customer-orders/{customerOrderId}"


@pytest.fixture(name="program", scope="session")
def built(request: pytest.FixtureRequest) -> Path:
    return directory("otelcol", request.config) / "otelcol"


@pytest.fixture(name="otelcol")
def collector(program: Path, tmp_path: Path) -> Iterator[OtelCollector]:
    running = OtelCollector(program, tmp_path)
    yield running
    running.close()


def config(oms: RawServer) -> dict[str, Any]:
    return configuration(oms.url, tenant={"id": "T-acme", "name": "acme", "namespace": "tenants"})


async def _read(session: aiohttp.ClientSession, api: str) -> int:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "Cookie": "MARKED"}
    async with session.get(f"{api}{GET_PATH}?a=MARKED", headers=headers) as response:
        return response.status


async def test_a_trace_from_caller_to_oms(
    oms: RawServer, otelcol: OtelCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By OpenTelemetry's variables; a collector that comes late misses what was before, the end loses nothing."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otelcol.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    write_keys(tmp_path / "credentials", BASIC)
    async with serve(tmp_path, config(oms)) as proxy, aiohttp.ClientSession() as session:
        await proxy.ready()
        assert await _read(session, proxy.api) == 200
        await eventually(lambda: _said(proxy.log, "spans can't be sent to "), bool)
        otelcol.start()
        assert await _read(session, proxy.api) == 200
        await eventually(lambda: _found(otelcol), lambda spans: len(spans) >= 4)
        assert await _read(session, proxy.api) == 200
        proxy.process.send_signal(signal.SIGTERM)
        assert await proxy.process.wait() == 0
        log = proxy.log
    otelcol.stop()
    spans = otelcol.spans
    assert [span.name for span in spans].count(GET) == 2
    assert {span.trace for span in spans} == {TRACE}
    reads = [span for span in spans if span.name == GET]
    assert {span.parent for span in reads} == {CALLER}
    assert {span.parent for span in spans} == {CALLER, *(read.id for read in reads)}
    calls = [request.headers["traceparent"].split("-")[2] for request in oms.received]
    assert calls[1:] == [span.id for span in spans if span.name == "GET"]
    assert spans[0].resource["service.name"] == "tenantproxy"
    assert spans[0].resource["k8s.namespace.name"] == "tenants"
    assert not [word for word in ("MARKED", "CO-1", "BU-1", "right") if word in otelcol.text]
    assert (log.count("spans can't be sent to "), log.count("spans are sent to ")) == (1, 1)
    assert "(ConnectionError)" in log


async def test_a_trace_from_externalevents_to_oms(
    oms: RawServer, otelcol: OtelCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay's spans, too, are children of the caller's; what is left at the end is sent, nothing of an event."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otelcol.endpoint)
    event = event_of("pickup", event_id="MARKED", order="MARKED")
    headers = {**login(), **signed(event.body), "Content-Type": "application/json"}
    oms.play = answering(http(204))
    write_keys(tmp_path / "credentials", BASIC)
    write_keys(tmp_path / "poslog", SECRETS)
    poslog = {"verification": {"sharedKey": True, "basic": True}, "delivery": {"path": "/pos-events"}}
    secrets = ("--poslog-secrets", str(tmp_path / "poslog"))
    otelcol.start()
    async with serve(tmp_path, config(oms) | {"poslog": poslog}, *secrets, command=("poslog", "serve")) as relay:
        await relay.ready()
        async with aiohttp.ClientSession() as session:
            given = headers | {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            async with session.post(f"{relay.api}/events", data=event.body, headers=given) as response:
                assert response.status == 204
        relay.process.send_signal(signal.SIGTERM)
        assert await relay.process.wait() == 0
    otelcol.stop()
    spans = {span.name: span for span in otelcol.spans}
    assert {*spans} == {"POST /events", "credential", "POST"}
    assert {span.trace for span in spans.values()} == {TRACE}
    assert spans["POST /events"].parent == CALLER
    assert {spans[name].parent for name in ("credential", "POST")} == {spans["POST /events"].id}
    assert [request.headers["traceparent"].split("-")[2] for request in oms.received] == [spans["POST"].id]
    assert spans["POST"].resource["service.name"] == "tenantproxy-poslog"
    assert not [word for word in ("MARKED", "store-1", "right") if word in otelcol.text]


async def _said(log: str, text: str) -> bool:
    return text in log


async def _found(otelcol: OtelCollector) -> list[Any]:
    return otelcol.spans


async def test_a_variable_that_cant_be_used(oms: RawServer, tmp_path: Path) -> None:
    """The process says what is wrong, and does not start."""
    write_keys(tmp_path / "credentials", BASIC)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config(oms)))
    command = ("tenantproxy", "serve", "--config", path, "--api", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
    status, _, error = await run(*command, environ=environment)
    assert (status, error.splitlines()[-1]) == (
        2,
        "tenantproxy: OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL; write https://HOST[:PORT]/PATH",
    )
