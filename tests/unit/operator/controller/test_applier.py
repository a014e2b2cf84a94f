"""Children that need others, and ConfigMaps: what pods run with is stored, for as long as they need it."""

import logging
from typing import Any, Final

import pytest

from support.operator.reconciling import Operator, World, ref_of, refusing
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.settings import Settings

NEEDED: Final = {
    "serviceaccounts": "ServiceAccount acme-proxy",
    "roles": "RoleBinding acme-proxy",  # which waits for the Role
    "rolebindings": "RoleBinding acme-proxy",
    "configmaps": "ConfigMap acme-proxy-",
    "networkpolicies": "NetworkPolicy acme-proxy",
}
"""What a Deployment waits for, where one of these kinds can't be applied."""
WORDS: Final = "these are its words"


@pytest.fixture
def world() -> World:
    world = World()
    world.secret()
    return world


async def created(world: World, settings: Settings | None = None) -> Operator:
    """Create the tenant, and let an operator make all of it."""
    world.tenant()
    operator = Operator(world, settings)
    await operator.settle()
    world.pods()
    await operator.settle()
    world.calls()
    return operator


def change(world: World, number: int) -> None:
    """Give the tenant another configuration."""
    world.tenant(changes={"spec.upstream.timeout": f"{number + 10}s"})


# What needs what


def test_the_table() -> None:
    """What is needed comes first."""
    order = list(kinds.CHILDREN)
    for kind, needed in kinds.REQUIRES.items():
        assert all(order.index(each) < order.index(kind) for each in needed)


@pytest.mark.parametrize("plural", NEEDED)
@pytest.mark.parametrize(
    ("status", "accepted"),
    [
        (403, Reason.APPLY_REFUSED),
        (422, Reason.APPLY_REFUSED),
        (429, Reason.APPLY_FAILED),
        (500, Reason.APPLY_FAILED),
    ],
)
async def test_no_pods_without_what_they_need(world: World, plural: str, status: int, accepted: str) -> None:
    """The status says what was refused, and what waits for it; all else is made."""
    world.tenant()
    operator = Operator(world)
    world.api.fault = refusing(f"PATCH {plural}", status)
    await operator.settle()
    assert not world.exists("deployments")
    assert world.exists("services")
    condition = world.condition("Accepted")
    assert condition[1] == accepted
    assert WORDS in condition[2]
    assert f"Deployment acme-proxy: waits for {NEEDED[plural]}" in condition[2]
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.exists("deployments")
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_no_pods_without_a_secret_of_ours(world: World) -> None:
    """Where it is missing, and can't be created."""
    world.delete("secrets", "acme-credentials")
    world.tenant()
    operator = Operator(world)
    world.seconds = SECRET_GRACE
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    world.delete("deployments")
    world.delete("secrets", "acme-credentials")
    world.api.fault = refusing("POST secrets", 403)
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    assert "Deployment acme-proxy: waits for Secret acme-credentials" in world.condition("Accepted")[2]
    assert not world.exists("deployments")


@pytest.mark.parametrize("plural", ["configmaps", "networkpolicies"])
async def test_pods_stay_as_they_are(world: World, plural: str) -> None:
    """Their Deployment is not written, and what it mounts is there, until all can be had."""
    operator = await created(world)
    before = world.child("deployments")
    world.api.fault = refusing(f"PATCH {plural}", 422)
    world.tenant(
        changes={"spec.upstream.url": "https://other.example", "spec.upstream.allowPrivateNetworks": True}
    )
    await operator.settle()
    assert world.child("deployments") == before
    assert world.exists("configmaps")
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.child("deployments") != before
    assert "https://other.example" in world.child("configmaps")["data"]["config.json"]
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_what_the_earlier_pods_need_stays(world: World) -> None:
    """Their account is deleted after their Deployment has another one."""
    operator = await created(world)
    world.api.fault = refusing("PATCH configmaps", 422)
    world.tenant(changes={"spec.auth.management": "platform", "spec.upstream.timeout": "4s"})
    await operator.settle()
    assert world.exists("serviceaccounts")
    assert world.exists("rolebindings")
    world.api.fault = lambda _: None
    await operator.retry()
    assert not world.exists("serviceaccounts")
    assert world.child("deployments")["spec"]["template"]["spec"]["serviceAccountName"] == "default"


async def test_what_is_right_waits_for_nothing(world: World) -> None:
    """An edit that can't be put back is that child's alone."""
    operator = await created(world)
    world.api.fault = refusing("PATCH networkpolicies", 403)
    world.edit("networkpolicies", {"spec": {"ingress": []}})
    await operator.settle()
    accepted = world.condition("Accepted")
    assert accepted[1] == Reason.APPLY_REFUSED
    assert "waits" not in accepted[2]


async def test_an_autoscaler_waits_for_its_deployment(world: World) -> None:
    """Which still sets the number of replicas."""
    operator = await created(world)
    world.api.fault = refusing("PATCH deployments", 422)
    world.tenant(changes={"spec.autoscaling": {"maxReplicas": 4}})
    await operator.settle()
    assert not world.exists("horizontalpodautoscalers")
    assert "HorizontalPodAutoscaler acme-proxy: waits for Deployment acme-proxy" in world.condition("Accepted")[2]


# ConfigMaps of others


async def test_a_config_map_of_the_users(world: World) -> None:
    """It is neither changed nor mounted."""
    await created(world)
    taken = world.name_of("configmaps")
    for ref in list(world.api.objects):
        if ref.plural != "secrets":
            world.api.delete(ref)
    world.edit("configmaps", {"data": {"config.json": "{}"}}, taken)
    mine = world.child("configmaps", taken)
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    assert world.child("configmaps", taken) == mine
    assert not world.exists("deployments")
    accepted = world.condition("Accepted")
    assert accepted[1] == Reason.CONFLICT
    assert f"ConfigMap {taken}: was not created by this operator" in accepted[2]
    assert f"Deployment acme-proxy: waits for ConfigMap {taken}" in accepted[2]


@pytest.mark.parametrize("immutable", [True, False])
async def test_one_that_was_made_anew_with_other_content(world: World, *, immutable: bool) -> None:
    """What can't be changed is deleted, and made again."""
    operator = await created(world)
    before = world.child("configmaps")
    content = {key: before["metadata"][key] for key in ("labels", "ownerReferences")}
    world.delete("configmaps")
    world.edit("configmaps", {"metadata": content, "data": {"config.json": "{}"}, "immutable": immutable})
    await operator.settle()
    assert world.child("configmaps")["data"] == before["data"]
    assert world.child("configmaps")["immutable"] is True
    name = world.name_of("configmaps")
    deleted = [f"DELETE configmaps {name}"] if immutable else []
    assert [call for call in world.calls() if call.startswith("DELETE")] == deleted
    assert world.reason("Accepted") == Reason.ACCEPTED
    await Operator(world).settle()
    assert world.calls() == []


async def test_a_refusal_deletes_nothing(world: World) -> None:
    """A policy answers as a validation does; what it refuses to change has the right content."""
    operator = await created(world)
    world.api.fault = refusing("PATCH configmaps", 422)
    world.edit("configmaps", {"metadata": {"labels": {"app.kubernetes.io/component": "x"}}})
    await operator.settle()
    assert world.exists("configmaps")
    assert world.reason("Accepted") == Reason.APPLY_REFUSED


# Earlier ConfigMaps


async def test_many_changes_leave_a_handful(world: World) -> None:
    """Those that `kubectl rollout undo` can go back to; nothing is read or written at rest."""
    operator = await created(world)
    history = [world.name_of("configmaps")]
    for number in range(12):
        change(world, number)
        await operator.settle()
        history.append(world.name_of("configmaps"))
        world.pods()
        await operator.settle()
        assert set(world.names("configmaps")) == set(history[-4:])
    assert len(set(history)) == 13
    world.calls()
    operator.enqueue(next(iter(operator.tenants)))
    await operator.settle()
    await Operator(world).settle()
    assert world.calls() == []


async def test_changes_faster_than_rollouts(world: World) -> None:
    """None of them is even begun before the next one; the number is bounded, and the last one prunes them all."""
    operator = await created(world)
    counts = []
    for number in range(30):
        change(world, number)
        await operator.settle()
        counts.append(len(world.names("configmaps")))
    assert max(counts) == 12
    world.pods()
    await operator.settle()
    assert len(world.names("configmaps")) == 2  # no ReplicaSet was ever made for the others


async def test_rollouts_that_never_complete(world: World) -> None:
    """What serves stays, and the number is bounded."""
    operator = await created(world)
    serving = world.name_of("configmaps")
    for number in range(30):
        change(world, number)
        await operator.settle()
        world.pods(updated=1, stuck="it hangs")
        await operator.settle()
        assert {serving, world.name_of("configmaps")} <= set(world.names("configmaps"))
        assert len(world.names("configmaps")) <= 6


async def test_a_paused_deployment(world: World) -> None:
    """For which no ReplicaSet tells what it mounts; it stays while changes of it are refused."""
    operator = await created(world)
    world.edit("deployments", {"spec": {"paused": True}})
    change(world, 0)
    await operator.settle()
    mounted = world.name_of("configmaps")
    generation = world.child("deployments")["metadata"]["generation"]
    world.api.set_status(ref_of("deployments", "acme-proxy"), {"observedGeneration": generation})
    world.api.fault = refusing("PATCH deployments", 422)
    for number in range(10):
        change(world, number + 1)
        await operator.settle()
    assert mounted == world.name_of("configmaps")
    assert mounted in world.names("configmaps")
    assert len(world.names("configmaps")) <= 6
    world.calls()
    await operator.retry()
    assert not [call for call in world.writes() if "configmaps" in call]  # what will be mounted stays, too


async def test_back_and_forth(world: World) -> None:
    """One that comes back is that of the newest revision, and is found again."""
    operator = await created(world)
    first = world.name_of("configmaps")
    for value in ("11s", ..., "12s", "13s", "14s"):
        world.tenant(changes={"spec.upstream.timeout": value})
        await operator.settle()
        assert world.exists("configmaps")
        world.pods()
        await operator.settle()
    assert first in world.names("configmaps")
    assert len(world.names("configmaps")) == 4


async def test_over_restarts(world: World) -> None:
    """Whichever operator sees the end of a rollout."""
    await created(world)
    for number in range(12):
        change(world, number)
        await Operator(world).settle()
        world.pods()
        await Operator(world).settle()
    assert len(world.names("configmaps")) == 4


async def test_the_plainly_named_one_of_an_earlier_version(world: World) -> None:
    """It goes with the last ReplicaSet that mounts it; one of the user's stays."""
    operator = await created(world)
    ours = {key: world.child("configmaps")["metadata"][key] for key in ("labels", "ownerReferences")}
    plain: dict[str, Any] = {"metadata": ours, "data": {"config.json": "{}"}}
    world.api.write(ref_of("configmaps", "acme-proxy"), plain, manager="tenantproxy-operator")
    (earlier,) = world.names("replicasets")
    volumes = [{"name": "config", "configMap": {"name": "acme-proxy"}}]
    world.edit("replicasets", {"spec": {"template": {"spec": {"volumes": volumes}}}}, earlier)
    world.edit("configmaps", {"metadata": {"labels": ours["labels"]}}, "acme-proxy-0123456789abcdef0123")
    for number in range(4):
        assert world.exists("configmaps", "acme-proxy")
        change(world, number)
        await operator.settle()
        world.pods()
        await operator.settle()
    assert not world.exists("configmaps", "acme-proxy")
    assert world.exists("configmaps", "acme-proxy-0123456789abcdef0123")


async def test_without_the_right_to_list_replica_sets(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is deleted, the log says why, and the tenant is served."""
    caplog.set_level(logging.WARNING)
    operator = await created(world)
    world.api.fault = refusing("GET replicasets", 403)
    for number in range(3):
        change(world, number)
        await operator.settle()
        world.pods()
        await operator.settle()
    assert len(world.names("configmaps")) == 4
    assert WORDS in caplog.text
    assert world.reason("Ready") == Reason.READY
