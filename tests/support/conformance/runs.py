"""Runs the kit in the test's process, against a server that the test has."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp.test_utils import TestServer

from tenantproxy import config
from tenantproxy.conformance.checks.table import CHECKS
from tenantproxy.conformance.configuration import of_url
from tenantproxy.conformance.kit import Bounds, Kit
from tenantproxy.conformance.report.model import Report
from tenantproxy.conformance.runner import run
from tenantproxy.conformance.samples import Samples
from tenantproxy.conformance.webhooks import Webhook
from tenantproxy.credentials.formats import from_secret
from tenantproxy.devtools.faults import Faults
from tenantproxy.devtools.oms import API_PATH, TOKEN_PATH, Settings, create_app
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

SAMPLES: Final = Samples("store-1", "CO-1001", "111", other_order="CO-1002")
"""Of the mock OMS."""
QUICK: Final = Bounds(requests=10, rate=1000.0, parallel=4)
USER, PASSWORD = "acme", "not-a-secret-acme"
CLIENT, SECRET = "globex", "not-a-secret-globex"
HEALTHY: Final = Faults()
NOWHERE: Final = Path("/nonexistent")


@contextlib.asynccontextmanager
async def mock_oms(faults: Faults = HEALTHY) -> AsyncIterator[str]:
    """Run a mock OMS; yield its base URL, without a path."""
    settings = Settings(
        orders=30, basic={USER: PASSWORD}, clients={CLIENT: SECRET}, bearer=("fixed-token",), faults=faults
    )
    async with TestServer(create_app(settings)) as server:
        yield str(server.make_url("/")).removesuffix("/")


def basic() -> dict[str, str]:
    return {"username": USER, "password": PASSWORD}


def oauth2(base: str) -> dict[str, str]:
    return {"clientId": CLIENT, "clientSecret": SECRET, "authUrl": f"{base}{TOKEN_PATH}"}


def kit_for(
    url: str,
    keys: Mapping[str, str],
    *,
    samples: Samples = SAMPLES,
    bounds: Bounds = QUICK,
    tls: Path = NOWHERE,
    webhook: Webhook | None = None,
    upstream: Mapping[str, Any] | None = None,
    mapping: config.Mapping | None = None,
) -> Kit:
    """Return a kit for the contract at a URL; `upstream` and `mapping` are what else a manifest would say."""
    given = of_url(url, tenant_id="T1", tls=tls).config
    given = msgspec.structs.replace(
        given,
        upstream=msgspec.structs.replace(given.upstream, **(upstream or {})),
        mapping=given.mapping if mapping is None else mapping,
    )
    credential = from_secret(keys)
    assert credential is not None
    return Kit(
        given,
        validate_config(given),
        credential,
        samples,
        bounds=bounds,
        tls=TlsFiles(given.upstream.tls, tls),
        forward_proxy_credentials=NOWHERE,
        webhook=webhook,
    )


async def run_all(kit: Kit, *, only: Collection[str] = (), seconds: float = 60.0) -> Report:
    """Run all checks, or some."""
    checks = [check for check in CHECKS if not only or check.id in only]
    async with kit:
        return await run(kit, checks, seconds=seconds, stopped=asyncio.get_running_loop().create_future())


async def run_on_mock(
    faults: Faults = HEALTHY, *, way: str = "basic", only: Collection[str] = (), **given: Any
) -> Report:
    """Run all checks, or some, on a mock OMS with these faults, with a credential of this kind."""
    async with mock_oms(faults) as base:
        keys = {"basic": basic(), "oauth2": oauth2(base), "bearer": {"bearerToken": "fixed-token"}}[way]
        return await run_all(kit_for(base + API_PATH, keys, **given), only=only)


def with_status(report: Report, *statuses: str) -> set[str]:
    """Return the ids of the checks that ended so."""
    return {result.id for result in report.results if result.status in statuses}
