"""One reconcile per tenant at a time, however many triggers there are; tenants don't wait for each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, hold
from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name, without_hash
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = False  # the queue knows nothing of watches
DELAY = 0.03


@pytest.fixture
async def between(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between the operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


@pytest.fixture
async def tenants(
    api: ApiClient, run: Run, between: Between, launch: Callable[..., OperatorProcess]
) -> AsyncIterator[Tenants]:
    """Return the TenantProxies of an operator that talks to what is in between."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    yield Tenants(api, run.namespaces[0], lambda: operator.log)
    await asyncio.to_thread(operator.stop)


async def test_triggers_are_merged(tenants: Tenants, between: Between, name: str) -> None:
    """Whatever happens during a reconcile leads to exactly one more, which finds all of it."""
    await tenants.created(name)
    gate, held = asyncio.Event(), asyncio.Event()

    async def play(call: Call) -> web.Response | None:
        if call.path.endswith(f"/{name}/status") and not held.is_set():
            held.set()  # the last write of a reconcile
            await hold(gate)
        return None

    between.play = play
    await tenants.change(name, {"spec.access": {"mode": "trusted"}})
    await hold(held)
    between.calls.clear()
    for replicas in range(3, 13):
        await tenants.change(name, {"spec.replicas": replicas})
        drift = {"metadata": {"labels": {"app.kubernetes.io/instance": f"x{replicas}"}}}
        await tenants.patch(kinds.SERVICE, child_name(kinds.SERVICE, name), drift)
        await tenants.patch(
            kinds.SECRET, child_name(kinds.SECRET, name), {"stringData": {"username": f"{replicas}"}}
        )
    await tenants.created(f"{name}-b")  # the operator was told of all that before this is done
    assert between.writes(name) == []
    gate.set()
    await tenants.settled(name)
    await tenants.condition(name, "CredentialsReady", reason="CredentialsInvalid")
    root = f"/api/v1/namespaces/{tenants.namespace}"
    apps = f"/apis/apps/v1/namespaces/{tenants.namespace}"
    status = f"PATCH /apis/proxy.hiiretail.com/v1alpha1/namespaces/{tenants.namespace}/tenantproxies/{name}/status"
    assert [without_hash(write) for write in between.writes(name)] == [
        f"PATCH {root}/services/{name}-proxy",
        f"PATCH {apps}/controllerrevisions/{name}-proxy",
        f"PATCH {apps}/deployments/{name}-proxy",
        f"DELETE {apps}/controllerrevisions/{name}-proxy",
        status,
    ]
    assert (await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["replicas"] == 12


async def test_no_two_writes_of_one_tenant(tenants: Tenants, between: Between, name: str) -> None:
    """While the API server is slow, several tenants are served at once, each by one write after the other."""
    names = [f"{name}{number}" for number in range(8)]

    async def play(call: Call) -> web.Response | None:
        if call.is_write:
            await asyncio.sleep(DELAY)
        return None

    between.play = play
    await asyncio.gather(*(tenants.secret(each) for each in names))
    await asyncio.gather(*(tenants.create(each) for each in names))
    for number in range(3, 8):
        for each in names:
            await tenants.change(each, {"spec.replicas": number})
            await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, each))
    for each in names:
        await tenants.settled(each)
        await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, each))
    assert {each: between.most_at_once[each] for each in names} == dict.fromkeys(names, 1)
    assert between.most_at_once[""] >= len(names) // 2


async def test_slow_tenant_holds_up_no_other(tenants: Tenants, between: Between, name: str) -> None:
    """A tenant whose writes hang takes one worker, no more."""
    gate = asyncio.Event()

    async def play(call: Call) -> web.Response | None:
        if call.is_write and call.tenant == name:
            await hold(gate)
        return None

    between.play = play
    await tenants.secret(name)
    await tenants.create(name)

    async def writes() -> list[str]:
        return between.writes(name)

    await eventually(writes)
    for number in range(5):
        await tenants.created(f"{name}-{number}")
    assert len(between.writes(name)) == 1
    gate.set()
    await tenants.settled(name)
