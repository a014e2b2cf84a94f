"""A TenantProxy's children are created in its namespace, independently of other namespaces."""

from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, child_name, condition_of, versions
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.objects import FIELD_MANAGER

from .conftest import Run

CLUSTER_WIDE = (  # what is known is kept by namespace and name, and comes from other lists
    "test_children_are_created",
    "test_same_name_in_two_namespaces",
    "test_management_by_the_platform",
    "test_made_while_the_operator_was_down",
)
NAMESPACES = 2


async def test_children_are_created(tenants: Tenants, name: str) -> None:
    """All that a TenantProxy needs, each named after it, owned by it, and applied by the operator alone."""
    tenant = await tenants.complete(name)
    children = await tenants.children(name)
    assert children.keys() == REQUIRED
    for child in children.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("TenantProxy", name, tenant["metadata"]["uid"])
        assert (owner["controller"], owner["blockOwnerDeletion"]) == (True, False)
        assert {entry["manager"] for entry in child["metadata"]["managedFields"]} == {FIELD_MANAGER}
    assert "finalizers" not in tenant["metadata"]
    assert "annotations" not in tenant["metadata"]
    assert tenant["status"]["endpoint"] == f"http://{name}-proxy.{tenants.namespace}.svc:8080"


async def test_children_come_in_one_go(run: Run, tenants: Tenants, name: str) -> None:
    """One write for each child, in the order in which they need each other, and one for the status.

    The Secret comes later, since the user may make one; then the status says that, too.
    """
    run.since_now()
    await tenants.create(name)
    await tenants.condition(name, "CredentialsReady", reason="CredentialsMissing")
    written = await run.writes_to_the_end(name)
    status, secret = f"patch tenantproxies/status {name}", f"create secrets {child_name(kinds.SECRET, name)}"
    expected = [
        f"patch {kind.plural} {child_name(kind, name)}"
        for kind in kinds.CHILDREN
        if kind in REQUIRED and kind is not kinds.SECRET
    ]
    assert written == [*expected, status, secret, status]
    first, *_, created, _ = (entry.time for entry in run.audit() if entry.is_write and entry.name.startswith(name))
    assert (created - first).total_seconds() > SECRET_GRACE - 0.5


async def test_same_name_in_two_namespaces(run: Run, tenants: Tenants, name: str) -> None:
    """They have nothing to do with each other: a change of one writes nothing of the other."""
    others = Tenants(tenants.api, run.namespaces[1])
    mine = await tenants.created(name)
    await others.created(name, {"spec.tenantId": f"T-{name}-too"})
    theirs = await others.flush(name)
    before = versions(await others.children(name))
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    await tenants.delete(name)
    assert versions(await others.children(name)) == before
    assert (await others.get(name))["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]
    (owner,) = (await others.children(name))[kinds.DEPLOYMENT]["metadata"]["ownerReferences"]
    assert owner["uid"] == theirs["metadata"]["uid"] != mine["metadata"]["uid"]


async def test_management_by_the_platform(run: Run, tenants: Tenants, name: str) -> None:
    """The pods have no way to the API server, and no Secret is made; nor is one removed at a change to it."""
    other = f"{name}-b"
    access = {kinds.SERVICE_ACCOUNT, kinds.ROLE, kinds.ROLE_BINDING}
    platform = {"spec.auth": {"management": "platform"}}
    await tenants.create(other, platform)
    await tenants.settled(other)
    assert (await tenants.children(other)).keys() == REQUIRED - access - {kinds.SECRET}

    await tenants.complete(name)
    before = await tenants.children(name)
    secret = child_name(kinds.SECRET, name)
    await tenants.patch(kinds.SECRET, secret, {"stringData": {"username": "u"}})
    await tenants.child_until(
        kinds.SECRET, secret, lambda child: child and "ownerReferences" not in child["metadata"]
    )
    await tenants.flush(name)
    run.since_now()
    await tenants.change(name, platform)
    await tenants.settled(name)
    after = await tenants.children(name)
    assert after.keys() == REQUIRED - access
    pod = after[kinds.DEPLOYMENT]["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("default", False)
    egress = [child[kinds.NETWORK_POLICY]["spec"]["egress"] for child in (before, after)]
    to_api_server = {"ports": [{"port": port, "protocol": "TCP"} for port in (443, 6443)]}
    assert [to_api_server in rules for rules in egress] == [True, False]
    assert after[kinds.SECRET]["data"] == {"username": "dQ=="}
    assert not [write for write in run.writes(name) if "secrets" in write]
    assert sorted(write for write in run.writes(name) if write.startswith("delete")) == sorted(
        f"delete {kind.plural} {name}-proxy" for kind in {*access, kinds.CONTROLLER_REVISION}
    )

    await tenants.change(name, {"spec.auth": {"management": "tenant"}})
    await tenants.settled(name)
    back = await tenants.children(name)
    assert back.keys() == REQUIRED
    assert back[kinds.DEPLOYMENT]["spec"] == before[kinds.DEPLOYMENT]["spec"]


async def test_made_while_the_operator_was_down(operator: OperatorProcess, tenants: Tenants, name: str) -> None:
    """What was created, changed and deleted meanwhile is caught up with at the start."""
    old, new = f"{name}-old", f"{name}-new"
    await tenants.created(old)
    await tenants.created(name)
    operator.stop()
    await tenants.create(new)
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, old))
    operator.start_ready()
    assert (await tenants.settled(new))["status"]["observedGeneration"] == 1
    assert (await tenants.settled(name))["status"]["observedGeneration"] == 2
    assert (await tenants.children(name))[kinds.DEPLOYMENT]["spec"]["replicas"] == 3
    await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, old))
    accepted = condition_of(await tenants.get(new), "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("True", "Accepted")
