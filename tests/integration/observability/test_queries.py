"""Every query of the dashboard, and every alert for real: at a Prometheus that scrapes real, faulty processes."""

import asyncio
import contextlib
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Collection, Iterable
from math import isfinite
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from hack.observability.colours import BAD
from support.metrics_page import documented, metrics_in, most_series
from support.tools.helm import Helm
from support.tools.programs import directory
from support.tools.prometheus import Prometheus, Series, Target
from support.waiting import eventually

from .control_plane import ControlPlane
from .drawing import Times
from .fleet import Fleet
from .picture import draw
from .queries import annotations, exported, filled, panels, relabelling, rows, variables
from .relays import StoreEvents
from .rules import alert_queries, quick_rules

WELL_SECONDS: Final = 10
TROUBLE_SECONDS: Final = 20
"""Longer than a token lives."""
PATIENCE: Final = 90
"""Seconds for which an alert is waited for beyond that."""
OF_WHAT_IS_GONE: Final = {"TenantProxyManyVanished", "TenantProxyOperatorAbsent", "TenantProxyUnreachable"}
"""Alerts that come when the operators and a proxy are taken away."""
WITHOUT_RED: Final = {("Pods, by version", ""): "only a tenant all of whose pods are gone; here others have some"}
"""Panels, and columns of tables, that can be red and are not in this test."""
ALWAYS_RED: Final = {
    ("Tenants", "Expires in"): "hooli's token is the only one of which it is known",
    ("Until certificates and tokens expire", ""): "the same",
    ("Time until the token expires", ""): "globex' tokens live for seconds",
    ("Who is unhealthy", ""): "it shows nothing else",
}
OF_A_LOST_LEASE: Final = {"TenantProxyOperatorNotLeading"}
TENANTS: Final = {
    "TenantProxyCircuitOpen": {"tenants/umbrella"},
    "TenantProxyContractViolated": {"tenants/hooli"},
    "TenantProxyCredentialExpiring": {"tenants/hooli"},
    "TenantProxyCredentialsRejected": {"tenants/initech"},
    "TenantProxyErrorsOfTenant": {"tenants/acme"},
    "TenantProxyEventsFailing": {"tenants/globex", "tenants/hooli"},
    "TenantProxyEventsLate": {"tenants/initech"},
    "TenantProxyEventsRefused": {"tenants/acme"},
    "TenantProxyEventsRefusedByOMS": {"tenants/initech"},
    "TenantProxyEventsStopped": {"tenants/globex"},
    "TenantProxySecretUnusable": {"managed/never-ready", "managed/tenant-0"},
    "TenantProxyTokenNotRefreshed": {"tenants/globex"},
    "TenantProxyUnreachable": {"tenants/umbrella"},
    "TenantProxyUpstreamFailing": {"tenants/globex", "tenants/hooli", "tenants/initech", "tenants/umbrella"},
}
"""Whose trouble is whose: see the methods break_everything. Of two tenants that are called acme, one has none."""

Firing = set[tuple[str, str]]
"""Alerts that fire, each with the tenant that it names (NAMESPACE/NAME), or nothing."""


class Observed:
    """What Prometheus knew at the end, and which alerts fired at some time."""

    def __init__(self) -> None:
        self.panels: dict[tuple[str, str], list[Series]] = {}
        self.variables: dict[str, list[Series]] = {}
        self.annotations: dict[str, list[Series]] = {}
        self.alerts: dict[str, str] = {}
        """The queries of all alerts."""
        self.fired: Firing = set()
        self.early: Firing = set()
        """Alerts that fired before there was any trouble."""
        self.exported: set[str] = set()
        self.traces: dict[str, set[str]] = {}
        """Of each histogram, those that its exemplars name."""
        self.spans: list[bytes] = []
        """What the collector was sent."""
        self.series: dict[Target, int] = {}
        """How many each process exports."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Observed]:
    """Let a fleet be well, then in trouble, then partly gone; remember what Prometheus has seen."""
    programs = directory("prometheus", request.config)
    binaries = directory("kubernetes", request.config)
    folder = tmp_path_factory.mktemp("observability")
    rules = quick_rules(Helm(directory("helm", request.config) / "helm", folder), folder)
    observed = Observed()
    observed.alerts = alert_queries(rules)
    in_trouble = observed.alerts.keys() - OF_A_LOST_LEASE - OF_WHAT_IS_GONE
    async with contextlib.AsyncExitStack() as stack:
        fleet, control_plane, store_events = await asyncio.gather(
            stack.enter_async_context(Fleet.running(folder)),
            stack.enter_async_context(ControlPlane.running(binaries, folder)),
            stack.enter_async_context(StoreEvents.running(folder)),
        )
        targets = [*fleet.targets(), *control_plane.targets(), *store_events.targets()]
        prometheus = await asyncio.to_thread(
            Prometheus, programs / "prometheus", folder, targets, relabelling(), rules
        )
        try:
            await asyncio.to_thread(prometheus.wait_for_targets, len(targets))
            begin = time.time()
            await control_plane.create_tenants()
            await eventually(lambda: _alerts(prometheus, 1, state=".*"), lambda alerts: not alerts)
            await asyncio.sleep(WELL_SECONDS)
            observed.early = await _alerts(prometheus, WELL_SECONDS)
            broken = time.time()
            await fleet.break_everything()
            store_events.break_everything()
            await control_plane.break_everything()
            await asyncio.sleep(max(0.0, broken + TROUBLE_SECONDS - time.time()))
            await _until_fired(prometheus, in_trouble, since=broken)
            times = Times(begin, time.time(), marked=broken)
            for target in targets:
                exposition = await asyncio.to_thread(_scrape, target.port)
                observed.exported |= exported(exposition)
                observed.series[target] = sum(not line.startswith("#") for line in exposition.splitlines())
            await control_plane.second.lose_lease()
            await _until_fired(prometheus, OF_A_LOST_LEASE, since=broken)
            fleet.remove("umbrella")
            await control_plane.end()
            observed.fired = await _until_fired(prometheus, OF_WHAT_IS_GONE, since=broken)
            await asyncio.to_thread(_remember, prometheus, observed, begin)
            observed.spans = [request.body for request in fleet.servers["collector"].received]
        finally:
            await asyncio.to_thread(prometheus.close)
    if pictures := os.environ.get("OBSERVABILITY_PICTURES"):
        _draw(observed, times, Path(pictures))
    yield observed


async def _alerts(prometheus: Prometheus, seconds: float, *, state: str = "firing") -> Firing:
    """Return the alerts that were in a state at some time within the last seconds."""
    query = f'max_over_time(ALERTS{{alertstate=~"{state}"}}[{seconds:.0f}s])'
    found = await asyncio.to_thread(prometheus.query, query)
    return {(each.labels["alertname"], _tenant(each) if "tenant" in each.labels else "") for each in found}


def _tenant(series: Series) -> str:
    return f"{series.labels.get('namespace')}/{series.labels['tenant']}"


async def _until_fired(prometheus: Prometheus, expected: Collection[str], *, since: float) -> Firing:
    """Wait until these alerts have fired, for all tenants whose trouble it is; return all that have."""
    waiting = {(name, tenant) for name in expected for tenant in TENANTS.get(name, {""})}
    fired: Firing = set()
    end = time.monotonic() + PATIENCE
    while waiting - fired and time.monotonic() < end:
        await asyncio.sleep(1)
        fired = await _alerts(prometheus, time.time() - since)
    return fired


def _remember(prometheus: Prometheus, observed: Observed, begin: float) -> None:
    end = time.time()
    for panel in panels():
        for query, _ in panel.queries:
            observed.panels[panel.title, query] = prometheus.query_range(filled(query), begin, end)
    for histogram in ("request", "upstream_request"):
        buckets = f"tenantproxy_{histogram}_duration_seconds_bucket"
        observed.traces[histogram] = prometheus.traces(buckets, begin, end)
    for query in variables():
        # As Grafana does it: label_values(METRIC, LABEL).
        metric = query.removeprefix("label_values(").rpartition(",")[0]
        observed.variables[query] = prometheus.query(filled(metric))
    for name, query in annotations().items():
        observed.annotations[name] = prometheus.query_range(filled(query), begin, end)


def _draw(observed: Observed, times: Times, folder: Path) -> None:
    """Draw the dashboard as it was before anything was taken away."""
    data = {
        key: [Series(each.labels, [point for point in each.points if point[0] <= times.end]) for each in found]
        for key, found in observed.panels.items()
    }
    titles = [(title.replace("$tenant_namespace/$tenant", "(here: all)"), place) for title, place in rows()]
    (folder / "observability.svg").write_text(draw(titles, panels(), data, times))
    fleet = [panel for panel in panels() if panel.place.y < titles[1][1].y]
    (folder / "dashboard.svg").write_text(draw(titles[:1], fleet, data, times))


def _scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def _has_data(found: Iterable[Series]) -> bool:
    return any(isfinite(value) for series in found for _, value in series.points)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_panel_has_data(observed: Observed) -> None:
    """Each query of each panel, variable and annotation has a result."""
    empty = [f"{title}: {query}" for (title, query), found in observed.panels.items() if not _has_data(found)]
    empty += [query for query, found in observed.variables.items() if not _has_data(found)]
    empty += [name for name, found in observed.annotations.items() if not _has_data(found)]
    assert empty == []
    assert all(
        {"namespace", "pod"} <= each.labels.keys() for found in observed.variables.values() for each in found
    )


async def test_latencies_lead_to_traces(observed: Observed) -> None:
    """Prometheus keeps exemplars of both histograms; most are of traces that were sent by now."""
    for found in observed.traces.values():
        sent = [trace for trace in found if any(bytes.fromhex(trace) in body for body in observed.spans)]
        assert len(sent) > len(found) / 2


async def test_every_threshold_is_met(observed: Observed) -> None:
    """Each panel and column that can be red is red at some time, and is not at another."""
    found: dict[tuple[str, str], set[str]] = {}
    for panel in panels():
        for query, legend in panel.queries:
            field = panel.columns.get(legend, panel.field)
            if BAD in field.colours:
                values = [value for each in observed.panels[panel.title, query] for _, value in each.points]
                key = panel.title, legend if panel.columns else ""
                found.setdefault(key, set()).update(field.colour(value) for value in values if isfinite(value))
    assert len(found) > 15
    assert {key for key, colours in found.items() if BAD not in colours} == WITHOUT_RED.keys()
    assert {key for key, colours in found.items() if colours == {BAD}} == ALWAYS_RED.keys()


async def test_tenants_have_a_row_each(observed: Observed) -> None:
    """In the table of tenants: two of one name are two, and each column knows those that it can know."""
    (table,) = (panel for panel in panels() if panel.kind == "table")
    found = {
        legend: {_tenant(each) for each in observed.panels[table.title, query]} for query, legend in table.queries
    }
    proxies = {
        "tenants/acme",
        "tenants/globex",
        "tenants/hooli",
        "tenants/initech",
        "tenants/umbrella",
        "others/acme",
    }
    for column in ("Requests", "Our errors", "OMS errors", "p99", "Credential", "Circuit"):
        assert found[column] == proxies, column
    assert found["Expires in"] == {"tenants/hooli"}
    assert "tenants/acme" not in found["Ready"]  # those of `local` have no operator
    assert len(found["Ready"]) > 5
    assert all(
        each.labels.keys() == {"namespace", "tenant"}
        for query, _ in table.queries
        for each in observed.panels[table.title, query]
    )


async def test_every_alert_fires(observed: Observed) -> None:
    """Each alert fires in trouble, and none where all is well."""
    assert observed.alerts.keys() - {name for name, _ in observed.fired} == set()
    assert observed.early == set()


async def test_alerts_name_whose_trouble_it_is(observed: Observed) -> None:
    """Ours, an OMS's, a credential's: each is told of the tenant that has it, and of no other of that name."""
    found = {name: {tenant for other, tenant in observed.fired if other == name} for name in TENANTS}
    assert found == TENANTS
    assert {name for name, tenant in observed.fired if tenant} == TENANTS.keys()


async def test_metrics_are_there_documented_and_used(observed: Observed) -> None:
    """No metric is used that is not exported, and none is exported that nobody can know of."""
    queries = [
        *(query for _, query in observed.panels),
        *observed.alerts.values(),
        *variables(),
        *annotations().values(),
    ]
    used = {name for query in queries for name in metrics_in(query)}
    own = {name.removesuffix("_total") for name in observed.exported if name.startswith("tenantproxy_")}
    assert {name.removesuffix("_total") for name in used} - own == set()
    assert own - {name.removesuffix("_total") for name in documented() | used} == set()
    assert {name.removesuffix("_total") for name in documented()} - own == set()
    assert all(name.startswith("tenantproxy_") for name in observed.exported)


async def test_proxies_have_no_more_series_than_the_page_says(observed: Observed) -> None:
    """Whatever has happened to them."""
    proxies = [count for target, count in observed.series.items() if target.pod.endswith("-proxy-0")]
    assert len(proxies) == 6
    assert 68 < max(proxies) < most_series()
