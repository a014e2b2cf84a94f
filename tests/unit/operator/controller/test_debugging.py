"""Debug lines of one tenant: an annotation, a ConfigMap for a while, no pod that restarts."""

import datetime as dt

import pytest

from support.operator.reconciling import Operator, World, refusing
from tenantproxy.debugging import parse_end
from tenantproxy_operator.api.names import DEBUG_UNTIL

NAME = "acme-proxy-debug"
WHERE = "metadata.annotations"


@pytest.fixture
def world() -> World:
    world = World()
    world.secret()
    world.tenant()
    return world


@pytest.fixture
async def operator(world: World) -> Operator:
    operator = Operator(world)
    await operator.settle()
    world.pods()
    await operator.settle()
    world.calls()
    return operator


def after(world: World, seconds: float) -> str:
    end = parse_end(world.now()) + seconds
    return dt.datetime.fromtimestamp(end, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def annotate(operator: Operator, text: str | None) -> None:
    annotations = {DEBUG_UNTIL: text} if text is not None else {}
    operator.world.tenant(changes={WHERE: annotations})
    await operator.settle()


async def test_from_the_annotation_to_its_end(world: World, operator: Operator) -> None:
    """One write when it begins, one when it is over; the pods' template is as it was."""
    template = world.child("deployments")["spec"]["template"]
    until = after(world, 600)
    await annotate(operator, until)
    config_map = world.child("configmaps", NAME)
    assert config_map["data"] == {"until": until}
    (owner,) = config_map["metadata"]["ownerReferences"]
    assert owner["uid"] == world.child("tenantproxies", "acme")["metadata"]["uid"]
    assert len(world.writes()) == 1
    await operator.wait(599)
    assert world.exists("configmaps", NAME)
    await operator.wait(1)
    assert not world.exists("configmaps", NAME)
    assert len(world.writes()) == 1
    await operator.wait(3600)
    assert world.writes() == []
    assert world.child("deployments")["spec"]["template"] == template
    assert {"name": "debug", "mountPath": "/etc/tenantproxy/debug", "readOnly": True} in template["spec"][
        "containers"
    ][0]["volumeMounts"]
    assert operator.retries == {}


async def test_another_time_and_none(world: World, operator: Operator) -> None:
    """The annotation may change, and go."""
    await annotate(operator, after(world, 600))
    longer = after(world, 900)
    await annotate(operator, longer)
    assert world.child("configmaps", NAME)["data"] == {"until": longer}
    await annotate(operator, None)
    assert not world.exists("configmaps", NAME)
    world.calls()
    await operator.wait(3600)
    assert world.writes() == []


@pytest.mark.parametrize(("text", "said"), [("soon", "is no time"), ("2030-01-01T00:00:00Z", "more than an hour")])
async def test_refused(world: World, operator: Operator, text: str, said: str) -> None:
    """A bad value has one Event, and ends what was there."""
    await annotate(operator, after(world, 600))
    world.calls()
    await annotate(operator, text)
    assert not world.exists("configmaps", NAME)
    world.tenant(changes={"metadata.labels": {"x": "y"}})
    await operator.settle()
    ((kind, _, note),) = [event for event in world.events() if event[1] == "DebugRefused"]
    assert kind == "Warning"
    assert note.startswith("no debug lines: `metadata.annotations[proxy.hiiretail.com/debug-until]` is ")
    assert said in note
    assert "Ready" in {each["type"] for each in world.status()["conditions"]}


async def test_a_config_map_of_somebody_else(world: World, operator: Operator) -> None:
    """It stays as it is, and an Event says so."""
    world.edit("configmaps", {"data": {"until": "theirs"}}, NAME)
    await annotate(operator, after(world, 600))
    assert world.child("configmaps", NAME)["data"] == {"until": "theirs"}
    ((_, _, note),) = [event for event in world.events() if event[1] == "DebugRefused"]
    assert note == f"no debug lines: `ConfigMap {NAME}` is not the operator's; delete or rename it"


async def test_after_a_restart(world: World, operator: Operator) -> None:
    """The next operator knows of it by the annotation, and ends it."""
    await annotate(operator, after(world, 600))
    second = Operator(world)
    await second.settle()
    assert world.exists("configmaps", NAME)
    await second.wait(600)
    assert not world.exists("configmaps", NAME)


async def test_an_api_server_that_refuses(world: World, operator: Operator) -> None:
    """It is tried again; the tenant's status is written all the same."""
    world.api.fault = refusing("PATCH configmaps", 500)
    await annotate(operator, after(world, 600))
    assert not world.exists("configmaps", NAME)
    assert len(operator.retries) == 1
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.exists("configmaps", NAME)


async def test_it_goes_with_the_tenant(world: World, operator: Operator) -> None:
    """It has an owner."""
    await annotate(operator, after(world, 600))
    world.delete("tenantproxies", "acme")
    await operator.settle()
    world.collect_garbage()
    assert not world.exists("configmaps", NAME)
