"""A new operator image reaches a few tenants at a time, and stops if their proxies don't become ready."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, NamedTuple

import pytest

from support.apiserver.client import ApiClient
from support.operator.diagnoses import Engineer
from support.operator.fake_pods import FakePods
from support.operator.installed import Home, told_of_the_operator
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, Thing, child_name, condition_of, is_settled
from support.waiting import eventually
from tenantproxy_operator.cache.tenants import CANARY
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import EVENT

from .conftest import Run

CLUSTER_WIDE = ONLY_CLUSTER_WIDE = ("test_good_image",)  # all namespaces are one fleet
MOST = 4
OPTIONS = ("--check-interval=0.3", f"--max-updating-tenants={MOST}")
TENANTS = 30
TAKES = 0.15
DEADLINE = 0.5
FIRST = "--proxy-image=registry.example/good:1"
SECOND = "--proxy-image=registry.example/good:2"
BAD = "--proxy-image=registry.example/bad:2"
Launch = Callable[..., OperatorProcess]


class Scene(NamedTuple):
    """A fleet, all of the first image."""

    run: Run
    launch: Launch
    tenants: Tenants
    names: list[str]
    canaries: list[str]
    pods: FakePods

    @contextlib.asynccontextmanager
    async def operated(self, *options: str) -> AsyncIterator[OperatorProcess]:
        """Run an operator with these options."""
        operator = self.launch(*options)
        await asyncio.to_thread(operator.start_ready)
        try:
            yield operator
        finally:
            await asyncio.to_thread(operator.stop_if_running)

    async def all(self) -> dict[str, Thing]:
        """Return all TenantProxies of the fleet."""
        found = await self.tenants.call("GET", self.tenants.path)
        return {
            item["metadata"]["name"]: item for item in found["items"] if item["metadata"]["name"] in self.names
        }

    async def until(self, good: Callable[[Thing], object], names: Collection[str] | None = None) -> None:
        """Wait until these TenantProxies, or all, are as `good` wants them."""

        async def others() -> list[Thing]:
            found = await self.all()
            return [found[name].get("status", {}) for name in names or self.names if not good(found[name])]

        await eventually(others, lambda found: not found)

    async def until_all_have(self, image: str) -> None:
        """Wait until the Deployments of all have an image, and their pods are started."""

        async def others() -> list[str]:
            return [name for name in self.names if self.pods.images[deployment(name)] != image.partition("=")[2]]

        await eventually(others, lambda found: not found)

    async def until_put_back(self, before: Thing, image: str) -> None:
        """Wait until a deleted Deployment, and what it mounts, are back; `before` is its TenantProxy then."""
        name = before["metadata"]["name"]

        def again(thing: Thing) -> bool:
            return is_ready(thing) and thing["status"]["appliedDigest"] != before["status"]["appliedDigest"]

        await self.until(again, [name])
        await self.tenants.child_until(kinds.CONFIG_MAP, deployment(name))
        assert image_of(await self.tenants.child(kinds.DEPLOYMENT, deployment(name))) == image.partition("=")[2]

    async def is_put_back(self, name: str, image: str) -> None:
        """Edit the Deployment of a tenant, then delete it: it comes back with an image."""
        container = {"name": "proxy", "image": "registry.example/good:evil"}
        change = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await self.tenants.patch(kinds.DEPLOYMENT, deployment(name), change)
        good = image.partition("=")[2]
        await self.tenants.child_until(kinds.DEPLOYMENT, deployment(name), lambda found: image_of(found) == good)
        before = await self.tenants.until(name, is_ready)
        await self.tenants.remove(kinds.DEPLOYMENT, deployment(name))
        await self.until_put_back(before, image)


@pytest.fixture
async def scene(run: Run, launch: Launch, api: ApiClient, name: str) -> AsyncIterator[Callable[..., Any]]:
    """Return what makes a fleet; at the end it is removed."""
    tenants = Tenants(api, run.namespaces[0])

    @contextlib.asynccontextmanager
    async def make(*, broken: int = 0) -> AsyncIterator[Scene]:
        names = [f"{name}-{number:02}" for number in range(TENANTS)]
        canaries = [names[11], names[23]]
        never_ready = {deployment(each) for each in names[:broken]}
        options: dict[str, Any] = {"broken": never_ready, "takes": TAKES, "deadline": DEADLINE}
        async with FakePods.playing(api, run.namespaces[0], **options) as pods:
            scene = Scene(run, launch, tenants, names, canaries, pods)
            await asyncio.gather(*(tenants.secret(each) for each in names))
            for each in names:
                await tenants.create(each, {"metadata.labels": {CANARY: "true"}} if each in canaries else {})
            async with scene.operated(FIRST):
                await scene.until(is_ready, names[broken:])
                await scene.until(is_accepted, names)
            yield scene

    yield make
    for item in (await tenants.call("GET", tenants.path))["items"]:
        await tenants.delete(item["metadata"]["name"])


def deployment(tenant: str) -> str:
    return child_name(kinds.DEPLOYMENT, tenant)


def image_of(found: Thing | None) -> str:
    """Return the image of a Deployment's only container; empty where there is none."""
    if found is None:
        return ""
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def is_ready(thing: Thing) -> bool:
    return condition_of(thing, "Ready").get("status") == "True" and is_complete(thing)


def is_complete(thing: Thing) -> bool:
    return condition_of(thing, "Available").get("reason") == "ProxiesReady"


def is_accepted(thing: Thing) -> bool:
    return condition_of(thing, "Accepted").get("reason") == "Accepted" and is_settled(thing)


def is_pending(thing: Thing) -> bool:
    accepted = condition_of(thing, "Accepted")
    return (accepted.get("status"), accepted.get("reason")) == ("True", "RolloutPending")


def is_stopped(thing: Thing) -> bool:
    accepted = condition_of(thing, "Accepted")
    return (accepted.get("status"), accepted.get("reason")) == ("True", "RolloutStopped")


async def stopped(operator: OperatorProcess) -> None:
    """Wait until it says that the rollout stopped."""

    async def metric() -> float:
        return operator.metrics()["rollout_stopped"]

    await eventually(metric, lambda value: value == 1, log=lambda: operator.log)


async def events(tenants: Tenants) -> list[str]:
    """Return whom the Events RolloutStopped are about."""
    found = await tenants.call("GET", EVENT.path(tenants.namespace))
    return sorted(item["regarding"]["name"] for item in found["items"] if item["reason"] == "RolloutStopped")


async def test_bad_image(  # noqa: PLR0915 - one story
    scene: Callable[..., Any], engineer: Engineer, home: Home
) -> None:
    """Three tenants miss their deadline, canaries first: no other one is touched, all go on serving, all is said.

    A tenant's own change does not wait. A restart changes nothing; the earlier image heals everything.
    """
    async with scene() as fleet:
        fleet.pods.forget()
        async with fleet.operated(BAD) as operator:
            await stopped(operator)
            touched = [each for each in fleet.names if deployment(each) in fleet.pods.started]
            waiting = [each for each in fleet.names if each not in touched]
            await fleet.until(is_stopped, waiting)
            assert "RolloutStopped" in await engineer.names(fleet.tenants.namespace, waiting[0])
            assert set(fleet.pods.started[:2]) == {deployment(each) for each in fleet.canaries}
            assert 3 <= len(touched) <= len(fleet.canaries) + MOST
            assert fleet.pods.most_under_way <= MOST
            told = await eventually(lambda: events(fleet.tenants), lambda found: len(found) >= 3)
            assert len(told) == len(set(told) & set(touched)) == 3
            await operator.becomes("rollout_pending", len(waiting))
            await home.install(*fleet.run.options, process=operator)
            named = await told_of_the_operator(engineer, fleet.tenants.namespace)
            assert named >= {"rollout-stopped", "rollout-pending"}
            assert min(fleet.pods.ready.values()) == 2
            found = await fleet.all()
            assert all(condition_of(each, "Available")["status"] == "True" for each in found.values())
            assert all(condition_of(found[each], "Ready")["status"] == "True" for each in waiting)
            stalled = [each for each in touched if condition_of(found[each], "Stalled")]
            assert len(stalled) >= 3
            assert {condition_of(found[each], "Ready")["reason"] for each in stalled} == {"RolloutStuck"}

            await fleet.is_put_back(waiting[0], FIRST)
            own = waiting.pop()
            await fleet.tenants.change(own, {"spec.upstream.url": "https://other.example/api"})
            await fleet.tenants.settled(own)
            assert fleet.pods.images[deployment(own)].endswith("bad:2")
            await fleet.until(lambda thing: condition_of(thing, "Available")["reason"] == "RolloutStuck", [own])
            await operator.becomes("rollout_pending", len(waiting))
            await fleet.run.at_rest()
            await asyncio.to_thread(operator.kill)

        before = await fleet.tenants.get(waiting[0])
        await fleet.tenants.remove(kinds.DEPLOYMENT, deployment(waiting[0]))
        await fleet.tenants.remove(kinds.CONFIG_MAP, deployment(waiting[0]))
        started = list(fleet.pods.started)
        async with fleet.operated(BAD) as operator:
            await stopped(operator)
            await fleet.until_put_back(before, FIRST)
            await fleet.run.at_rest()
            await operator.becomes("rollout_pending", len(waiting))
            assert fleet.pods.started == started
            assert len(await events(fleet.tenants)) == 3

        fleet.pods.forget()
        async with fleet.operated(FIRST) as operator:
            await fleet.until(is_ready)
            await fleet.until(is_accepted)
            await fleet.until_all_have(FIRST)
            assert fleet.pods.most_under_way <= MOST
            await operator.becomes("rollout_stopped", 0)
            await operator.becomes("rollout_pending", 0)
            await fleet.run.at_rest()


async def test_good_image(scene: Callable[..., Any], engineer: Engineer) -> None:
    """Everybody gets it, canaries first, a few at a time, although the operator is killed in the middle.

    Neither tenants that had no ready proxy before stop it, nor one that can't be brought into order.
    """
    async with scene(broken=3) as fleet:
        conflict = fleet.names[-1]
        service = child_name(kinds.SERVICE, conflict)
        await fleet.tenants.remove(kinds.SERVICE, service)
        await fleet.tenants.put(kinds.SERVICE, service, {"spec": {"ports": [{"port": 1}]}})
        fleet.pods.forget()
        async with fleet.operated(SECOND) as operator:

            async def started() -> int:
                return len(fleet.pods.started)

            await eventually(started, lambda count: count >= 8, log=lambda: operator.log)
            assert operator.metrics()["rollout_pending"] > 0
            view = await engineer.view(fleet.tenants.namespace)
            assert "RolloutPending" in {each.id for each in findings(view)}
            await asyncio.to_thread(operator.kill)
            await eventually(lambda: not fleet.pods.under_way)  # else those take places of the next ones
            before = len(fleet.pods.started)
            assert before < TENANTS - 2 * MOST
        async with fleet.operated(SECOND) as operator:
            await fleet.until_all_have(SECOND)
            await fleet.until(is_complete, fleet.names[3:])
            assert operator.metrics()["rollout_stopped"] == 0
            await operator.becomes("rollout_pending", 0)
        assert set(fleet.pods.started[:2]) == {deployment(each) for each in fleet.canaries}
        assert fleet.pods.started.index(deployment(conflict)) >= before + MOST  # it waits its turn like any other
        assert len(fleet.pods.started) == len(set(fleet.pods.started)) == TENANTS
        assert fleet.pods.most_under_way <= MOST


async def test_setting_that_changes_no_pod(scene: Callable[..., Any]) -> None:
    """Nobody waits for a change of other children alone."""
    async with scene() as fleet:
        fleet.pods.forget()
        fleet.run.since_now()
        async with fleet.operated(FIRST, "--dns-port=53", "--dns-port=1053") as operator:

            async def written() -> Counter[str]:
                return Counter(write.split()[1] for write in fleet.run.writes())

            each = {"networkpolicies": TENANTS, "tenantproxies/status": TENANTS}
            await eventually(written, lambda found: found == each, log=lambda: operator.log)
            assert operator.metrics()["rollout_pending"] == 0
            await fleet.until(is_accepted)
            await fleet.run.at_rest()
        assert fleet.pods.started == []
