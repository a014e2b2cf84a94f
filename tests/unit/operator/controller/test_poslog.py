"""A tenant with a PosLog relay beside its proxies: two components, each with its own life."""

from typing import Any, Final

import pytest

from support.operator.reconciling import Operator, World, refusing
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.settings import Settings

RELAY: Final[dict[str, Any]] = {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}
WITH_RELAY: Final[dict[str, Any]] = {"spec.poslog": RELAY}


@pytest.fixture
def world() -> World:
    """Return a namespace with an empty Secret of the user's, so that nobody waits for one."""
    world = World()
    world.secret()
    return world


async def served(world: World, operator: Operator) -> None:
    """Create the tenant with its relay, and let all pods be ready."""
    world.tenant(changes=WITH_RELAY)
    await operator.settle()
    world.pods()
    world.pods(component="poslog")
    await operator.settle()
    assert world.reason("Ready") == Reason.READY
    world.calls()


def _relays(world: World) -> dict[str, list[str]]:
    """Return the names of what there is of the relay, by kind."""
    found: dict[str, list[str]] = {}
    for ref in world.api.objects:
        if ref.name.startswith("acme-poslog") and ref.plural not in ("replicasets", "events"):
            found.setdefault(ref.plural, []).append(ref.name)
    return found


async def test_each_change_has_its_component(world: World) -> None:
    """What is about reads writes nothing of the relay's, and what is about events nothing of the proxies'."""
    operator = Operator(world)
    await served(world, operator)
    for change, others in (
        ({"spec.mapping": {"getOrder": {"fields": {"status": {"from": "/s"}}}}}, "acme-poslog"),
        ({"spec.poslog.filter.training": True}, "acme-proxy"),
        ({"spec.poslog.replicas": 3}, "acme-proxy"),
    ):
        world.tenant(changes=change)
        await operator.settle()
        written = [call for call in world.writes() if "status" not in call and "controllerrevisions" not in call]
        assert written
        assert [call for call in written if others in call] == []


@pytest.mark.parametrize("change", [{"spec.poslog": ...}, {"spec.poslog.enabled": False}])
async def test_the_relay_goes(world: World, change: dict[str, Any]) -> None:
    """With all that it had, earlier ConfigMaps too; proxies stay, and the status says no more of it."""
    operator = Operator(world)
    await served(world, operator)
    world.tenant(changes={"spec.poslog.filter.training": True})
    await operator.settle()
    there = _relays(world)
    assert {kind: len(names) for kind, names in there.items()} == {
        "configmaps": 2,
        "networkpolicies": 1,
        "services": 1,
        "deployments": 1,
        "poddisruptionbudgets": 1,
    }
    world.calls()
    world.tenant(changes=change)
    await operator.settle()
    assert _relays(world) == {}
    writes = [call for call in world.writes() if "acme-proxy" in call and "controllerrevisions" not in call]
    assert writes == []
    assert world.reason("Ready") == Reason.READY
    assert not any("Poslog" in each["type"] for each in world.status()["conditions"])
    assert "poslogEndpoint" not in world.status()
    for restarted in (operator, Operator(world)):
        restarted.enqueue(next(iter(restarted.tenants)))
        await restarted.settle()
        assert world.writes() == []


async def test_drift(world: World) -> None:
    """What anybody deletes of the relay's comes back."""
    operator = Operator(world)
    await served(world, operator)
    before = _relays(world)
    for plural, (name, *_) in before.items():
        world.delete(plural, name)
    await operator.settle()
    assert {kind: sorted(names) for kind, names in _relays(world).items()} == before


@pytest.mark.parametrize(("mine", "other"), [("poslog", "proxy"), ("proxy", "poslog")])
async def test_a_conflict_harms_its_own_component(world: World, mine: str, other: str) -> None:
    """A NetworkPolicy of somebody else's holds back the pods that need it, and no others."""
    world.edit("networkpolicies", {"metadata": {"labels": {}}}, f"acme-{mine}")
    operator = Operator(world)
    world.tenant(changes=WITH_RELAY)
    await operator.settle()
    assert world.exists("deployments", f"acme-{other}")
    assert not world.exists("deployments", f"acme-{mine}")
    assert world.reason("Accepted") == Reason.CONFLICT
    world.delete("networkpolicies", f"acme-{mine}")
    await operator.retry()
    assert world.exists("deployments", f"acme-{mine}")


async def test_a_relay_that_can_not_be_written_keeps_no_proxy_behind(world: World) -> None:
    """The proxies go on to be changed, time and again, where the API server refuses the relay's Deployment."""
    operator = Operator(world)
    await served(world, operator)
    world.api.fault = refusing("PATCH deployments acme-poslog", 403)
    for timeout in ("7s", "8s"):
        world.tenant(changes={"spec.upstream.timeout": timeout, "spec.poslog.delivery.timeout": "1s"})
        await operator.settle()
        assert world.reason("Accepted") == Reason.APPLY_REFUSED
        data = world.child("configmaps")["data"]["config.json"]
        assert f'"timeoutSeconds":{float(timeout[:-1])}' in data.replace(" ", "")


async def test_earlier_config_maps_of_each(world: World) -> None:
    """Of each component those stay that its own ReplicaSets may need."""
    operator = Operator(world)
    await served(world, operator)
    for number in range(6):
        timeout = f"{number + 1}00ms"
        world.tenant(changes={"spec.upstream.timeout": timeout, "spec.poslog.delivery.timeout": timeout})
        await operator.settle()
        world.pods()
        world.pods(component="poslog")
        await operator.settle()
    for component in ("proxy", "poslog"):
        assert sum(name.startswith(f"acme-{component}-") for name in world.names("configmaps")) == 4


async def test_a_held_tenant_keeps_its_relay(world: World) -> None:
    """While it waits for its turn to get another image, what anybody edits of either Deployment is put back."""
    world.tenant("first")
    operator = Operator(world, Settings(proxy_image="good:1"))
    await served(world, operator)
    newer = Operator(world, Settings(proxy_image="good:2"), most_updating=1)
    await newer.settle()
    assert world.reason("Accepted") == Reason.ROLLOUT_PENDING
    for component in ("proxy", "poslog"):
        name = f"acme-{component}"
        world.edit("deployments", {"spec": {"replicas": 7}}, name)
        await newer.settle()
        deployment = world.child("deployments", name)["spec"]
        assert deployment["replicas"] == 2
        assert deployment["template"]["spec"]["containers"][0]["image"] == "good:1"
    world.pods("first")
    await newer.settle()
    assert (
        world.child("deployments", "acme-poslog")["spec"]["template"]["spec"]["containers"][0]["image"] == "good:2"
    )


async def test_a_stuck_relay_counts_in_the_rollout(world: World) -> None:
    """An image with which relays don't start is not given to further tenants, though their proxies do."""
    operator = Operator(world, Settings(proxy_image="good:1"))
    await served(world, operator)
    newer = Operator(world, Settings(proxy_image="bad:2"))
    await newer.settle()
    world.pods()
    world.pods(component="poslog", updated=1, stuck="it hangs")
    await newer.settle()
    assert newer.rollout.missed
    assert world.condition("Ready")[:2] == ("False", Reason.ROLLOUT_STUCK)
    assert world.condition("Ready")[2].startswith("not rolled out: new relays don't become ready (it hangs)")
    assert world.condition("Stalled")[0] == "True"
