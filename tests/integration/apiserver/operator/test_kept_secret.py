"""A credential that was set outlives its TenantProxy, and is nobody's but that tenant's."""

import json
from typing import Any

import pytest

from support.apiserver.server import ApiServer
from support.operator.diagnoses import Engineer
from support.operator.manifests import changed, minimal
from support.operator.tenants import REQUIRED, Tenants, child_name, collected_garbage
from support.waiting import eventually
from tenantproxy.config import Tenant
from tenantproxy.credentials.basic import Basic
from tenantproxy.credentials.stores.kubernetes import KubernetesStore
from tenantproxy.credentials.stores.secret import KEPT_FOR, TENANT_ID
from tenantproxy.kube.access import KubeAccess
from tenantproxy_operator.api.labels import INSTANCE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY

from .conftest import Run

CLUSTER_WIDE = False  # a Secret is kept in its own namespace
READY = {"status": "True", "reason": "CredentialsSet"}


async def with_credential(api_server: ApiServer, tenants: Tenants, name: str) -> dict[str, Any]:
    """Create a TenantProxy; set a credential as its proxy does, with the rights that it has; return the Secret."""
    await tenants.complete(name)
    own = child_name(kinds.SECRET, name)
    token = await tenants.api.token(tenants.namespace, child_name(kinds.SERVICE_ACCOUNT, name))
    access = KubeAccess(url=api_server.url, tls=api_server.tls, authorization=lambda: f"Bearer {token}")
    store = KubernetesStore(access, tenants.namespace, own, Tenant(id=f"T-{name}", name=name))
    try:
        await store.replace(await store.read(), Basic(username="u", password="p"))
    finally:
        await store.close()
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.flush(name)
    secret = await tenants.child(kinds.SECRET, own)
    assert secret is not None
    metadata = secret["metadata"]
    assert "ownerReferences" not in metadata
    assert (metadata["labels"][KEPT_FOR], metadata["annotations"][TENANT_ID]) == (name, f"T-{name}")
    assert INSTANCE not in metadata["labels"]
    return secret


def is_marked(secret: dict[str, Any] | None) -> bool:
    return secret is not None and TENANT_ID in secret["metadata"]["annotations"]


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
async def test_deleted(api_server: ApiServer, run: Run, tenants: Tenants, name: str, policy: str) -> None:
    """All else goes, by whatever way it is deleted, or is pruned by its label; the next one has the credential."""
    secret = await with_credential(api_server, tenants, name)
    run.since_now()
    async with collected_garbage(api_server, tenants):
        await tenants.delete(name, propagationPolicy=policy)
        await eventually(lambda: tenants.child(TENANT_PROXY, name), lambda found: found is None)
        if policy == "Orphan":
            plurals = ",".join(kind.plural for kind in REQUIRED)
            api_server.kubectl("delete", plurals, "-n", tenants.namespace, "-l", f"{INSTANCE}={name}")
        await eventually(lambda: tenants.children(name), lambda left: left.keys() == {kinds.SECRET})
    await tenants.create(name)
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.settled(name)
    assert (await tenants.children(name)).keys() == REQUIRED
    assert await tenants.child(kinds.SECRET, child_name(kinds.SECRET, name)) == secret
    assert not [write for write in run.writes() if "secrets" in write]


async def test_replaced(api_server: ApiServer, tenants: Tenants, name: str) -> None:
    """`kubectl replace --force` deletes and creates it."""
    secret = await with_credential(api_server, tenants, name)
    before = await tenants.get(name)
    manifest = changed(changed(minimal(), "metadata.name", name), "spec.tenantId", f"T-{name}")
    async with collected_garbage(api_server, tenants):
        api_server.kubectl("replace", "--force", "-n", tenants.namespace, "-f", "-", stdin=json.dumps(manifest))
        assert (await tenants.get(name))["metadata"]["uid"] != before["metadata"]["uid"]
        await tenants.condition(name, "CredentialsReady", **READY)
        await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert await tenants.child(kinds.SECRET, child_name(kinds.SECRET, name)) == secret


async def replaced_by(api_server: ApiServer, tenants: Tenants, name: str, tenant_id: str) -> None:
    """Delete a TenantProxy, and create another tenant's of that name; `tenantId` itself can't be changed."""
    async with collected_garbage(api_server, tenants):
        await tenants.delete(name)
        await eventually(lambda: tenants.children(name), lambda left: left.keys() == {kinds.SECRET})
    await tenants.create(name, {"spec.tenantId": tenant_id})


async def test_another_tenant(
    api_server: ApiServer, run: Run, tenants: Tenants, engineer: Engineer, name: str
) -> None:
    """It gets nothing under that name, until somebody has deleted the Secret, or given it to that tenant."""
    secret = await with_credential(api_server, tenants, name)
    own = child_name(kinds.SECRET, name)
    run.since_now()
    await replaced_by(api_server, tenants, name, "T-2")
    refused = {"status": "False", "reason": "SecretOfAnotherTenant"}
    message = (await tenants.condition(name, "Accepted", **refused))["message"]
    await tenants.condition(name, "CredentialsReady", **refused)
    assert "SecretOfAnotherTenant" in await engineer.names(tenants.namespace, name)
    assert (await tenants.children(name)).keys() == {kinds.SECRET}
    commands = message.removesuffix("; running proxies stay as they are").split(": kubectl ")[1:]
    assert [command.partition(";")[0] for command in commands] == [
        f"delete secret {own} -n {tenants.namespace}",
        f"annotate secret {own} -n {tenants.namespace} --overwrite {TENANT_ID}=T-2",
    ]
    assert not [entry for entry in run.audit() if entry.name == own]
    api_server.kubectl(*commands[1].split())
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    assert (await tenants.child(kinds.SECRET, own) or {})["data"] == secret["data"]
    await replaced_by(api_server, tenants, name, "T-3")
    await tenants.condition(name, "Accepted", **refused)
    api_server.kubectl(*commands[0].partition(";")[0].split())
    await tenants.condition(name, "CredentialsReady", status="False", reason="CredentialsMissing")
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")


async def test_filled_by_others(api_server: ApiServer, run: Run, tenants: Tenants, name: str) -> None:
    """What the platform team, or an earlier proxy, has put into it is kept by the operator, in one write."""
    await tenants.complete(name)
    own = child_name(kinds.SECRET, name)
    run.since_now()
    await tenants.patch(kinds.SECRET, own, {"stringData": {"username": "u", "password": "p"}})
    await tenants.condition(name, "CredentialsReady", **READY)
    await tenants.child_until(kinds.SECRET, own, is_marked)
    await tenants.flush(name)
    assert [write for write in run.writes() if "secrets" in write] == [f"patch secrets {own}"]
    async with collected_garbage(api_server, tenants):
        await tenants.delete(name)
        await eventually(lambda: tenants.children(name), lambda left: left.keys() == {kinds.SECRET})
