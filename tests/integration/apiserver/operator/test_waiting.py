"""Who waits for a TenantProxy, with kubectl or Helm, goes on when proxies serve what it says, and not before."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest

from support.apiserver.server import ApiServer
from support.operator.manifests import changed, minimal
from support.operator.tenants import Tenants, child_name, condition_of
from support.tools.helm import Helm, HelmError
from support.tools.programs import directory
from support.waiting import PATIENCE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY

CLUSTER_WIDE = False  # what others read in a status is the same
FOREVER: Final = f"--timeout={2 * PATIENCE:.0f}s"
"""Longer than a test has patience."""
STUCK: Final = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": "it hangs",
}


async def pods(tenants: Tenants, name: str, *conditions: dict[str, str], ready: int = 2, updated: int = 2) -> None:
    """Do to the Deployment what its controller would, for its newest spec."""
    deployment = child_name(kinds.DEPLOYMENT, name)
    found = await tenants.child(kinds.DEPLOYMENT, deployment)
    assert found is not None
    status = {
        "replicas": 2,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "conditions": conditions,
        "observedGeneration": found["metadata"]["generation"],
    }
    await tenants.patch(kinds.DEPLOYMENT, deployment, {"status": status}, subresource="status")


async def test_kubectl_waits_for_the_change(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """Started right after a change, it outlasts the time for which only earlier proxies serve."""
    await tenants.created(name)
    await pods(tenants, name)
    await tenants.condition(name, "Ready", status="True")
    await tenants.change(name, {"spec.upstream.url": "https://other.example/api"})
    command = ("wait", f"tp/{name}", "-n", tenants.namespace, "--for=condition=Ready", FOREVER)
    waiting = asyncio.create_task(asyncio.to_thread(api_server.kubectl, *command))
    ready = await tenants.condition(name, "Ready", status="Unknown", reason="RollingOut")
    assert "earlier proxies serve what was applied before" in ready["message"]
    await pods(tenants, name, updated=1)
    await tenants.condition(name, "Reconciling", status="True")
    await pods(tenants, name, ready=1)
    ready = await tenants.until(name, lambda thing: thing["status"]["readyReplicas"] == 1)
    assert condition_of(ready, "Ready")["status"] == "Unknown"
    assert not waiting.done()
    await pods(tenants, name)
    assert (await waiting).splitlines() == [f"tenantproxy.proxy.hiiretail.com/{name} condition met"]
    assert "Reconciling" not in json.dumps((await tenants.get(name))["status"])


@pytest.fixture
def helm(request: pytest.FixtureRequest, api_server: ApiServer, tmp_path: Path) -> Helm:
    """Return Helm at the API server, as its admin."""
    return Helm(directory("helm", request.config) / "helm", tmp_path, api_server.admin_kubeconfig)


def chart_of(folder: Path, name: str, changes: dict[str, Any]) -> Path:
    """Write a chart of a single TenantProxy."""
    manifest = minimal()
    for path, value in {"metadata.name": name, "spec.tenantId": f"T-{name}", **changes}.items():
        manifest = changed(manifest, path, value)
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "tenant", "version": "1.0.0"}))
    (chart / "templates/tenant.yaml").write_text(json.dumps(manifest))
    return chart


async def test_helm_waits_for_it(helm: Helm, tenants: Tenants, name: str, tmp_path: Path) -> None:
    """`--wait` ends well when all proxies serve, and with the reason as soon as somebody has to act."""

    def helm_does(action: str, changes: dict[str, Any]) -> asyncio.Task[str]:
        command = (action, name, chart_of(tmp_path, name, changes), "-n", tenants.namespace, "--wait", FOREVER)
        return asyncio.create_task(asyncio.to_thread(helm.run, *command))

    await tenants.secret(name)
    installing = helm_does("install", {})
    await tenants.child_until(TENANT_PROXY, name)
    await tenants.condition(name, "Reconciling", status="True", reason="Pending")
    await pods(tenants, name, ready=1)
    await tenants.condition(name, "Reconciling", status="True", reason="RollingOut")
    assert not installing.done()
    await pods(tenants, name)
    assert "STATUS: deployed" in await installing

    upgrading = helm_does("upgrade", {"spec.upstream.url": "https://other.example/api"})
    await tenants.condition(name, "Reconciling", status="True", reason="RollingOut")
    assert not upgrading.done()
    await pods(tenants, name, STUCK, updated=1)
    with pytest.raises(HelmError, match=r"status: Failed, .*\(it hangs\); earlier proxies serve what was applied"):
        await upgrading

    said = r"status: Failed, message: not Accepted: `spec\.auth\.tokenEndpoint\.allowNetworks\[0\]`"
    with pytest.raises(HelmError, match=said):
        await helm_does("upgrade", {"spec.auth.tokenEndpoint.allowNetworks": ["10.1.0.1/16"]})
