"""The Secret that the operator creates: while it is empty it goes with the TenantProxy, and then outlives it."""

import json
from typing import Any, Final

import pytest

from support.operator.reconciling import NAMESPACE, Operator, World, refusing
from tenantproxy.credentials.stores.secret import KEPT_FOR, TENANT_ID
from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.api.labels import INSTANCE
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.controller.evaluation import SECRET_GRACE
from tenantproxy_operator.settings import Settings

SECRET: Final = "acme-credentials"
KEEP: Final = f"PATCH secrets {SECRET}"
BASIC: Final = {"username": "u", "password": "p"}


@pytest.fixture
def world() -> World:
    """Return an empty namespace."""
    return World()


async def owning(world: World, changes: dict[str, Any] | None = None) -> Operator:
    """Create the tenant, and let an operator make all of it, the empty Secret too."""
    world.tenant(changes=changes)
    operator = Operator(world)
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    assert owners(world) == [world.child("tenantproxies", "acme")["metadata"]["uid"]]
    world.calls()
    return operator


def owners(world: World, name: str = SECRET) -> list[str]:
    return [owner["uid"] for owner in world.child("secrets", name)["metadata"].get("ownerReferences", [])]


def is_kept(world: World) -> bool:
    metadata = world.child("secrets", SECRET)["metadata"]
    says = (metadata["labels"].get(KEPT_FOR), metadata["annotations"].get(TENANT_ID))
    assert not owners(world) or says == (None, None)
    return says == ("acme", "T-acme") and INSTANCE not in metadata["labels"]


async def rests(world: World, operator: Operator) -> None:
    """Nothing is left to do, neither for this operator nor for the next."""
    world.calls()
    for each in (operator, Operator(world)):
        for key in each.tenants:
            each.enqueue(key)
        await each.settle()
        assert each.retries == {}
    assert world.calls() == []


async def test_what_an_admin_sets_outlives_its_tenant_proxy(world: World) -> None:
    """The proxy's own write gives up the owner; the next TenantProxy of that name and tenant has it at once."""
    operator = await owning(world)
    world.admin_sets("p")
    assert is_kept(world)
    await operator.settle()
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
    assert [call for call in world.writes() if "secrets" in call] == []
    await rests(world, operator)
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    await operator.settle()
    assert world.exists("secrets", SECRET)
    assert not world.exists("deployments")
    world.tenant()
    await operator.settle()
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert is_kept(world)
    assert [call for call in world.writes() if "secrets" in call] == []
    await rests(world, operator)


async def test_what_nobody_has_filled_goes(world: World) -> None:
    """An empty Secret is of no use to anybody; one that lost its owner has it again."""
    operator = await owning(world)
    before = owners(world)
    world.edit("secrets", {"metadata": {"ownerReferences": []}}, SECRET)
    await operator.settle()
    assert owners(world) == before
    world.edit("secrets", {"metadata": {"labels": {"app.kubernetes.io/component": "another"}}}, SECRET)
    operator = Operator(world)
    await operator.settle()
    assert world.child("secrets", SECRET)["metadata"]["labels"]["app.kubernetes.io/component"] == "proxy"
    await rests(world, operator)
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    assert not world.exists("secrets", SECRET)


async def test_what_others_set_in_it_is_kept_as_well(world: World) -> None:
    """The platform team, or a proxy of an earlier version, left the owner there: the operator gives it up."""
    operator = await owning(world)
    world.secret(**BASIC)
    await operator.settle()
    assert is_kept(world)
    assert [call for call in world.writes() if "secrets" in call] == [KEEP]
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
    assert world.status()["credentials"]["type"] == "basic"
    await rests(world, operator)


@pytest.mark.parametrize("changes", [{}, {"spec.auth.management": "platform"}], ids=["tenant", "platform"])
async def test_what_was_set_before_an_update_is_kept(world: World, changes: dict[str, Any]) -> None:
    """An operator that begins finds it, whoever manages the credential by now; the type's time stays."""
    await owning(world)
    world.secret(**BASIC)
    world.tenant(changes=changes)
    operator = Operator(world, Settings(dns_ports=(1053,)))
    await operator.settle()
    assert is_kept(world)
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET


async def test_a_set_credential_is_never_owned_again(world: World) -> None:
    """Whatever is edited of it: also where its mark is taken away, so that it is the user's own."""
    operator = await owning(world)
    world.admin_sets("p")
    await operator.settle()
    edits: list[dict[str, Any]] = [
        {"labels": {INSTANCE: "acme"}},
        {"annotations": {TENANT_ID: ""}},
        {"ownerReferences": []},
    ]
    for edit in edits:
        world.edit("secrets", {"metadata": edit}, SECRET)
        await operator.settle()
        assert owners(world) == []
        assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
        assert [call for call in world.writes() if "secrets" in call] == ([KEEP] if "annotations" in edit else [])
    await rests(world, operator)


async def test_a_credential_that_is_set_while_the_owner_is_put_back(world: World) -> None:
    """The write that would own it is for the empty one that was seen; it fails, and the next one keeps it."""
    operator = await owning(world)
    world.edit("secrets", {"metadata": {"ownerReferences": []}}, SECRET)
    since_then: list[list[str]] = []

    def set_meanwhile(call: str) -> KubeError | None:
        if call == KEEP and "data" not in world.child("secrets", SECRET):
            world.secret(**BASIC)
        if "data" in world.child("secrets", SECRET):
            since_then.append(owners(world))
        return None

    world.api.fault = set_meanwhile
    await operator.settle()
    await operator.retry()
    assert since_then
    assert not any(since_then)
    assert is_kept(world)
    await rests(world, operator)


async def test_a_set_credential_that_can_not_be_marked_is_not_owned(world: World) -> None:
    """It lost its owner before it was filled: no later write gives it one."""
    operator = await owning(world)
    world.edit("secrets", {"metadata": {"ownerReferences": []}}, SECRET)
    world.secret(**BASIC)
    failed: list[str] = []

    def fail_once(call: str) -> KubeError | None:
        assert owners(world) == []
        if call == KEEP and not failed:
            failed.append(call)
            return StatusError(500, "InternalError", "no")
        return None

    world.api.fault = fail_once
    await operator.settle()
    assert world.calls().count(KEEP) == 1
    await operator.retry()
    assert is_kept(world)


async def test_what_can_not_be_read_is_not_owned(world: World) -> None:
    """Nobody knows whether it is empty."""
    operator = await owning(world)
    world.api.fault = refusing("GET secrets", 403, "Forbidden")
    world.edit("secrets", {"metadata": {"ownerReferences": []}}, SECRET)
    await operator.settle()
    assert owners(world) == []
    assert KEEP not in world.calls()
    world.api.fault = lambda _: None
    await operator.retry()
    assert owners(world) != []


async def test_an_owner_that_can_not_be_given_up(world: World) -> None:
    """As where a plugin of the API server asks for a right that we don't hold: it is said, and tried again."""
    operator = await owning(world)
    world.api.fault = refusing(KEEP, 403, "Forbidden")
    world.secret(**BASIC)
    await operator.settle()
    status, reason, message = world.condition("Accepted")
    assert (status, reason) == ("False", Reason.APPLY_REFUSED)
    assert message.startswith(f"Secret {SECRET}: these are its words")
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
    world.api.fault = lambda _: None
    await operator.retry()
    assert is_kept(world)
    assert world.reason("Accepted") == Reason.ACCEPTED


async def test_deleted_on_purpose(world: World) -> None:
    """While the TenantProxy lives, an empty one comes in its place, and is owned."""
    operator = await owning(world)
    world.admin_sets("p")
    await operator.settle()
    world.delete("secrets", SECRET)
    await operator.settle()
    assert world.reason("CredentialsReady") == Reason.SECRET_MISSING
    await operator.wait(SECRET_GRACE)
    assert owners(world) != []
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING


async def test_a_tenant_proxy_of_another_name(world: World) -> None:
    """It has an empty Secret of its own, unless it names the kept one; of the same tenant, it may."""
    operator = await owning(world)
    world.admin_sets("p")
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    world.tenant("renamed", {"spec.tenantId": "T-acme"})
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    assert world.reason("CredentialsReady", "renamed") == Reason.CREDENTIALS_MISSING
    assert owners(world, "renamed-credentials") != []
    world.tenant("renamed", {"spec.auth.secretRef": {"name": SECRET}})
    await operator.settle()
    assert world.reason("CredentialsReady", "renamed") == Reason.CREDENTIALS_SET


@pytest.mark.parametrize("how", ["made anew", "another's", "a certificate"])
async def test_another_tenant_gets_nothing(world: World, how: str) -> None:
    """Nothing is rolled out with the Secret in it, nor is it read, until somebody has acted on purpose."""
    operator = await owning(world)
    world.admin_sets("M4RKED")
    await operator.settle()
    before = world.child("deployments")
    name = "acme"
    if how == "made anew":
        world.delete("tenantproxies", "acme")
        world.collect_garbage()
    else:
        name = "other"
    references: dict[str, dict[str, Any]] = {
        "another's": {"spec.auth.secretRef": {"name": SECRET}},
        "a certificate": {"spec.upstream.tls": {"clientCertificateSecretRef": {"name": SECRET}}},
    }
    await operator.settle()
    world.calls()
    world.tenant(name, {"spec.tenantId": "T-2"} | references.get(how, {}))
    await operator.settle()
    status, reason, message = world.condition("Accepted", name)
    assert (status, reason) == ("False", Reason.SECRET_OF_ANOTHER_TENANT)
    assert f"kubectl delete secret {SECRET} -n {NAMESPACE}" in message
    assert f"kubectl annotate secret {SECRET} -n {NAMESPACE} --overwrite {TENANT_ID}=T-2" in message
    assert "T-acme" not in json.dumps(world.status(name))
    assert world.condition("CredentialsReady", name)[:2] == ("False", Reason.SECRET_OF_ANOTHER_TENANT)
    assert "credentials" not in world.status(name)
    assert {call.split()[1] for call in world.calls()} <= {"tenantproxies", "events"}
    assert world.exists("deployments") == (how != "made anew")
    assert how == "made anew" or world.child("deployments") == before
    await rests(world, operator)
    # On purpose: it becomes that tenant's.
    world.edit("secrets", {"metadata": {"annotations": {TENANT_ID: "T-2"}}}, SECRET)
    await operator.settle()
    if how != "a certificate":
        assert world.reason("Accepted", name) == Reason.ACCEPTED
        assert world.reason("CredentialsReady", name) == Reason.CREDENTIALS_SET


async def test_another_tenant_after_it_was_deleted(world: World) -> None:
    """Then it has an empty one, as any tenant."""
    operator = await owning(world)
    world.admin_sets("p")
    world.delete("tenantproxies", "acme")
    world.collect_garbage()
    world.tenant(changes={"spec.tenantId": "T-2"})
    await operator.settle()
    assert world.reason("Accepted") == Reason.SECRET_OF_ANOTHER_TENANT
    world.delete("secrets", SECRET)
    await operator.settle()
    await operator.wait(SECRET_GRACE)
    assert world.reason("Accepted") == Reason.ACCEPTED
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_MISSING
    world.admin_sets("q")
    await operator.settle()
    assert world.child("secrets", SECRET)["metadata"]["annotations"][TENANT_ID] == "T-2"
    assert world.reason("CredentialsReady") == Reason.CREDENTIALS_SET
