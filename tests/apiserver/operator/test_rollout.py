"""A new image of the operator's reaches a few tenants at a time, and stops where it does not come up."""

import asyncio
from collections.abc import Callable

from support.apiserver_client import ApiClient
from support.operator_process import OperatorProcess
from support.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator import kinds
from tenantproxy_operator.cluster import EVENT
from tenantproxy_operator.fleet import MOST_MISSED

from .conftest import Run

AT_ONCE = 2
TENANTS = 8
STUCK = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}


async def image(tenants: Tenants, name: str) -> str:
    deployment = (await tenants.children(name))[kinds.DEPLOYMENT]
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def set_status(tenants: Tenants, name: str, *, stuck: bool) -> None:
    """Do what the Deployment controller does: all proxies are ready, or the earlier ones still are."""
    deployment = (await tenants.children(name))[kinds.DEPLOYMENT]
    number = deployment["spec"]["replicas"]
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": number,
        "readyReplicas": number,
        "updatedReplicas": 0 if stuck else number,
        "conditions": [STUCK] if stuck else [],
    }
    change = {"status": status}
    await tenants.patch(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name), change, subresource="status")


async def test_image_that_does_not_come_up(
    run: Run, api: ApiClient, launch: Callable[..., OperatorProcess], name: str
) -> None:
    """After three tenants with stuck proxies no other gets it, and all of them are told; the old image heals."""
    good, bad = (launch(f"--proxy-image=proxy:{tag}", f"--max-updating-tenants={AT_ONCE}") for tag in (1, 2))
    await asyncio.to_thread(good.start_ready)
    tenants = Tenants(api, run.namespaces[0], lambda: bad.log)
    names = [f"{name}-{number}" for number in range(TENANTS)]
    for each in names:
        await tenants.created(each)
        await set_status(tenants, each, stuck=False)
        await tenants.condition(each, "Available", status="True", reason="ProxiesReady")
    await asyncio.to_thread(good.stop)
    await asyncio.to_thread(bad.start_ready)

    async def updated() -> set[str]:
        return {each for each in names if await image(tenants, each) == "proxy:2"}

    missed: set[str] = set()
    while len(missed) < MOST_MISSED:
        turn = (await eventually(updated, lambda found: found - missed)) - missed
        assert len(turn) <= AT_ONCE
        missed.add(min(turn))
        await set_status(tenants, min(turn), stuck=True)
    untouched = set(names) - await updated()
    assert len(untouched) >= TENANTS - MOST_MISSED - AT_ONCE
    for each in untouched:
        accepted = await tenants.condition(each, "Accepted", status="True", reason="RolloutStopped")
        assert "correct them, or go back to the earlier ones" in accepted["message"]
    assert bad.metrics()["rollout_stopped"] == 1
    assert bad.metrics()["rollout_pending"] == len(untouched)
    events = (await tenants.call("GET", EVENT.path(tenants.namespace)))["items"]
    told = {event["regarding"]["name"] for event in events if event["reason"] == "RolloutStopped"}
    assert told == missed

    # A tenant's own change never waits.
    own = min(untouched)
    await tenants.change(own, {"spec.replicas": 3})
    await tenants.settled(own)
    assert own in await updated()
    assert await updated() == set(names) - untouched | {own}

    await asyncio.to_thread(bad.stop)
    await asyncio.to_thread(good.start_ready)
    while await updated():
        for each in names:
            await set_status(tenants, each, stuck=False)
    for each in names:
        await tenants.condition(each, "Accepted", status="True", reason="Accepted")
    await asyncio.to_thread(good.stop)
