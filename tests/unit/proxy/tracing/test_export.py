"""The way of spans out of the process: what is said where it fails, and what figures lead to a trace."""

import asyncio
import logging
import re
from pathlib import Path

import aiohttp
import msgspec
import pytest

from support.proxy.oms import RawServer, answering, http
from support.proxy.otlp import Collector
from support.proxy.running import BASIC, GET_PATH, RunningProxy, proxy_config, running_proxy
from tenantproxy import config
from tenantproxy.tracing import export

SPANS = "tenantproxy_trace_spans_total"
PER_READ = 4
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"
OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


def traced(oms: RawServer, otlp: Collector) -> config.ProxyConfig:
    tracing = config.Tracing(endpoint=otlp.endpoint, sampling_ratio=0.0)
    return msgspec.structs.replace(proxy_config(oms.url), tracing=tracing)


async def read(proxy: RunningProxy, *, sampled: bool = True) -> None:
    assert (await proxy.get(headers={"traceparent": f"{TRACEPARENT}{int(sampled)}"})).status == 200


async def test_a_failure_is_said_once(
    oms: RawServer,
    otlp: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning when spans can't be sent, with the reason, and one when they can again; all are counted."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    otlp.server.play = answering(http(400, b"MARKED"))
    async with running_proxy(traced(oms, otlp), tmp_path, BASIC) as proxy:
        for count in (1, 2, 3):
            await read(proxy)
            await proxy.becomes(f'{SPANS}{{outcome="failed"}}', count * PER_READ)
        otlp.server.play = answering(http(200))
        await read(proxy)
        await proxy.becomes(f'{SPANS}{{outcome="exported"}}', PER_READ)
    to = otlp.endpoint.removeprefix("http://")
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [
        f"spans can't be sent to {to} (status 400); they are lost until it works again",
        f"spans are sent to {to} again",
    ]


async def test_it_is_reached_directly(
    oms: RawServer, otlp: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable leads spans elsewhere."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with running_proxy(traced(oms, otlp), tmp_path, BASIC) as proxy:
        await read(proxy)
    assert len(otlp.spans) == PER_READ


async def test_the_end_does_not_wait_for_a_collector(
    oms: RawServer,
    otlp: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is left is sent for a bounded time only."""
    monkeypatch.setattr(export, "FLUSH_SECONDS", 0.1)
    answered = asyncio.Event()

    async def hang(*_: object) -> None:
        await answered.wait()

    otlp.server.play = hang
    async with running_proxy(traced(oms, otlp), tmp_path, BASIC) as proxy:
        await read(proxy)
    assert [record.getMessage() for record in caplog.records if record.name == export.__name__] == [
        "some spans were not sent: it took longer than 0 s"
    ]


async def _metrics(proxy: RunningProxy, headers: dict[str, str]) -> tuple[str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{proxy.admin_port}/metrics", headers=headers) as response,
    ):
        return response.headers["Content-Type"], await response.text()


async def test_lines_of_the_log_lead_to_traces(
    oms: RawServer, otlp: Collector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The line of a request names its trace where that is recorded, and does not where it is not."""
    caplog.set_level(logging.INFO, "tenantproxy.request")
    async with running_proxy(traced(oms, otlp), tmp_path, BASIC) as proxy:
        await read(proxy)
        await read(proxy, sampled=False)
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        await read(proxy)
    lines: list[dict[str, str]] = [
        vars(record)["fields"] for record in caplog.records if record.name == "tenantproxy.request"
    ]
    assert [line.get("traceId") for line in lines] == [TRACEPARENT.split("-")[1], None, None]
    assert all(line["route"] == "getOrder" for line in lines)
    assert not logging.getLogger("tenantproxy.request").filters  # nothing stays behind


async def test_latencies_lead_to_traces(oms: RawServer, otlp: Collector, tmp_path: Path) -> None:
    """Who asks for OpenMetrics gets exemplars, of what is recorded; the text format is as it was."""
    async with running_proxy(traced(oms, otlp), tmp_path, BASIC) as proxy:
        await read(proxy, sampled=False)
        content_type, page = await _metrics(proxy, OPEN_METRICS)
        assert " # {" not in page
        await read(proxy)
        content_type, page = await _metrics(proxy, OPEN_METRICS)
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert page.endswith("# EOF\n")
        found = re.findall(r'^(\w+)_bucket\{.* # \{span_id="(\w+)",trace_id="(\w+)"\}', page, re.MULTILINE)
        content_type, page = await _metrics(proxy, {})
        assert (content_type, " # {" in page) == ("text/plain; version=0.0.4; charset=utf-8", False)
    (server,) = (span for span in otlp.spans if span.kind == "server")
    assert found == [
        ("tenantproxy_request_duration_seconds", server.id, server.trace),
        ("tenantproxy_upstream_request_duration_seconds", server.id, server.trace),
    ]


async def test_without_traces_there_is_one_format(oms: RawServer, tmp_path: Path) -> None:
    """OpenMetrics would say nothing more."""
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.get(GET_PATH)).status == 200
        content_type, page = await _metrics(proxy, OPEN_METRICS)
    assert (content_type, "# EOF" in page) == ("text/plain; version=0.0.4; charset=utf-8", False)
