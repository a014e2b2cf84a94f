"""Every query of the dashboard and of the alerts, run in a real Prometheus that scrapes real, faulty processes."""

import asyncio
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable
from math import isfinite
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from support.metrics_page import documented, metrics_in
from support.tools.programs import directory
from support.tools.prometheus import Prometheus, Series
from support.waiting import eventually

from .control_plane import ControlPlane
from .fleet import Fleet
from .picture import Times, draw
from .queries import alerts, exported, filled, panels, relabelling, rows, variables

WELL_SECONDS: Final = 15
TROUBLE_SECONDS: Final = 35
"""Longer than a token lives."""
PATIENCE: Final = 90
"""Seconds for which an alert is waited for beyond that."""
WITHOUT_TROUBLE: Final = {
    "TenantProxyOperatorNotLeading": "who stands by counts no tenants, as other alerts need; rules has it",
    "TenantProxyOperatorStalled": "an operator that hangs is not scraped either; tests/integration/rules has it",
}
"""Alerts that this test can't bring about, each with the reason."""
OF_WHAT_IS_GONE: Final = {"TenantProxyManyVanished", "TenantProxyOperatorAbsent", "TenantProxyUnreachable"}
"""Alerts that come when the operator and a proxy are taken away."""
TENANTS: Final = {
    "TenantProxyCircuitOpen": {"umbrella"},
    "TenantProxyContractViolated": {"hooli"},
    "TenantProxyCredentialsRejected": {"initech"},
    "TenantProxyErrorsOfTenant": {"acme"},
    "TenantProxyTokenNotRefreshed": {"globex"},
    "TenantProxyUnreachable": {"umbrella"},
    "TenantProxyUpstreamFailing": {"globex", "hooli", "initech", "umbrella"},
}
"""Whose trouble is whose: see Fleet.break_everything."""

Firing = set[tuple[str, str]]
"""Alerts that have a result, each with the tenant that it names, or nothing."""


class Observed:
    """What Prometheus knew at the end, and which alerts had a result at some time."""

    def __init__(self) -> None:
        self.panels: dict[tuple[str, str], list[Series]] = {}
        self.variables: dict[str, list[Series]] = {}
        self.fired: Firing = set()
        self.early: Firing = set()
        """Alerts that had a result before there was any trouble."""
        self.exported: set[str] = set()
        self.traces: dict[str, set[str]] = {}
        """Of each histogram, those that its exemplars name."""
        self.spans: list[bytes] = []
        """What the collector was sent."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Observed]:
    """Let a fleet be well, then in trouble, then partly gone; remember what Prometheus has seen."""
    programs = directory("prometheus", request.config)
    binaries = directory("kubernetes", request.config)
    folder = tmp_path_factory.mktemp("observability")
    observed = Observed()
    async with Fleet.running(folder) as fleet, ControlPlane.running(binaries, folder) as control_plane:
        targets = [*fleet.targets(), control_plane.target()]
        prometheus = await asyncio.to_thread(Prometheus, programs / "prometheus", folder, targets, relabelling())
        try:
            await asyncio.to_thread(prometheus.wait_for_targets, len(targets))
            begin = time.time()
            await control_plane.create_tenants()
            # Prometheus hears of it at its next scrape.
            await eventually(lambda: _now(prometheus), lambda firing: not firing)
            observed.early = await _firing(prometheus, WELL_SECONDS)
            broken = time.time()
            await fleet.break_everything()
            await control_plane.break_everything()
            expected = {alert.name for alert in alerts()} - WITHOUT_TROUBLE.keys()
            observed.fired = await _firing(prometheus, TROUBLE_SECONDS, expected - OF_WHAT_IS_GONE)
            times = Times(begin, time.time(), marked=broken)
            await asyncio.to_thread(_remember, prometheus, observed, times)
            observed.exported = {
                name for target in targets for name in exported(await asyncio.to_thread(_scrape, target.port))
            }
            observed.spans = [request.body for request in fleet.servers["collector"].received]
            fleet.remove("umbrella")
            await control_plane.end()
            observed.fired |= await _firing(prometheus, 0, OF_WHAT_IS_GONE)
        finally:
            await asyncio.to_thread(prometheus.close)
    yield observed


async def _now(prometheus: Prometheus) -> Firing:
    found = set()
    for alert in alerts():
        series = await asyncio.to_thread(prometheus.query, filled(alert.query))
        found |= {(alert.name, each.labels.get("tenant", "")) for each in series}
    return found


async def _firing(prometheus: Prometheus, seconds: float, expected: Iterable[str] = ()) -> Firing:
    """Return what has a result at some time within so many seconds, and until the expected alerts have one.

    Twice in a row: each alert waits for a minute at least, so none comes of one scrape that was late.
    """
    found: Firing = set()
    last: Firing = set()
    waiting = {(name, tenant) for name in expected for tenant in TENANTS.get(name, {""})}
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds or (waiting - found and passed < seconds + PATIENCE):
        now = await _now(prometheus)
        found |= last & now
        last = now
        await asyncio.sleep(1)
    return found


def _remember(prometheus: Prometheus, observed: Observed, times: Times) -> None:
    for panel in panels():
        for query, _ in panel.queries:
            observed.panels[panel.title, query] = prometheus.query_range(filled(query), times.begin, times.end)
    for histogram in ("request", "upstream_request"):
        buckets = f"tenantproxy_{histogram}_duration_seconds_bucket"
        observed.traces[histogram] = prometheus.traces(buckets, times.begin, times.end)
    for query in variables():
        # As Grafana does it: label_values(METRIC, LABEL).
        metric = query.removeprefix("label_values(").partition(",")[0]
        observed.variables[query] = prometheus.query(filled(metric))
    if file := os.environ.get("OBSERVABILITY_SVG"):
        titles = [(title.replace("$tenant", "(here: all five)"), place) for title, place in rows()]
        Path(file).write_text(draw(titles, panels(), observed.panels, times))


def _scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def _has_data(found: Iterable[Series]) -> bool:
    return any(isfinite(value) for series in found for _, value in series.points)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_panel_has_data(observed: Observed) -> None:
    """Each query of each panel, and of each variable, has a result."""
    empty = [f"{title}: {query}" for (title, query), found in observed.panels.items() if not _has_data(found)]
    empty += [query for query, found in observed.variables.items() if not _has_data(found)]
    assert empty == []
    assert all(
        {"namespace", "pod"} <= each.labels.keys() for found in observed.variables.values() for each in found
    )


async def test_latencies_lead_to_traces(observed: Observed) -> None:
    """Prometheus keeps exemplars of both histograms; most are of traces that were sent by now."""
    for found in observed.traces.values():
        sent = [trace for trace in found if any(bytes.fromhex(trace) in body for body in observed.spans)]
        assert len(sent) > len(found) / 2


async def test_every_alert_fires(observed: Observed) -> None:
    """Each alert's expression has a result in trouble, and none where all is well."""
    names = {alert.name for alert in alerts()}
    assert names - {name for name, _ in observed.fired} <= WITHOUT_TROUBLE.keys()
    assert observed.early == set()


async def test_alerts_name_whose_trouble_it_is(observed: Observed) -> None:
    """Ours, an OMS's, a credential's: each is told of the tenant that has it, and of no other."""
    found = {name: {tenant for other, tenant in observed.fired if other == name} for name in TENANTS}
    assert found == TENANTS
    assert {name for name, tenant in observed.fired if tenant} == TENANTS.keys()


async def test_metrics_are_there_documented_and_used(observed: Observed) -> None:
    """No metric is used that is not exported, and none is exported that nobody can know of."""
    queries = [*(query for _, query in observed.panels), *(alert.query for alert in alerts()), *variables()]
    used = {name for query in queries for name in metrics_in(query)}
    own = {name.removesuffix("_total") for name in observed.exported if name.startswith("tenantproxy_")}
    assert {name.removesuffix("_total") for name in used} - own == set()
    assert own - {name.removesuffix("_total") for name in documented() | used} == set()
    assert {name.removesuffix("_total") for name in documented()} - own == set()
    assert all(name.startswith("tenantproxy_") for name in observed.exported)
