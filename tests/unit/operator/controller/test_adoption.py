"""What `tenantproxy-operator render | kubectl apply -f -` has made becomes the TenantProxy's, if it says so."""

from typing import Any, Final

import pytest

from support.operator.manifests import changed, minimal
from support.operator.reconciling import NAMESPACE, Operator, World, ref_of
from tenantproxy.credentials.stores.secret import TENANT_ID
from tenantproxy.kube.api import StatusError
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.objects import ADOPT
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings

SECRET: Final = "acme-credentials"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
BOSS: Final = {"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": "b", "controller": True}


@pytest.fixture
def world() -> World:
    """Return a namespace in which kubectl has applied what `render` printed, with something more in it."""
    world = World()
    for manifest in rendered():
        kind = kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]]
        manifest["metadata"]["annotations"][LAST_APPLIED] = "{}"
        if kind is kinds.SERVICE:
            manifest["metadata"]["labels"]["old"] = "of-an-earlier-version"
        world.api.write(
            ref_of(kind.plural, manifest["metadata"]["name"]), manifest, manager="kubectl-client-side-apply"
        )
    return world


def rendered() -> list[dict[str, Any]]:
    manifest = changed(changed(minimal(), "metadata.name", "acme"), "metadata.namespace", NAMESPACE)
    resource = TenantProxy.model_validate(changed(manifest, "spec.tenantId", "T-acme"))
    return render_children(Params(resource=resource, settings=Settings(), kinds=frozenset()))


def children(world: World) -> dict[str, dict[str, Any]]:
    plurals = (kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]].plural for manifest in rendered())
    return {plural: world.child(plural, SECRET if plural == "secrets" else "") for plural in plurals}


async def settled(world: World) -> Operator:
    world.tenant()
    operator = Operator(world)
    await operator.settle()
    return operator


async def rests(world: World, operator: Operator) -> None:
    world.calls()
    for each in (operator, Operator(world)):
        for key in each.tenants:
            each.enqueue(key)
        await each.settle()
    assert world.calls() == []


async def test_all_is_adopted(world: World) -> None:
    """They are the same objects, owned, without what kubectl had applied beside; they go with the TenantProxy."""
    world.api.write(ref_of("services", "acme-proxy"), {"metadata": {"labels": {"team": "a"}}}, manager="somebody")
    uids = {plural: child["metadata"]["uid"] for plural, child in children(world).items()}
    operator = await settled(world)
    assert world.condition("Accepted")[:2] == ("True", "Accepted")
    written = [call for call in world.calls() if call.startswith("PATCH")]
    calls = [call for call in written if call.split()[1] not in ("tenantproxies", "controllerrevisions")]
    assert len(calls) == 2 * len(uids), "what kubectl applied is taken over, and ours is applied"
    owner = world.child("tenantproxies", "acme")["metadata"]["uid"]
    for plural, child in children(world).items():
        assert child["metadata"]["uid"] == uids[plural]
        assert [each["uid"] for each in child["metadata"]["ownerReferences"]] == [owner]
        assert child["metadata"]["annotations"].keys() == {"proxy.hiiretail.com/manifest-hash"}
    labels = world.child("services")["metadata"]["labels"]
    assert labels["team"] == "a"
    assert "old" not in labels
    await rests(world, operator)
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    assert {ref.plural for ref in world.api.objects} == {"events"} & {ref.plural for ref in world.api.objects}


async def test_what_was_filled_meanwhile_is_kept(world: World) -> None:
    """The Secret among them is the TenantProxy's while it is empty; a credential in it is the tenant's."""
    world.secret(username="u", password="p")
    operator = await settled(world)
    metadata = world.child("secrets", SECRET)["metadata"]
    assert metadata["annotations"][TENANT_ID] == "T-acme"
    assert "ownerReferences" not in metadata
    assert world.reason("CredentialsReady") == "CredentialsSet"
    await rests(world, operator)


@pytest.mark.parametrize(
    "edit",
    [
        {"annotations": {ADOPT: ""}},
        {"annotations": {ADOPT: "other"}},
        {"labels": {"app.kubernetes.io/instance": "other"}},
        {"annotations": {ADOPT: "other"}, "labels": {"app.kubernetes.io/instance": "other"}},
        {"ownerReferences": [BOSS]},
    ],
    ids=["no word", "another one's", "other labels", "another one's with its labels", "controlled"],
)
async def test_what_does_not_say_so_is_left_alone(world: World, edit: dict[str, Any]) -> None:
    """Each of these is a conflict, and not written; the rest is adopted."""
    world.edit("services", {"metadata": edit})
    before = world.child("services")
    operator = await settled(world)
    assert world.reason("Accepted") == "Conflict"
    assert world.child("services") == before
    assert "ownerReferences" in world.child("deployments")["metadata"]
    offer = "or have it adopted: kubectl annotate services acme-proxy -n tenants proxy.hiiretail.com/adopt=acme"
    offered = edit.keys() == {"annotations"}
    assert (offer in world.condition("Accepted")[2]) == offered
    if offered:
        world.edit("services", {"metadata": {"annotations": {ADOPT: "acme"}}})
        await operator.settle()
        await operator.retry()
        assert world.reason("Accepted") == "Accepted"
        assert "ownerReferences" in world.child("services")["metadata"]


async def test_without_our_labels(world: World) -> None:
    """No watch tells of it, and the word alone does not suffice."""
    world.delete("services")
    world.edit("services", {"metadata": {"annotations": {ADOPT: "acme"}}, "spec": {"ports": []}})
    before = world.child("services")
    await settled(world)
    assert world.condition("Accepted")[2] == (
        "Service acme-proxy: was not created by this operator; delete or rename it, or rename the TenantProxy"
    )
    assert world.child("services") == before


async def test_a_secret_that_does_not_say_so_is_the_users(world: World) -> None:
    """It is used, and never written."""
    world.edit("secrets", {"metadata": {"annotations": {ADOPT: ""}}}, SECRET)
    before = world.child("secrets", SECRET)
    await settled(world)
    assert world.reason("Accepted") == "Accepted"
    assert world.child("secrets", SECRET) == before


async def test_an_interrupted_adoption_goes_on(world: World) -> None:
    """The fields are ours already when the apply fails; the next attempt ends it."""
    applies = 0

    def second_fails(call: str) -> StatusError | None:
        nonlocal applies
        applies += call == "PATCH services acme-proxy"
        fails = call == "PATCH services acme-proxy" and applies == 2
        return StatusError(500, "InternalError", "no") if fails else None

    world.api.fault = second_fails
    operator = await settled(world)
    await operator.retry()
    assert applies == 3
    assert "ownerReferences" in world.child("services")["metadata"]
    assert world.child("services")["metadata"]["annotations"].keys() == {"proxy.hiiretail.com/manifest-hash"}
    await rests(world, operator)
