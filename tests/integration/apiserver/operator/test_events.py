"""Kubernetes Events are for transitions and changed credentials, and for nothing else."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.proxy import tokens
from support.proxy.oms import RawServer
from support.proxy.running import proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.config import Tenant
from tenantproxy.credentials.stores.kubernetes import KubernetesStore
from tenantproxy.kube.access import KubeAccess
from tenantproxy_operator.api.names import DEBUG_UNTIL, debug_name
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import EVENT, TENANT_PROXY

CLUSTER_WIDE = False  # an Event is written beside what it is about
TLS = {"spec.upstream.tls": {"caSecretRef": {"name": "no-such-ca"}}}
READY = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "observedGeneration": 1}


async def events(tenants: Tenants, name: str) -> list[tuple[str, str, str]]:
    """Return type, reason and note of the Events about a TenantProxy, in their order."""
    found = await tenants.call("GET", EVENT.path(tenants.namespace))
    mine = [event for event in found["items"] if event["regarding"]["name"] == name]
    for event in mine:
        assert event["regarding"]["kind"] == "TenantProxy"
    return [
        (event["type"], event["reason"], event["note"])
        for event in sorted(mine, key=lambda event: event["eventTime"])
    ]


async def told(tenants: Tenants, name: str, expected: Sequence[tuple[str, str, str]]) -> None:
    """Wait until these Events are there; no other one follows when the operator is through.

    News of a Secret come by a watch of their own: a TenantProxy that was changed later may be reconciled before.
    """
    await eventually(lambda: events(tenants, name), lambda found: len(found) >= len(expected))
    await tenants.flush(name)
    assert await events(tenants, name) == expected


async def set_credential(tenants: Tenants, name: str, **data: str) -> None:
    await tenants.patch(kinds.SECRET, child_name(kinds.SECRET, name), {"stringData": data})


async def set_status(tenants: Tenants, name: str, **changes: int) -> None:
    change = {"status": READY | changes}
    await tenants.patch(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name), change, subresource="status")


async def test_a_tenants_life(operator: OperatorProcess, tenants: Tenants, name: str) -> None:
    """Exactly these, over all that may happen to one."""
    own = child_name(kinds.SECRET, name)
    expected: list[tuple[str, str, str]] = []
    await tenants.complete(name)
    assert await events(tenants, name) == expected  # a new one's first conditions are none

    await set_status(tenants, name)
    await tenants.condition(name, "Ready", status="True")
    expected += [("Normal", "ProxiesReady", "Available is True: all proxies are ready")]
    await told(tenants, name, expected)

    await set_credential(tenants, name, username="u", password="p")
    await tenants.condition(name, "CredentialsReady", status="True")
    said = f"CredentialsReady is True: Secret {own} holds a well-formed credential (basic)"
    expected += [("Normal", "CredentialsSet", said)]
    await set_credential(tenants, name, password="q")
    expected += [("Normal", "CredentialsChanged", f"the credential in Secret {own} was replaced")]
    await told(tenants, name, expected)

    # None of these is a transition, nor another credential.
    await tenants.patch(kinds.SECRET, own, {"metadata": {"labels": {"a": "b"}}, "stringData": {"other": "x"}})
    await tenants.change(name, {"spec.replicas": 3})
    await set_status(tenants, name, replicas=3, updatedReplicas=1)
    await tenants.condition(name, "Available", reason="RollingOut")
    service = await tenants.child(kinds.SERVICE, child_name(kinds.SERVICE, name)) or {}
    await tenants.remove(kinds.SERVICE, service["metadata"]["name"])
    await tenants.child_until(
        kinds.SERVICE,
        service["metadata"]["name"],
        lambda made: made and made["metadata"]["uid"] != service["metadata"]["uid"],
    )
    await tenants.change(name, {"spec.suspend": True})
    await tenants.condition(name, "Accepted", reason="Suspended")
    await tenants.change(name, {"spec.suspend": False})
    await tenants.condition(name, "Accepted", reason="Accepted")
    operator.stop()
    operator.start_ready()
    await told(tenants, name, expected)

    await tenants.change(name, TLS)
    missing = (await tenants.condition(name, "Accepted", reason="TLSSecretMissing"))["message"]
    await tenants.change(name, {"spec.upstream.tls": ...})
    accepted = (await tenants.condition(name, "Accepted", reason="Accepted"))["message"]
    await set_credential(tenants, name, authUrl="x")
    invalid = (await tenants.condition(name, "CredentialsReady", reason="CredentialsInvalid"))["message"]
    await set_status(tenants, name, readyReplicas=0)
    not_ready = (await tenants.condition(name, "Available", status="False"))["message"]
    expected += [
        ("Warning", "TLSSecretMissing", f"Accepted is False: {missing}"),
        ("Normal", "Accepted", f"Accepted is True: {accepted}"),
        ("Warning", "CredentialsInvalid", f"CredentialsReady is False: {invalid}"),
        ("Warning", "ProxiesNotReady", f"Available is False: {not_ready}"),
    ]
    await told(tenants, name, expected)


async def test_credential_changed_while_the_operator_was_down(
    operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """It is told at the start, by the Secret's version; and the time is noted."""
    await tenants.created(name)
    own = child_name(kinds.SECRET, name)
    await set_credential(tenants, name, username="u", password="p")
    await tenants.condition(name, "CredentialsReady", status="True")
    operator.stop()
    await set_credential(tenants, name, password="q")
    operator.start_ready()
    said = f"CredentialsReady is True: Secret {own} holds a well-formed credential (basic)"
    changed = f"the credential in Secret {own} was replaced"
    await told(tenants, name, [("Normal", "CredentialsSet", said), ("Normal", "CredentialsChanged", changed)])


async def test_who_set_a_credential(
    api_server: ApiServer, tenants: Tenants, name: str, oms: RawServer, tmp_path: Path
) -> None:
    """By a PUT through a proxy, with its own rights; nobody is named for what the platform team has changed."""
    await tenants.complete(name)
    own = child_name(kinds.SECRET, name)
    token = await tenants.api.token(tenants.namespace, child_name(kinds.SERVICE_ACCOUNT, name))
    access = KubeAccess(url=api_server.url, tls=api_server.tls, authorization=lambda: f"Bearer {token}")
    store = KubernetesStore(access, tenants.namespace, own, Tenant(id=f"T-{name}", name=name))
    config = proxy_config(oms.url, access=tokens.access(tmp_path, mode="trusted"))

    async def put(password: str, query: str = "") -> int:
        body = {"type": "basic", "config": {"username": "u", "password": password}}
        return (await proxy.put(body, query=query, headers=tokens.admin())).status

    who = f", by {tokens.ADMIN_EMAIL} with PUT /api/v1/proxy-config"
    said = f"CredentialsReady is True: Secret {own} holds a well-formed credential (basic)"
    changed = f"the credential in Secret {own} was replaced"
    expected = [("Normal", "CredentialsSet", said + who)]
    async with running_proxy(config, tmp_path, store=store) as proxy:
        assert await put("first") == 204
        await told(tenants, name, expected)
        assert await put("second", "?validate=true") == 204
        expected += [("Normal", "CredentialsChanged", changed + who)]
        await told(tenants, name, expected)
        assert await put("second") == 204
        assert await put("third", "?dryRun=true") == 200
        assert (await proxy.get()).status == 200
        await told(tenants, name, expected)
    await set_credential(tenants, name, password="of the platform team")
    expected += [("Normal", "CredentialsChanged", changed)]
    await told(tenants, name, expected)


async def test_new_one_that_can_not_be_used(tenants: Tenants, name: str) -> None:
    """A spec that is wrong from the beginning is worth one."""
    await tenants.secret(name)
    await tenants.create(name, TLS)
    await tenants.condition(name, "Accepted", reason="TLSSecretMissing")
    await tenants.flush(name)
    assert [(kind, reason) for kind, reason, _ in await events(tenants, name)] == [("Warning", "TLSSecretMissing")]


async def test_debug_lines(tenants: Tenants, name: str) -> None:
    """The annotation brings a ConfigMap, for a while, under the operator's own rights; a bad one an Event."""
    await tenants.complete(name)
    deployment = await tenants.child(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))
    config_map = debug_name(name)

    async def annotate(until: str | None) -> None:
        await tenants.patch(TENANT_PROXY, name, {"metadata": {"annotations": {DEBUG_UNTIL: until}}})

    until = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await annotate(until)
    found = await tenants.child_until(kinds.CONFIG_MAP, config_map)
    assert found["data"] == {"until": until}
    assert [owner["name"] for owner in found["metadata"]["ownerReferences"]] == [name]
    await annotate("soon")
    await tenants.child_until(kinds.CONFIG_MAP, config_map, lambda found: found is None)
    ((kind, reason, note),) = await eventually(lambda: events(tenants, name), bool)
    assert (kind, reason) == ("Warning", "DebugRefused")
    assert note.startswith(f"no debug lines: `metadata.annotations[{DEBUG_UNTIL}]` is no time")
    await annotate((dt.datetime.now(dt.UTC) + dt.timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    await tenants.child_until(kinds.CONFIG_MAP, config_map)
    await tenants.child_until(kinds.CONFIG_MAP, config_map, lambda found: found is None)
    after = await tenants.child(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))
    assert deployment is not None
    assert after is not None
    assert after["metadata"]["generation"] == deployment["metadata"]["generation"]
