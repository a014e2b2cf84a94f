"""With `spec.autoscaling` the autoscaler owns the number of proxies, without it the operator; they don't fight."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, Thing, child_name, condition_of
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = False  # what is rendered and applied is the same
SCALE = {"spec.autoscaling": {"minReplicas": 3, "maxReplicas": 9}}


async def scale(tenants: Tenants, name: str, replicas: int) -> None:
    """Do what a HorizontalPodAutoscaler does."""
    deployment = child_name(kinds.DEPLOYMENT, name)
    await tenants.patch(kinds.DEPLOYMENT, deployment, {"spec": {"replicas": replicas}}, subresource="scale")


async def replicas(tenants: Tenants, name: str) -> int:
    return int((await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["replicas"])


@asynccontextmanager
async def every_version(tenants: Tenants, name: str) -> AsyncIterator[list[Thing]]:
    """Collect every version of a Deployment; all that was written before the end is among them."""
    deployment = child_name(kinds.DEPLOYMENT, name)
    seen: list[Thing] = []

    async def watch() -> None:
        path = f"{kinds.DEPLOYMENT.path(tenants.namespace)}?watch=true&fieldSelector=metadata.name%3D{deployment}"
        async for line in tenants.api.lines(path):
            seen.append(json.loads(line)["object"])  # noqa: PERF401 - it has no end

    async def newest() -> str:
        return str(seen[-1]["metadata"]["resourceVersion"]) if seen else ""

    watching = asyncio.create_task(watch())
    try:
        await eventually(newest)
        yield seen
        final = await tenants.child(kinds.DEPLOYMENT, deployment)
        assert final is not None
        await eventually(newest, lambda version: version == final["metadata"]["resourceVersion"])
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_turned_on_and_off(tenants: Tenants, name: str) -> None:
    """The number is handed over without a jump, never touched while it is the autoscaler's, and taken back."""
    await tenants.created(name, {"spec.replicas": 5})
    async with every_version(tenants, name) as seen:
        await tenants.change(name, {"spec.replicas": ...} | SCALE)
        await tenants.settled(name)
        assert kinds.AUTOSCALER in await tenants.children(name)
    assert {deployment["spec"]["replicas"] for deployment in seen} == {5}

    async with every_version(tenants, name) as seen:
        for number in (7, 3, 9):
            await scale(tenants, name, number)
            await tenants.flush(name)
            assert await replicas(tenants, name) == number
        # What else changes leaves it alone, too.
        await tenants.change(name, {"spec.access": {"mode": "trusted"}})
        await tenants.settled(name)
    assert [deployment["spec"]["replicas"] for deployment in seen if deployment["spec"]["replicas"] == 5] == [5]
    assert seen[-1]["spec"]["replicas"] == 9

    async with every_version(tenants, name) as seen:
        await tenants.change(name, {"spec.autoscaling": ..., "spec.replicas": 4})
        await tenants.settled(name)
        assert kinds.AUTOSCALER not in await tenants.children(name)
    assert sorted({deployment["spec"]["replicas"] for deployment in seen}) == [4, 9]
    await scale(tenants, name, 6)
    await tenants.flush(name)
    assert await replicas(tenants, name) == 4


async def test_turned_on_after_a_restart(operator: OperatorProcess, tenants: Tenants, name: str) -> None:
    """The number is handed over by an operator that did not set it itself, too; also twice."""
    await tenants.created(name, {"spec.replicas": 4})
    operator.stop()
    await tenants.change(name, {"spec.replicas": ...} | SCALE)
    async with every_version(tenants, name) as seen:
        operator.start_ready()
        await tenants.settled(name)
        await tenants.change(name, {"spec.autoscaling": ..., "spec.replicas": 6})
        await tenants.settled(name)
        await tenants.change(name, {"spec.replicas": ...} | SCALE)
        await tenants.settled(name)
    assert {deployment["spec"]["replicas"] for deployment in seen} == {4, 6}


async def test_default_number(tenants: Tenants, name: str) -> None:
    """Without either there are two; with an autoscaler from the beginning it is the cluster's, who has it act."""
    await tenants.created(name)
    assert await replicas(tenants, name) == 2
    scaled = f"{name}-scaled"
    await tenants.created(scaled, SCALE)
    await scale(tenants, scaled, 3)
    await tenants.flush(scaled)
    assert await replicas(tenants, scaled) == 3
    assert (await tenants.children(scaled))[kinds.AUTOSCALER]["spec"]["minReplicas"] == 3


async def test_with_the_cluster_s_own_controllers(
    api_server: ApiServer, run: Run, tenants: Tenants, name: str
) -> None:
    """The Deployment controller's own writes, to status and annotations, cost no write of a child."""
    async with api_server.controllers("deployment-controller", "replicaset-controller"):
        await tenants.created(name)
        await tenants.until(name, lambda tenant: tenant["status"].get("replicas") == 2)
        await tenants.condition(name, "Available", status="False", reason="ProxiesNotReady")
        await tenants.flush(name)
        run.since_now()
        await tenants.change(name, SCALE)
        await tenants.settled(name)
        await scale(tenants, name, 4)
        await tenants.until(name, lambda tenant: tenant["status"].get("replicas") == 4)
        await tenants.flush(name)
    # The number is handed over, then given up. There is no Event: nothing has become ready, nor stopped to be.
    deployment, autoscaler = (f"patch {kind.plural} {name}-proxy" for kind in (kinds.DEPLOYMENT, kinds.AUTOSCALER))
    other = f"patch tenantproxies/status {name}"
    writes = [write for write in run.writes(name) if write != other and "controllerrevisions" not in write]
    assert writes == [deployment, deployment, autoscaler]


async def test_autoscaler_and_disruption_budget_of_somebody_else(run: Run, tenants: Tenants, name: str) -> None:
    """Both are named while they are there; the number that an autoscaler sets is set back."""
    await tenants.created(name)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": child_name(kinds.DEPLOYMENT, name)}
    theirs = f"{name}-theirs"
    await tenants.put(kinds.AUTOSCALER, theirs, {"spec": {"scaleTargetRef": target, "maxReplicas": 5}})
    select = {"matchLabels": {"app.kubernetes.io/instance": name}}
    await tenants.put(kinds.DISRUPTION_BUDGET, theirs, {"spec": {"selector": select, "maxUnavailable": 1}})

    def said(tenant: Thing) -> list[str]:
        message = condition_of(tenant, "Available").get("message", "")
        return [part.split()[0] for part in message.split("; ") if theirs in part]

    await tenants.until(name, lambda tenant: len(said(tenant)) == 2)
    assert said(await tenants.get(name)) == ["HorizontalPodAutoscaler", "PodDisruptionBudget"]
    await scale(tenants, name, 5)
    await eventually(lambda: replicas(tenants, name), lambda number: number == 2)
    await tenants.flush(name)
    run.since_now()
    await tenants.flush(name)
    assert {write.split()[1] for write in await run.writes_to_the_end(name)} == {"tenantproxies/status"}
    for kind in (kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET):
        await tenants.remove(kind, theirs)
    await tenants.until(name, lambda tenant: said(tenant) == [])
