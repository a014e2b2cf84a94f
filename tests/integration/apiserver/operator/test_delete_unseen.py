"""A TenantProxy that is gone before its event arrives: garbage collection is often faster than the watch."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between
from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, collected_garbage
from support.waiting import eventually
from tenantproxy_operator.kube.client import TENANT_PROXY

from .conftest import Run

CLUSTER_WIDE = False  # the TenantProxy is asked for in its own namespace


@pytest.fixture
async def between(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between the operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


@pytest.mark.parametrize("cascade", ["Background", "Orphan"])
async def test_children_are_left_alone(
    api_server: ApiServer,
    run: Run,
    api: ApiClient,
    launch: Callable[..., OperatorProcess],
    between: Between,
    name: str,
    cascade: str,
) -> None:
    """No child is made again, nor given back to an owner that is gone, which would be its end."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    tenants = Tenants(api, run.namespaces[0], lambda: operator.log)
    await tenants.complete(name)
    before = await tenants.children(name)
    between.swallowed = "tenantproxies"
    between.calls.clear()

    async def asked() -> bool:
        return any(f"fieldSelector=metadata.name%3D{name}" in call.query for call in between.calls)

    async with collected_garbage(api_server, tenants):
        await tenants.delete(name, propagationPolicy=cascade)
        await eventually(lambda: tenants.child(TENANT_PROXY, name), lambda found: found is None)
        if cascade == "Background":
            await eventually(lambda: tenants.children(name), lambda children: not children)
        await eventually(asked, log=lambda: operator.log)
    assert between.writes(name) == []
    children = await tenants.children(name)
    assert children.keys() == (set() if cascade == "Background" else REQUIRED)
    for kind, child in children.items():
        assert child["metadata"]["uid"] == before[kind]["metadata"]["uid"]
        assert "ownerReferences" not in child["metadata"]
    await asyncio.to_thread(operator.stop)
