"""A child that anyone edits or deletes is restored, and nothing else is written."""

from typing import Any

import pytest

from support.operator.process import OperatorProcess
from support.operator.tenants import ApiError, Tenants, Thing, child_name, versions
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Kind
from tenantproxy_operator.kube.objects import MANIFEST_HASH

from .conftest import Run

CLUSTER_WIDE = ("test_deleted_child_is_made_again",)  # each kind is watched by another path, by another role
OPTIONS = ("--pod-monitors", "--http-routes")
TENANT = "drifting"
SPEC = {
    "spec.autoscaling": {"maxReplicas": 4},
    "spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example"]},
}
CONTENTS: dict[Kind, Any] = {
    kinds.SERVICE_ACCOUNT: {"automountServiceAccountToken": True},
    kinds.ROLE: {"rules": []},
    kinds.ROLE_BINDING: {"subjects": [{"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}]},
    kinds.NETWORK_POLICY: {"spec": {"ingress": None}},
    kinds.SERVICE: {"spec": {"ports": [{"name": "http", "port": 8080, "targetPort": 1}]}},
    kinds.DEPLOYMENT: {"spec": {"template": {"spec": {"serviceAccountName": "default"}}}},
    kinds.AUTOSCALER: {"spec": {"maxReplicas": 9}},
    kinds.DISRUPTION_BUDGET: {"spec": {"maxUnavailable": 2}},
    kinds.POD_MONITOR: {"spec": {"podMetricsEndpoints": []}},
    kinds.HTTP_ROUTE: {"spec": {"hostnames": ["evil.example"]}},
}
"""An edit of what the operator wants of each kind beyond its metadata; of the Secret it wants nothing, and what is
named by its content can't be edited."""
EDITS: dict[str, Any] = {
    "a changed label": {"metadata": {"labels": {"app.kubernetes.io/instance": "another"}}},
    "the label by which we find it removed": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "the owner removed": {"metadata": {"ownerReferences": None}},
    "a changed hash": {"metadata": {"annotations": {MANIFEST_HASH: "0"}}},
    "a removed hash": {"metadata": {"annotations": {MANIFEST_HASH: None}}},
}

pytestmark = pytest.mark.usefixtures("with_optional_kinds")
each_kind = pytest.mark.parametrize("kind", kinds.CHILDREN, ids=lambda kind: kind.kind)


@pytest.fixture
async def children(tenants: Tenants) -> dict[Kind, Thing]:
    """Return the children that are edited, one of each kind, as they shall be."""
    if await tenants.child(TENANT_PROXY, TENANT) is None:
        await tenants.complete(TENANT, SPEC)
    children = await tenants.children(TENANT)
    assert children.keys() == set(kinds.CHILDREN)
    return children


def wanted(child: Thing | None) -> Thing | None:
    """Return a child without what the API server writes into every version of it."""
    if child is None:
        return None
    metadata = {key: child["metadata"].get(key) for key in ("labels", "annotations", "ownerReferences")}
    return {key: value for key, value in child.items() if key != "status"} | {"metadata": metadata}


async def writes_of_children(run: Run, tenants: Tenants) -> list[str]:
    """Return the operator's writes but those of the status and Events, when there will be no more of them."""
    await tenants.flush(TENANT)
    return [write for write in run.writes() if write.split()[1] not in ("tenantproxies/status", "events")]


async def put_back(tenants: Tenants, kind: Kind, right: Thing) -> None:
    """Wait until a child is as it was."""
    await tenants.child_until(kind, child_name(kind, TENANT), lambda child: wanted(child) == wanted(right))


async def assert_put_back(run: Run, tenants: Tenants, kind: Kind, right: Thing) -> None:
    """Wait until a child is as it was; no other was written meanwhile."""
    await put_back(tenants, kind, right)
    assert await writes_of_children(run, tenants) == [f"patch {kind.plural} {child_name(kind, TENANT)}"]


@each_kind
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
async def test_edited_metadata_is_put_back(
    run: Run, tenants: Tenants, children: dict[Kind, Thing], kind: Kind, edit: Thing
) -> None:
    """Labels, owner and annotation of every kind; also what the operator finds a child by."""
    run.since_now()
    edited = await tenants.patch(kind, child_name(kind, TENANT), edit)
    assert wanted(edited) != wanted(children[kind])
    await assert_put_back(run, tenants, kind, children[kind])


@pytest.mark.parametrize("kind", CONTENTS, ids=lambda kind: kind.kind)
async def test_edited_content_is_put_back(
    run: Run, tenants: Tenants, children: dict[Kind, Thing], kind: Kind
) -> None:
    """What the operator applies of every kind."""
    run.since_now()
    edited = await tenants.patch(kind, child_name(kind, TENANT), CONTENTS[kind])
    assert wanted(edited) != wanted(children[kind])
    await assert_put_back(run, tenants, kind, children[kind])


def test_every_kind_has_an_edit() -> None:
    """A new kind of children needs a case above."""
    assert set(CONTENTS) == {kind for kind in kinds.CHILDREN if not kind.hashed} - {kinds.SECRET}


HASHED: dict[Kind, Any] = {
    kinds.CONFIG_MAP: {"data": {"config.json": "{}"}, "immutable": True},
    kinds.CONTROLLER_REVISION: {"data": {"manifests": []}, "revision": 1},
}


@pytest.mark.parametrize("kind", HASHED, ids=lambda kind: kind.kind)
async def test_other_content_of_the_same_name(
    run: Run, tenants: Tenants, children: dict[Kind, Thing], kind: Kind
) -> None:
    """Nobody can edit it; who deletes it and makes another one of that name has it replaced."""
    right = children[kind]
    name = right["metadata"]["name"]
    with pytest.raises(ApiError, match="immutable"):
        await tenants.patch(kind, name, HASHED[kind])
    run.since_now()
    await tenants.change(TENANT, {"spec.suspend": True})
    await tenants.settled(TENANT)
    await tenants.remove(kind, name)
    kept = {key: right["metadata"][key] for key in ("labels", "ownerReferences")}
    await tenants.put(kind, name, HASHED[kind] | {"metadata": kept})
    await tenants.change(TENANT, {"spec.suspend": ...})
    await put_back(tenants, kind, right)
    plain = child_name(kind, TENANT)
    assert await writes_of_children(run, tenants) == [
        f"delete {kind.plural} {plain}",
        f"patch {kind.plural} {plain}",
    ]
    assert HASHED.keys() == kinds.HASHED


@each_kind
async def test_deleted_child_is_made_again(
    run: Run, tenants: Tenants, children: dict[Kind, Thing], kind: Kind
) -> None:
    """Whatever it is; a Secret comes back empty, after the seconds in which the user may make one."""
    run.since_now()
    name = child_name(kind, TENANT)
    await tenants.remove(kind, name)
    again = await tenants.child_until(kind, name)
    assert again["metadata"]["uid"] != children[kind]["metadata"]["uid"]
    assert again["metadata"]["ownerReferences"] == children[kind]["metadata"]["ownerReferences"]
    verb = "create" if kind is kinds.SECRET else "patch"
    assert await writes_of_children(run, tenants) == [f"{verb} {kind.plural} {name}"]


@each_kind
async def test_what_others_add_is_theirs(
    run: Run, tenants: Tenants, children: dict[Kind, Thing], kind: Kind
) -> None:
    """A label of somebody's own, or an annotation, beside the operator's, costs no write."""
    assert children
    run.since_now()
    addition = {"metadata": {"labels": {"team": "orders"}, "annotations": {"example.com/note": "x"}}}
    await tenants.patch(kind, child_name(kind, TENANT), addition)
    assert await writes_of_children(run, tenants) == []
    child = await tenants.child(kind, child_name(kind, TENANT))
    assert child is not None
    assert child["metadata"]["labels"]["team"] == "orders"


async def test_edits_while_the_operator_was_down(
    operator: OperatorProcess, tenants: Tenants, children: dict[Kind, Thing]
) -> None:
    """All are put back at the start, and what was right is not changed."""
    await tenants.flush(TENANT)
    before = versions(await tenants.children(TENANT))
    operator.stop()
    edited = {kinds.ROLE, kinds.SERVICE, kinds.AUTOSCALER}
    for kind in edited:
        await tenants.patch(kind, child_name(kind, TENANT), CONTENTS[kind])
    await tenants.remove(kinds.CONFIG_MAP, child_name(kinds.CONFIG_MAP, TENANT))
    operator.start_ready()
    for kind in edited:
        await put_back(tenants, kind, children[kind])
    await tenants.child_until(kinds.CONFIG_MAP, child_name(kinds.CONFIG_MAP, TENANT))
    await tenants.flush(TENANT)
    after = versions(await tenants.children(TENANT))
    # The Secret was created; that it is applied for the first time is noted in its metadata, and nowhere else.
    written = {kind for kind in after if after[kind] != before[kind]} - {kinds.SECRET}
    assert written == edited | {kinds.CONFIG_MAP}
    assert wanted((await tenants.children(TENANT))[kinds.SECRET]) == wanted(children[kinds.SECRET])
