"""An object with a child's name that belongs to someone else is left alone, and the user is told."""

from typing import Any

import pytest

from support.apiserver.server import ApiServer
from support.operator.manifests import params
from support.operator.tenants import Tenants, child_name, collected_garbage
from support.waiting import eventually
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Kind
from tenantproxy_operator.kube.objects import MANIFEST_HASH
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.config_map import config_map_name
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings

from .conftest import Run

CLUSTER_WIDE = (  # the only ones that read each kind, and patch a Secret, which another role has to allow
    "test_objects_of_the_same_names",
    "test_orphans_are_taken_back",
)
LABELS = {
    "app.kubernetes.io/name": "tenantproxy",
    "app.kubernetes.io/component": "proxy",
    "app.kubernetes.io/managed-by": "tenantproxy-operator",
}
CONTENTS: dict[Kind, dict[str, Any]] = {
    kinds.SERVICE_ACCOUNT: {},
    kinds.ROLE: {"rules": []},
    kinds.ROLE_BINDING: {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        "subjects": [],
    },
    kinds.CONFIG_MAP: {"data": {"mine": "1"}},
    kinds.NETWORK_POLICY: {"spec": {"podSelector": {}}},
    kinds.SERVICE: {"spec": {"ports": [{"port": 1}]}},
    kinds.DEPLOYMENT: {
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        }
    },
    kinds.AUTOSCALER: {
        "spec": {
            "maxReplicas": 1,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
        }
    },
    kinds.DISRUPTION_BUDGET: {"spec": {"maxUnavailable": 1}},
    kinds.POD_MONITOR: {"spec": {"selector": {}, "podMetricsEndpoints": []}},
    kinds.HTTP_ROUTE: {"spec": {}},
}
SPEC = {
    "spec.autoscaling": {"maxReplicas": 4},
    "spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example"]},
}
OPTIONS = ("--pod-monitors", "--http-routes")

pytestmark = pytest.mark.usefixtures("with_optional_kinds")


def test_every_kind_has_a_case() -> None:
    """A new kind of children needs one; a Secret of the user's own is no conflict.

    Nobody knows the name of a ControllerRevision in advance: the owner's uid is a part of what it stores.
    """
    assert set(CONTENTS) == set(kinds.RENDERED) - {kinds.SECRET}


def metadata_of(whose: str) -> dict[str, Any]:
    """Return the metadata of an object that the user has made, or that another controller has."""
    if whose == "the user":
        return {}
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": "b", "controller": True}
    return {"labels": LABELS, "ownerReferences": [other]}


def name_in_advance(tenants: Tenants, kind: Kind, name: str) -> str:
    """Return the name that a child will have."""
    if kind is not kinds.CONFIG_MAP:
        return child_name(kind, name)
    resource = TenantProxy.model_validate(tenants.manifest(name, SPEC))
    return config_map_name(Params(resource=resource, settings=Settings(), kinds=frozenset()))


async def delete_as_they_come_to_light(tenants: Tenants, name: str, taken: list[Kind]) -> None:
    """Delete what is in the way; one that another one waits for is said to be so only after that one has gone.

    So each of them was read, whatever came first.
    """
    left = {kind: f"{kind.kind} {name_in_advance(tenants, kind, name)}: was not created" for kind in taken}

    async def in_the_way() -> list[Kind]:
        message = (await tenants.condition(name, "Accepted"))["message"]
        return [kind for kind, said in left.items() if said in message]

    while left:
        for kind in await eventually(in_the_way, bool):
            await tenants.remove(kind, child_name(kind, name))
            del left[kind]


@pytest.mark.parametrize("whose", ["the user", "another controller"])
@pytest.mark.parametrize("half", [0, 1])
async def test_objects_of_the_same_names(run: Run, tenants: Tenants, name: str, half: int, whose: str) -> None:
    """They are never written, and the rest is made; when their owner deletes them, children take their places."""
    taken = list(CONTENTS)[half::2]
    made = {}
    for kind in taken:
        content = CONTENTS[kind] | {"metadata": metadata_of(whose)}
        made[kind] = await tenants.put(kind, name_in_advance(tenants, kind, name), content)
    run.since_now()
    await tenants.secret(name)
    await tenants.create(name, SPEC)
    accepted = await tenants.condition(name, "Accepted", status="False", reason="Conflict")
    fix = "was not created by this operator; delete or rename it, or rename the TenantProxy"
    waiting: set[Kind] = set()
    for kind in kinds.CHILDREN:
        if waiting.union(taken).intersection(kinds.REQUIRES.get(kind, ())):
            waiting.add(kind)
    for kind in taken:
        # What has none of our labels is found when it is in the way: not before what it needs is there.
        why = "waits for " if whose == "the user" and kind in waiting else fix.partition(";")[0]
        assert f"{kind.kind} {name_in_advance(tenants, kind, name)}: {why}" in accepted["message"]
    assert fix.partition(";")[2] in accepted["message"]
    ready = await tenants.condition(name, "Ready", status="False", reason="Conflict")
    assert ready["message"] == f"not Accepted: {accepted['message']}"
    assert (await tenants.children(name)).keys() >= set(taken)
    for kind in taken:
        assert await tenants.child(kind, child_name(kind, name)) == made[kind]
    written = {write.split()[1] for write in run.writes(name)} - {"tenantproxies/status", "events"}
    made_at_once = {*CONTENTS, kinds.CONTROLLER_REVISION} - {*taken, *waiting}
    assert written == {kind.plural for kind in made_at_once}

    await delete_as_they_come_to_light(tenants, name, taken)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    for child in (await tenants.children(name)).values():
        if child["kind"] != kinds.SECRET.kind:
            assert child["metadata"]["ownerReferences"][0]["name"] == name


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
async def test_what_kubectl_applied_is_adopted(
    api_server: ApiServer, run: Run, tenants: Tenants, name: str, how: tuple[str, ...]
) -> None:
    """`render | kubectl apply`, also of an earlier version: the same objects are then the TenantProxy's."""
    changes = {"metadata.name": name, "metadata.namespace": tenants.namespace, "spec.tenantId": f"T-{name}"}
    manifests = render_children(params(changes | SPEC, kinds=frozenset(kind.kind for kind in kinds.OPTIONAL)))
    for manifest in manifests:
        if manifest["kind"] == "Service":
            manifest["spec"]["ports"].append({"name": "old", "port": 81})
    api_server.kubectl("apply", *how, "-f", "-", stdin=to_yaml(manifests))
    before = await tenants.children(name)
    assert before.keys() == set(kinds.RENDERED)
    await tenants.create(name, SPEC)
    adopter = await tenants.settled(name)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    after = await tenants.children(name)
    for kind in before:
        metadata = after[kind]["metadata"]
        assert metadata["uid"] == before[kind]["metadata"]["uid"]
        assert [owner["uid"] for owner in metadata["ownerReferences"]] == [adopter["metadata"]["uid"]]
        assert metadata["annotations"].keys() == {MANIFEST_HASH}
        assert not any(entry["manager"].startswith("kubectl") for entry in metadata["managedFields"])
    assert [port["port"] for port in after[kinds.SERVICE]["spec"]["ports"]] == [8080]
    run.since_now()
    await tenants.flush(name)
    assert {write.split()[1] for write in run.writes(name)} <= {
        "configmaps",
        "deployments",
        "tenantproxies/status",
        "events",
    }


async def test_child_that_is_taken_away(run: Run, tenants: Tenants, name: str) -> None:
    """A child that is given to another controller is that one's from then on."""
    await tenants.created(name, SPEC)
    run.since_now()
    other = metadata_of("another controller")["ownerReferences"]
    service = child_name(kinds.SERVICE, name)
    await tenants.patch(kinds.SERVICE, service, {"metadata": {"ownerReferences": other}})
    await tenants.condition(name, "Accepted", status="False", reason="Conflict")
    assert f"patch services {service}" not in run.writes()


async def test_child_of_an_earlier_tenant_proxy(tenants: Tenants, name: str) -> None:
    """A TenantProxy made anew waits until the children of its predecessor are gone; none of them is taken over."""
    await tenants.complete(name)
    before = await tenants.children(name)
    await tenants.delete(name)
    await tenants.create(name)
    await tenants.condition(name, "Accepted", status="Unknown", reason="Conflict")
    for kind, child in before.items():
        assert await tenants.child(kind, child["metadata"]["name"]) == child
    # Garbage collection.
    for kind, child in before.items():
        await tenants.remove(kind, child["metadata"]["name"])
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    after = await tenants.settled(name)
    for child in (await tenants.children(name)).values():
        assert child["metadata"]["ownerReferences"][0]["uid"] == after["metadata"]["uid"]


async def test_orphans_are_taken_back(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """`kubectl delete --cascade=orphan` leaves the children as nobody's; the next of that name has them again."""
    await tenants.complete(name)
    before = await tenants.children(name)
    async with collected_garbage(api_server, tenants):
        await tenants.delete(name, propagationPolicy="Orphan")
        await eventually(lambda: tenants.child(TENANT_PROXY, name), lambda found: found is None)
        await tenants.create(name)
        fresh = await tenants.settled(name)
    for kind, child in (await tenants.children(name)).items():
        # A revision is named after what it stores, of which the owner is a part.
        same = child["metadata"]["uid"] == before[kind]["metadata"]["uid"]
        assert same == (kind is not kinds.CONTROLLER_REVISION)
        assert child["metadata"]["ownerReferences"][0]["uid"] == fresh["metadata"]["uid"]
