"""A namespace with TenantProxies can be deleted, whether an operator runs or not."""

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants
from support.waiting import eventually

CLUSTER_WIDE = True  # a namespace that goes leaves the watch of all others alone


async def test_namespace_goes_without_operator(
    api_server: ApiServer, tenants: Tenants, operator: OperatorProcess, name: str
) -> None:
    """No finalizer is on a TenantProxy, nor on what is made of it."""
    await tenants.created(name)
    operator.stop()
    path = f"/api/v1/namespaces/{tenants.namespace}"

    async def status() -> int:
        return (await tenants.api.request("GET", path))[0]

    async with api_server.controllers("namespace-controller"):
        await tenants.call("DELETE", path)
        await eventually(status, lambda code: code == 404)
