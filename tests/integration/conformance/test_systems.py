"""The kit on the manifests of real order systems in examples/systems: through requests, outcomes and mapping."""

import asyncio
import base64
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from e2e.processes.test_systems import SYSTEMS, TOKEN_PATH, System
from support.conformance.runs import NOWHERE, QUICK, run_all, with_status
from support.proxy.oms import RawServer, Received, answering, http
from tenantproxy.conformance.checks.search import NOBODY
from tenantproxy.conformance.kit import Kit
from tenantproxy.conformance.report.model import Report
from tenantproxy.conformance.samples import Samples
from tenantproxy.credentials.formats import from_secret
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

UNAUTHORIZED = http(401, b'{"error": "invalid_client"}', www_authenticate='Basic realm="orders"')
ESSENTIAL = {"auth.accepted", "order.read", "order.contract", "order.id", "search.read", "search.contract"}


class Guarded(System):
    """An order system that knows one order, one customer, and one credential."""

    async def play(self, request: Received, writer: asyncio.StreamWriter) -> None:
        is_right = self.credential.items() <= request.headers.items()
        if request.target == TOKEN_PATH:
            _, _, encoded = request.headers.get("authorization", "").partition(" ")
            is_right = self.keys["clientSecret"] in f"{base64.b64decode(encoded)!r}{request.body!r}"
        if not is_right:
            writer.write(UNAUTHORIZED)
            return
        text = unquote_plus(request.target) + request.body.decode()
        self.asked = []
        if self.orders["ids"]["order"] in text:
            self.case = "order"
        elif self.search["customers"]["orders"] in text:
            self.case = "orders"
        else:
            self.case = "no-orders" if NOBODY in text else "unknown-order"
        await super().play(request, writer)


async def _report(system: System, url: RawServer) -> Report:
    config = render_config(system.connect(url), Settings())
    credential = from_secret(system.keys)
    assert credential is not None
    kit = Kit(
        config,
        validate_config(config),
        credential,
        Samples("store-1", system.orders["ids"]["order"], system.search["customers"]["orders"]),
        bounds=QUICK,
        tls=TlsFiles(config.upstream.tls, NOWHERE),
        forward_proxy_credentials=NOWHERE,
    )
    return await run_all(kit)


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: folder.name)
async def test_a_system(folder: Path) -> None:
    """Nothing fails, and what matters passes: an order, a search, what is unknown, and a wrong credential."""
    async with RawServer(answering()) as server:
        report = await _report(Guarded(folder), server)
    assert [(result.id, result.detail) for result in report.results if result.status == "failed"] == []
    passed = with_status(report, "passed")
    assert passed >= ESSENTIAL
    assert passed & {"auth.wrong", "auth.foreign-token"}
