"""Optional kinds: used once they are installed, and no longer when they are removed."""

import asyncio
from collections.abc import Iterator

import pytest

from support.apiserver.optional_kinds import OptionalKinds
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = (  # watches begin and end with a kind, by another path
    "test_installed_later",
    "test_removed_and_installed_again",
)
OPTIONS = ("--pod-monitors", "--http-routes", "--check-interval=0.2")
ROUTE = {"spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example"]}}
BOTH = {kinds.POD_MONITOR, kinds.HTTP_ROUTE}


@pytest.fixture(autouse=True)
def _absent(optional_kinds: OptionalKinds, operator: OperatorProcess) -> Iterator[None]:
    """Begin and end without them."""
    assert operator.running
    optional_kinds.remove()
    yield
    optional_kinds.remove()


async def test_installed_later(optional_kinds: OptionalKinds, tenants: Tenants, name: str) -> None:
    """All TenantProxies get theirs, without a restart, and the operator watches over them."""
    plain = f"{name}-plain"
    await tenants.created(plain)
    await tenants.created(name, ROUTE)
    accepted = await tenants.condition(name, "Accepted", status="False", reason="RouteUnavailable")
    assert accepted["message"] == (
        "spec.route needs HTTPRoutes (gateway.networking.k8s.io/v1); install the Gateway API and run the operator "
        "with --http-routes, or remove spec.route"
    )
    assert (await tenants.children(name)).keys() == REQUIRED

    await asyncio.to_thread(optional_kinds.install)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert (await tenants.children(name)).keys() == REQUIRED | BOTH
    await tenants.child_until(kinds.POD_MONITOR, child_name(kinds.POD_MONITOR, plain))
    assert (await tenants.children(plain)).keys() == REQUIRED | {kinds.POD_MONITOR}

    for kind in BOTH:
        await tenants.remove(kind, child_name(kind, name))
        await tenants.child_until(kind, child_name(kind, name))


async def test_removed_and_installed_again(
    optional_kinds: OptionalKinds, operator: OperatorProcess, run: Run, tenants: Tenants, name: str
) -> None:
    """Without them all else goes on; when they are back, so are the objects."""
    await asyncio.to_thread(optional_kinds.install)
    await tenants.created(name, ROUTE)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")

    await asyncio.to_thread(optional_kinds.remove)
    await tenants.condition(name, "Accepted", status="False", reason="RouteUnavailable")
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    assert (await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["replicas"] == 3
    run.since_now()
    await _rounds(run, 3)
    assert run.writes() == []
    assert operator.probe("/readyz") == 200

    await asyncio.to_thread(optional_kinds.install)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert (await tenants.children(name)).keys() == REQUIRED | BOTH


async def test_switched_off(
    optional_kinds: OptionalKinds, operator: OperatorProcess, run: Run, tenants: Tenants, name: str
) -> None:
    """Kinds that are there and not wanted are not watched, not written, and left alone."""
    await asyncio.to_thread(optional_kinds.install)
    await tenants.created(name, ROUTE)
    operator.stop()
    run.since_now()
    operator.start_ready(without=OPTIONS[:2])
    await tenants.condition(name, "Accepted", status="False", reason="RouteUnavailable")
    operator.stop()
    used = {entry.resource for entry in run.audit()}
    assert not {kind.plural for kind in BOTH} & used
    operator.start_ready()
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")


async def _rounds(run: Run, count: int) -> None:
    async def done() -> int:
        return sum(entry.verb == "list" and "limit=500" in entry.uri for entry in run.audit())

    await eventually(done, lambda found: found >= count)
