"""The process: its options, its probes, its start when things are missing, and its end."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from support import commands
from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, hold
from support.apiserver.server import ApiServer
from support.operator.diagnoses import Engineer
from support.operator.installed import Home, told_of_the_operator
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants
from support.waiting import eventually, until
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.kube import kinds

from .conftest import Run, everywhere

CLUSTER_WIDE = (  # other lists come first, by another role
    "test_options_from_the_environment",
    "test_crd_is_missing_at_the_start",
    "test_not_ready_before_all_is_known",
    "test_dead_watch_of_tenant_proxies",
)
Launch = Callable[..., OperatorProcess]
CRD = Path(__file__).parents[4] / "crds" / "tenantproxies.yaml"


@pytest.fixture
def operator(launch: Launch) -> Iterator[OperatorProcess]:
    """Prepare an operator for one test; it is not started."""
    operator = launch()
    yield operator
    operator.stop_if_running()


@pytest.fixture
async def between(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between the operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


async def works(run: Run, api: ApiClient, operator: OperatorProcess, name: str) -> None:
    """See that it makes a TenantProxy's children."""
    await asyncio.to_thread(until, operator.ready, what=lambda: operator.log)
    await Tenants(api, run.namespaces[0], lambda: operator.log).created(name)


async def said(operator: OperatorProcess, text: str) -> None:
    """Wait until its log has a text; it is not ready."""

    async def log() -> str:
        return operator.log

    await eventually(log, lambda log: text in log)
    assert operator.probe("/readyz") == 503
    assert operator.probe("/healthz") == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --namespace or --all-namespaces is required, not both"),
        (["--namespace=a", "--kubeconfig=/no/such/file"], "/no/such/file"),
        (["--namespace=a", "--kubeconfig={broken}"], "broken"),
        (["--namespace=a", "--kubeconfig={kubeconfig}", "--context=nowhere"], "nowhere"),
    ],
)
async def test_bad_options(api_server: ApiServer, tmp_path: Path, options: list[str], message: str) -> None:
    """They end it at once, with exit status 2 and a message; tests/unit/operator/cli has those that are parsed."""
    broken = tmp_path / "broken"
    broken.write_text("clusters: [")
    filled = [option.format(broken=broken, kubeconfig=api_server.admin_kubeconfig) for option in options]
    status, out, err = await commands.run("tenantproxy-operator", "run", "--admin=127.0.0.1:0", *filled)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("address", ["127.0.0.1:{taken}", "nowhere", "127.0.0.1:x", "192.0.2.1:1"])
async def test_address_that_can_not_be_used(api_server: ApiServer, address: str) -> None:
    """A taken port, or no address at all, ends it with exit status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = address.format(taken=taken.getsockname()[1])
        status, _, err = await commands.run(
            *("tenantproxy-operator", "run", "--namespace=a", f"--admin={where}"),
            *("--kubeconfig", api_server.admin_kubeconfig),
        )
    assert status == 1
    assert err.startswith(f"error: can't listen on {where}: ")
    assert "Traceback" not in err


async def test_options_from_the_environment(run: Run, api: ApiClient, launch: Launch, name: str) -> None:
    """As a Deployment sets them."""
    all_of_them = {"TENANTPROXY_ALL_NAMESPACES": "true"}
    one = {"TENANTPROXY_NAMESPACE": " ".join(run.namespaces)}
    environ = {
        "TENANTPROXY_LOG_FORMAT": "text",
        "TENANTPROXY_LOG_LEVEL": "debug",
        "TENANTPROXY_PROXY_IMAGE": "registry.example/proxy:7",
    }
    operator = launch(environ=environ | (all_of_them if everywhere(run) else one))
    operator.start(without=run.options)
    await works(run, api, operator, name)
    deployment = (await Tenants(api, run.namespaces[0]).children(name))[kinds.DEPLOYMENT]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/proxy:7"
    assert "  debug: " in operator.log
    assert '{"' not in operator.log
    assert operator.stop() == 0


async def test_admin_port(operator: OperatorProcess) -> None:
    """Probes and metrics are served as soon as the process runs."""
    operator.start_ready()
    assert [operator.probe(path) for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
    assert operator.probe("/") == 404
    await operator.becomes("queue_depth", 0)  # of what earlier tests have left
    metrics = operator.metrics()
    assert metrics["missed_events_total"] == 0
    assert any(name.startswith("build_info{version=") for name in metrics)


async def test_log_is_json(operator: OperatorProcess) -> None:
    """Every line, from the start to the end; at the default level without one for each event."""
    operator.start_ready()
    operator.stop()
    lines = [json.loads(line) for line in operator.log.splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    assert "ready" in {line["message"] for line in lines}


async def test_crd_is_missing_at_the_start(
    api_server: ApiServer, run: Run, api: ApiClient, operator: OperatorProcess, engineer: Engineer, name: str
) -> None:
    """It says what to do, waits, and works when the CRD is installed."""
    await asyncio.to_thread(api_server.kubectl, "delete", "-f", CRD)
    try:
        operator.start()
        await said(operator, "the API server does not serve TenantProxies; apply what `tenantproxy-operator crd`")
        assert [each.id for each in findings(await engineer.view(run.namespaces[0]))] == ["crd-missing"]
    finally:
        await asyncio.to_thread(_install, api_server)
    await works(run, api, operator, name)


async def test_api_server_is_down_at_the_start(
    api_server: ApiServer, run: Run, api: ApiClient, operator: OperatorProcess, name: str
) -> None:
    """It says so, tries again, and works when the API server is up."""
    await asyncio.to_thread(api_server.stop_apiserver)
    try:
        operator.start()
        await said(operator, "the API server can't be reached")
        assert "Traceback" not in operator.log
    finally:
        await asyncio.to_thread(api_server.start_apiserver)
    await works(run, api, operator, name)


@pytest.mark.parametrize("plural", ["services", "secrets"])
async def test_not_ready_before_all_is_known(
    run: Run, api: ApiClient, launch: Launch, between: Between, name: str, plural: str
) -> None:
    """No TenantProxy is looked at before all children and Secrets are known; what exists would look missing."""
    gate = asyncio.Event()

    async def play(call: Call) -> web.Response | None:
        if call.path.endswith(f"/{plural}") and call.method == "GET":
            await hold(gate)
        return None

    between.play = play
    operator = launch(url=between.url, ca=between.ca)
    operator.start()

    async def held() -> bool:
        return any(call.path.endswith(f"/{plural}") for call in between.calls)

    await eventually(held)
    assert operator.probe("/readyz") == 503
    assert not [call for call in between.calls if call.path.endswith("/tenantproxies")]
    gate.set()
    await works(run, api, operator, name)
    assert await asyncio.to_thread(operator.stop) == 0


@pytest.mark.parametrize("when", ["ready", "waiting for the API server"])
async def test_end_by_a_signal(
    api_server: ApiServer, run: Run, api: ApiClient, operator: OperatorProcess, name: str, when: str
) -> None:
    """SIGTERM ends it, within what a pod is given, with exit status 0 and without a traceback."""
    if when == "ready":
        operator.start()
        # Not sooner: while kopf looks at the API's groups, it takes five seconds to stop.
        await works(run, api, operator, name)
    else:
        await asyncio.to_thread(api_server.stop_apiserver)
        operator.start()
    try:
        if when != "ready":
            await said(operator, "the API server can't be reached")
        assert await asyncio.to_thread(operator.stop) == 0
    finally:
        if when != "ready":
            await asyncio.to_thread(api_server.start_apiserver)
    assert "Traceback" not in operator.log
    if when == "ready":
        assert set(re.findall(r'"level":"(\w+)"', operator.log)) == {"info"}


async def test_end_during_a_write(run: Run, api: ApiClient, launch: Launch, between: Between, name: str) -> None:
    """A write that hangs does not hold it up; the next operator finishes the work."""
    gate = asyncio.Event()

    async def play(call: Call) -> web.Response | None:
        if call.is_write and call.tenant == name:
            await hold(gate)
        return None

    between.play = play
    # The Lease is not released: nobody knows whether the API server still gets that write.
    soon = (
        "--leader-elect-lease-duration=2",
        "--leader-elect-renew-deadline=1.5",
        "--leader-elect-retry-period=0.2",
    )
    operator = launch(*soon, url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    tenants = Tenants(api, run.namespaces[0])
    await tenants.create(name)

    async def writes() -> list[str]:
        return between.writes(name)

    await eventually(writes)
    assert await asyncio.to_thread(operator.stop) == 0
    assert "Traceback" not in operator.log
    gate.set()
    await asyncio.to_thread(operator.start_ready)
    await tenants.settled(name)
    await asyncio.to_thread(operator.stop)


def _install(api_server: ApiServer) -> None:
    api_server.kubectl("apply", "--server-side", "-f", CRD)
    served = ("get", "--raw", "/openapi/v3/apis/proxy.hiiretail.com/v1alpha1")
    until(lambda: api_server.try_kubectl(*served)[0] == 0)


async def test_dead_watch_of_tenant_proxies(
    run: Run, api: ApiClient, launch: Launch, between: Between, engineer: Engineer, home: Home, name: str
) -> None:
    """A stream that stays open and says nothing is found out: liveness fails, and the miss is counted once."""
    operator = launch("--check-interval=0.2", "--event-patience=1", url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    tenants = Tenants(api, run.namespaces[0])
    await tenants.created(name)
    between.swallowed = "tenantproxies"
    assert operator.probe("/healthz") == 200
    await tenants.change(name, {"spec.replicas": 3})

    async def live() -> int | None:
        return operator.probe("/healthz")

    await eventually(live, lambda status: status == 503)
    assert operator.metrics()["missed_events_total"] == 1
    await home.install(*run.options, process=operator)
    assert "missed-events" in await told_of_the_operator(engineer, run.namespaces[0])
    assert f"{run.namespaces[0]}/{name}: no watch event arrived for its last change" in operator.log
    assert (await tenants.get(name))["status"]["observedGeneration"] == 1

    between.swallowed = None
    await asyncio.to_thread(operator.stop)
    await asyncio.to_thread(operator.start_ready)
    await tenants.settled(name)
    assert operator.probe("/healthz") == 200
    await asyncio.to_thread(operator.stop)
