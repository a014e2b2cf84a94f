"""A TenantProxy that is deleted takes its children along, also while no operator runs."""

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, collected_garbage
from support.waiting import eventually

from .conftest import Run

CLUSTER_WIDE = False  # garbage collection is another one's work, and the event of the end is the same


async def gone(tenants: Tenants, name: str) -> None:
    """Wait until no child of a TenantProxy is left."""

    async def left() -> set[str]:
        return {kind.kind for kind in await tenants.children(name)}

    await eventually(left, lambda kinds_left: not kinds_left)


async def test_children_go_with_it(api_server: ApiServer, run: Run, tenants: Tenants, name: str) -> None:
    """Garbage collection deletes them, and the operator makes none again; nor does it delete any."""
    await tenants.complete(name)
    assert (await tenants.children(name)).keys() == REQUIRED
    run.since_now()
    async with collected_garbage(api_server, tenants):
        await tenants.delete(name)
        await gone(tenants, name)
    await tenants.created(f"{name}-marker")
    assert not [write for write in run.writes(name) if f"{name}-marker" not in write]
    assert not await tenants.children(name)


async def test_children_go_without_operator(
    api_server: ApiServer, operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """No finalizer waits for an operator that may never come; one that comes makes no child again."""
    await tenants.complete(name)
    operator.stop()
    async with api_server.controllers("garbage-collector-controller"):
        await tenants.delete(name)
        await gone(tenants, name)
    operator.start_ready()
    await tenants.created(f"{name}-marker")
    assert not await tenants.children(name)
