"""What pods were last released with is stored, and put back while a tenant waits; nothing else ever is."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from support.operator.fake_kubernetes import Thing
from support.operator.manifests import params
from support.operator.reconciling import Operator, World, refusing
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.controller.pod_revision import (
    revision_hash,
    revision_name,
    stored_manifests,
    with_revision,
)
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.settings import Settings

REVISIONS: Final = "controllerrevisions"
FIRST, SECOND = Settings(proxy_image="good:1"), Settings(proxy_image="good:2")
EVIL: Final[Thing] = {"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "evil:1"}]}}}}


# The revision


def test_what_is_stored() -> None:
    """The ConfigMap and the Deployment, before the Deployment itself, under a name by their content."""
    rendered = render_children(params())
    children = with_revision(rendered)
    (revision,) = (each for each in children if each not in rendered)
    assert [each for each in children if each is not revision] == rendered
    order = [kind.kind for kind in kinds.CHILDREN]
    assert [each["kind"] for each in children] == sorted((each["kind"] for each in children), key=order.index)
    content = revision_hash(children)
    assert revision_name(Key("default", "t"), content) == (REVISIONS, revision["metadata"]["name"])
    stored = stored_manifests(revision, content)
    assert [each["kind"] for each in stored] == ["ConfigMap", "Deployment"]
    assert all(each in rendered for each in stored)


def test_its_name_changes_with_its_content() -> None:
    """And with nothing else."""

    def content(changes: dict[str, Any] | None = None) -> str:
        return revision_hash(with_revision(render_children(params(changes))))

    assert content() == content({"spec.suspend": True})
    for changes in ({"spec.replicas": 3}, {"spec.upstream.timeout": "9s"}, {"metadata.uid": "u"}):
        assert content(changes) != content()


@pytest.mark.parametrize("stored", [{}, {"data": None}, {"data": []}, {"data": {"manifests": [EVIL]}}])
def test_other_content_is_not_taken(stored: Thing) -> None:
    """Whoever wrote it."""
    assert stored_manifests(stored, revision_hash(with_revision(render_children(params())))) == ()


# A tenant that waits for its turn


NAMES = ("a0", "a1", "a2", "acme")


async def serve_all(world: World) -> None:
    """Make four tenants, whose proxies serve with the first image."""
    for name in NAMES:
        world.secret(f"{name}-credentials")
        world.tenant(name)
    first = Operator(world, FIRST)
    await first.settle()
    for name in NAMES:
        world.pods(name)
    await first.settle()


async def waiting(world: World, *, stopped: bool = False) -> Operator:
    """Give four tenants another image: the first has its turn, `acme` waits."""
    await serve_all(world)
    operator = Operator(world, SECOND, most_updating=1)
    await operator.settle()
    for name in NAMES[:-1] if stopped else ():
        world.pods(name, updated=1, stuck="it hangs")
        await operator.settle()
    assert world.reason("Accepted") == (Reason.ROLLOUT_STOPPED if stopped else Reason.ROLLOUT_PENDING)
    world.calls()
    return operator


def edited(world: World) -> None:
    world.edit("deployments", EVIL)


def deleted(world: World) -> None:
    world.delete("deployments")


def without_config_map(world: World) -> None:
    world.delete("configmaps")


def without_both(world: World) -> None:
    world.delete("configmaps")
    world.delete("deployments")


DRIFTS: Final = (edited, deleted, without_config_map, without_both)


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
async def test_it_is_put_back(drift: Callable[[World], None], *, stopped: bool, restarted: bool) -> None:
    """As it was, with the earlier image; also by an operator that was down meanwhile. Then all is at rest."""
    world = World()
    operator = await waiting(world, stopped=stopped)
    before = world.child("deployments")["spec"], world.child("configmaps")["data"]
    drift(world)
    if restarted:
        operator = Operator(world, SECOND, most_updating=1)
    await operator.settle()
    assert (world.child("deployments")["spec"], world.child("configmaps")["data"]) == before
    assert world.image() == "good:1"
    assert world.reason("Accepted") in (Reason.ROLLOUT_STOPPED, Reason.ROLLOUT_PENDING)
    world.pods()
    await operator.settle()
    world.calls()
    operator.enqueue(Key("tenants", "acme"))
    await operator.settle()
    await Operator(world, SECOND, most_updating=1).settle()
    assert not [call for call in world.calls() if not call.startswith("GET secrets")]


async def test_no_revision_is_read_at_rest(world: World) -> None:
    """However often a tenant that waits is looked at."""
    operator = await waiting(world)
    for _ in range(3):
        operator.enqueue(Key("tenants", "acme"))
        await operator.settle()
    assert set(world.calls()) <= {"GET secrets acme-credentials"}


async def test_then_it_has_its_turn(world: World) -> None:
    """After it was put back, as any other; one revision is left of each tenant."""
    operator = await waiting(world)
    deleted(world)
    await operator.settle()
    world.pods()
    for name in ("a0", "a1", "a2", "acme"):
        world.pods(name)
        await operator.settle()
    assert world.image() == "good:2"
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert len(world.names(REVISIONS)) == 4


async def test_an_own_change_does_not_wait(world: World) -> None:
    """It comes with the new image, and is what is put back from then on."""
    operator = await waiting(world)
    world.tenant(changes={"spec.upstream.timeout": "9s"})
    await operator.settle()
    assert world.image() == "good:2"
    edited(world)
    await operator.settle()
    assert world.image() == "good:2"


@pytest.mark.parametrize("restarted", [False, True])
async def test_suspended_while_it_waits(world: World, *, restarted: bool) -> None:
    """That is no change of its own: what is applied is what the spec calls for, and resumed it waits on."""
    operator = await waiting(world)
    for suspend, reason in ((True, Reason.SUSPENDED), (False, Reason.ROLLOUT_PENDING)):
        world.tenant(changes={"spec.suspend": suspend})
        if restarted:
            operator = Operator(world, SECOND, most_updating=1)
        await operator.settle()
        assert world.condition("Accepted")[:2] == ("True", reason)
        assert world.image() == "good:1"
    world.tenant(changes={"spec.suspend": True, "spec.upstream.timeout": "9s"})
    await operator.settle()
    assert world.condition("Accepted")[:2] == ("False", Reason.SUSPENDED)
    world.tenant(changes={"spec.suspend": False, "spec.upstream.timeout": "9s"})
    await operator.settle()
    assert world.image() == "good:2"


async def test_back_to_the_earlier_image(world: World) -> None:
    """What waited has what it shall have."""
    await waiting(world)
    await Operator(world, FIRST).settle()
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.image() == "good:1"


async def test_a_planted_revision(world: World) -> None:
    """One of the right name and owner, with other content, makes no Deployment, and is deleted."""
    operator = await waiting(world)
    revision = world.child(REVISIONS)
    assert revision["metadata"]["name"].startswith("acme-proxy-")
    (config_map, deployment) = revision["data"]["manifests"]
    world.delete(REVISIONS)
    metadata = {key: revision["metadata"][key] for key in ("labels", "ownerReferences")}
    evil = {"metadata": metadata, "data": {"manifests": [config_map, deployment | EVIL]}}
    world.edit(REVISIONS, evil, revision["metadata"]["name"])
    world.edit("deployments", {"spec": {"replicas": 7}})
    await operator.settle()
    assert world.image() == "good:1"
    own = [call for call in world.writes() if "acme-proxy" in call]
    assert own == [f"DELETE {REVISIONS} {revision['metadata']['name']}"]
    world.delete("deployments")
    await operator.settle()
    assert world.image() == "good:2"


async def test_a_tenant_of_an_earlier_version(world: World) -> None:
    """Of which nothing is stored: it is left as it is while it waits; what is deleted comes as it shall be."""
    await waiting(world)
    assert "is stored" not in world.condition("Accepted")[2]
    digest = world.status()["appliedDigest"].rsplit(".", 2)[0]
    world.status_is(world.status() | {"appliedDigest": digest})
    world.delete(REVISIONS, world.name_of(REVISIONS))
    operator = Operator(world, SECOND, most_updating=1)
    edited(world)
    await operator.settle()
    assert world.image() == "evil:1"
    assert "nothing is stored of what they were last released with" in world.condition("Accepted")[2]
    world.delete("deployments")
    await operator.settle()
    assert world.image() == "good:2"


async def test_a_fleet_of_an_earlier_version(world: World) -> None:
    """Its digests began with another part, and named no revision: one still has its turn after the other."""
    await serve_all(world)
    for name in NAMES:
        _, _, rest = world.status(name)["appliedDigest"].rsplit(".", 2)[0].partition(".")
        world.status_is(world.status(name) | {"appliedDigest": f"0123456789abcdef.{rest}"}, name)
        world.delete(REVISIONS, world.name_of(REVISIONS, name))

    def images() -> list[str]:
        return [world.image(name) for name in NAMES]

    for _ in range(2):  # over a restart, too
        operator = Operator(world, SECOND, most_updating=1)
        await operator.settle()
        assert images() == ["good:2", "good:1", "good:1", "good:1"]
    world.tenant("acme", {"spec.upstream.timeout": "9s"})
    await Operator(world, SECOND, most_updating=1).settle()
    assert images() == ["good:2", "good:1", "good:1", "good:2"]


async def test_a_revision_that_is_nobodys(world: World) -> None:
    """As one that a backup has brought back: nothing is put back from it, so a deleted Deployment has no turn."""
    operator = await waiting(world)
    revision = world.child(REVISIONS)
    name = revision["metadata"]["name"]
    world.delete(REVISIONS, name)
    world.edit(REVISIONS, {"metadata": {"labels": revision["metadata"]["labels"]}, "data": revision["data"]}, name)
    world.delete("deployments")
    await operator.settle()
    assert world.image() == "good:2"


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("call", [f"GET {REVISIONS}", "PATCH configmaps", "PATCH deployments acme"])
async def test_what_can_not_be_put_back_for_a_moment(
    world: World, drift: Callable[[World], None], call: str
) -> None:
    """It is tried again, whatever was in the way."""
    operator = await waiting(world)
    before = world.child("deployments")["spec"], world.child("configmaps")["data"]
    world.api.fault = refusing(call, 500)
    drift(world)
    await operator.settle()
    world.api.fault = lambda _: None
    await operator.retry()
    assert (world.child("deployments")["spec"], world.child("configmaps")["data"]) == before
    assert operator.retries == {}


# A Deployment that waits for what it needs


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("restarted", [False, True])
async def test_it_stays_while_something_is_refused(
    world: World, drift: Callable[[World], None], *, restarted: bool
) -> None:
    """What the pods ran with before is put back until what they shall run with can be had."""
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    before = world.child("deployments")["spec"], world.child("configmaps")["data"]
    needed = world.name_of("configmaps")
    world.api.fault = lambda call: refusing("PATCH configmaps", 422)(call) if not call.endswith(needed) else None
    world.tenant(changes={"spec.upstream.timeout": "9s"})
    await operator.settle()
    drift(world)
    if restarted:
        operator = Operator(world)
    await operator.settle()
    assert (world.child("deployments")["spec"], world.child("configmaps")["data"]) == before
    assert "Deployment acme-proxy: waits for ConfigMap acme-proxy-" in world.condition("Accepted")[2]
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.name_of("configmaps") != needed
    assert world.reason("Accepted") == Reason.ACCEPTED


@pytest.mark.parametrize(
    "faults",
    [
        [("PATCH deployments", 500)],
        [("PATCH deployments", 422), (f"GET {REVISIONS}", 500)],
        [("PATCH deployments", 422), ("PATCH configmaps", 500)],
    ],
)
async def test_a_passing_failure_forgets_nothing(world: World, faults: list[tuple[str, int]]) -> None:
    """What was deleted, and could not be put back at once, is when that passes, and the refusal does not."""
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    needed = world.name_of("configmaps")
    world.api.fault = lambda call: next(filter(None, (refusing(*fault)(call) for fault in faults)), None)
    world.tenant(changes={"spec.upstream.timeout": "9s"})
    world.delete("configmaps", needed)
    await operator.settle()
    world.api.fault = refusing("PATCH deployments", 422)
    await operator.retry()
    assert world.exists("configmaps", needed)


async def test_no_earlier_pods_without_their_network_policy(world: World) -> None:
    """What is gone, and can't be made again, keeps a deleted Deployment away, too."""
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    world.api.fault = refusing("PATCH networkpolicies", 403)
    world.delete("networkpolicies")
    world.delete("deployments")
    await operator.settle()
    assert not world.exists("deployments")
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.exists("deployments")


@pytest.mark.parametrize("plural", ["networkpolicies", "deployments"])
async def test_refusals_leave_a_handful(world: World, plural: str) -> None:
    """However often the spec is changed meanwhile."""
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    world.pods()
    await operator.settle()
    before = world.child("deployments")
    world.api.fault = refusing(f"PATCH {plural}", 422)
    for number in range(30):
        upstream = {"url": f"https://o{number}.example", "allowPrivateNetworks": True}
        world.tenant(changes={"spec.upstream": upstream})
        await operator.settle()
    assert world.child("deployments") == before
    assert world.exists("configmaps")
    assert len(world.names(REVISIONS)) == 2
    assert len(world.names("configmaps")) <= 7


async def test_a_revision_that_is_refused(world: World) -> None:
    """Pods do without it; the status says so, and nothing is put back from what is not stored."""
    world.tenant()
    operator = Operator(world, FIRST)
    world.api.fault = refusing(f"PATCH {REVISIONS}", 403)
    await operator.settle()
    assert world.exists("deployments")
    assert world.condition("Accepted")[2].startswith("ControllerRevision acme-proxy-")
    world.api.fault = lambda _: None
    await operator.retry()
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert len(world.names(REVISIONS)) == 1


@pytest.fixture
def world() -> World:
    world = World()
    world.secret()
    return world
