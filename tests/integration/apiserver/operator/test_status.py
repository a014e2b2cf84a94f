"""What the status says: each reason, reached as in life, in words that name the field, the problem and the fix."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support.operator.diagnoses import Engineer
from support.operator.tenants import Tenants, Thing, child_name, condition_of, whole
from support.waiting import eventually
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind

CLUSTER_WIDE = False  # what a status says is the same
TLS = {"spec.upstream.tls": {"caSecretRef": {"name": "no-such-ca"}}}
ROUTE = {"spec.route": {"gatewayRef": {"name": "g"}, "hostnames": ["h.example"]}}
RELAY = {"spec.poslog": {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}}
PLATFORM = {"spec.auth": {"management": "platform"}}
WEBHOOK = Kind(
    api_version="admissionregistration.k8s.io/v1",
    kind="ValidatingWebhookConfiguration",
    plural="validatingwebhookconfigurations",
)


async def nothing(tenants: Tenants, name: str) -> None:
    """Prepare nothing."""


async def credential(tenants: Tenants, name: str, **data: str) -> None:
    """Give the tenant a credential."""
    change = {"stringData": data or {"username": "u", "password": "p"}}
    await tenants.patch(kinds.SECRET, child_name(kinds.SECRET, name), change)


async def half_a_credential(tenants: Tenants, name: str) -> None:
    """Give the tenant a credential that lacks a part."""
    await credential(tenants, name, username="u")


async def bad_ca(tenants: Tenants, name: str) -> None:
    """Make a CA that is none."""
    await tenants.put(kinds.SECRET, f"{name}-bad-ca", {"stringData": {"ca.crt": "x"}})
    await tenants.change(name, {"spec.upstream.tls": {"caSecretRef": {"name": f"{name}-bad-ca"}}})


async def foreign_service(tenants: Tenants, name: str) -> None:
    """Give the proxy's Service to another controller."""
    boss = {"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": "b", "controller": True}
    await tenants.patch(kinds.SERVICE, child_name(kinds.SERVICE, name), {"metadata": {"ownerReferences": [boss]}})


async def broken_webhook(tenants: Tenants, name: str) -> None:
    """Have the cluster ask a webhook about this tenant's ConfigMap, which does not answer."""
    hook: Thing = {
        "name": "broken.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]},
        ],
        "matchConditions": [{"name": "one", "expression": f"request.name.startsWith('{name}-proxy')"}],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    manifest = {"apiVersion": WEBHOOK.api_version, "kind": WEBHOOK.kind, "metadata": {"name": name}}
    await tenants.call("POST", f"{WEBHOOK.root}/{WEBHOOK.plural}", manifest | {"webhooks": [hook]})
    config_map = child_name(kinds.CONFIG_MAP, name)

    async def status() -> int:
        path = f"{kinds.CONFIG_MAP.path(tenants.namespace)}?dryRun=All"
        return (await tenants.api.request("POST", path, whole(kinds.CONFIG_MAP, config_map, {})))[0]

    await eventually(status, lambda code: code == 500)  # the API server takes a moment to know of it
    await tenants.remove(kinds.CONFIG_MAP, config_map)


def relays(ready: int) -> Callable[[Tenants, str], Awaitable[None]]:
    """Return what asks for a relay, and does to its Deployment's status what its controller would."""

    async def play(tenants: Tenants, name: str) -> None:
        await tenants.change(name, RELAY)
        relay = f"{name}-poslog"
        await tenants.child_until(kinds.DEPLOYMENT, relay)
        status = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready, "observedGeneration": 1}
        await tenants.patch(kinds.DEPLOYMENT, relay, {"status": status}, subresource="status")

    return play


async def relays_keys(tenants: Tenants, name: str) -> None:
    """Ask for a relay, and give it its key."""
    await tenants.change(name, RELAY)
    await credential(tenants, name, poslogSharedKey="k")


STUCK = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": 'ReplicaSet "x" has timed out progressing.',
}
REFUSED = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "x" is forbidden: no PriorityClass with name high was found',
}


def deployment(
    *conditions: Thing, ready: int = 0, updated: int = 2, observed: int = 1
) -> Callable[[Tenants, str], Awaitable[None]]:
    """Return what does to a Deployment's status what its controller would."""
    status = {"replicas": 2, "updatedReplicas": updated, "readyReplicas": ready, "observedGeneration": observed}

    async def play(tenants: Tenants, name: str) -> None:
        change = {"status": status | {"conditions": conditions}}
        await tenants.patch(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name), change, subresource="status")

    return play


async def paused(tenants: Tenants, name: str) -> None:
    """Pause a Deployment before its first pods are started."""
    await tenants.patch(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name), {"spec": {"paused": True}})
    await deployment(updated=0, observed=2)(tenants, name)


class Case(NamedTuple):
    """How a reason is reached: a spec, and then an event; and what the condition says."""

    type: str
    status: str
    said: str
    spec: dict[str, Any] | None = None
    event: Callable[[Tenants, str], Awaitable[None]] = nothing


CASES = {
    Reason.ACCEPTED: Case("Accepted", "True", "all objects match the spec"),
    Reason.SUSPENDED: Case("Accepted", "True", "set it to false to resume", {"spec.suspend": True}),
    Reason.INVALID_SPEC: Case(
        "Accepted",
        "False",
        "`spec.auth.tokenEndpoint.allowNetworks[0]` 10.1.0.1/16 has host bits set; write CIDRs such as 10.1.0.0/16"
        "; running proxies stay as they are",
        {"spec.auth.tokenEndpoint.allowNetworks": ["10.1.0.1/16"]},
    ),
    Reason.TLS_SECRET_MISSING: Case(
        "Accepted", "False", "spec.upstream.tls.caSecretRef: Secret no-such-ca does not exist; create it", TLS
    ),
    Reason.TLS_SECRET_INVALID: Case(
        "Accepted", "False", "spec.upstream.tls.caSecretRef: Secret {name}-bad-ca: `ca.crt`", None, bad_ca
    ),
    Reason.ROUTE_UNAVAILABLE: Case("Accepted", "False", "install the Gateway API and run the operator", ROUTE),
    Reason.CONFLICT: Case(
        "Accepted",
        "False",
        "{name}-proxy: was not created by this operator; delete or rename it",
        None,
        foreign_service,
    ),
    Reason.APPLY_REFUSED: Case(
        "Accepted",
        "False",
        "spec.template.spec.tolerations[0].operator",
        {"spec.podTemplate": {"tolerations": [{"operator": "Perhaps"}]}},
    ),
    Reason.APPLY_FAILED: Case(
        "Accepted", "Unknown", 'failed calling webhook "broken.example.com"', None, broken_webhook
    ),
    Reason.PENDING: Case("Available", "Unknown", "has not processed the Deployment yet; wait"),
    Reason.PROXIES_NOT_READY: Case(
        "Available", "False", "wait, or check: kubectl describe pods", None, deployment()
    ),
    Reason.PROXIES_READY: Case("Available", "True", "all proxies are ready", None, deployment(ready=2)),
    Reason.ROLLING_OUT: Case(
        "Available",
        "True",
        "proxies are being started or terminated; earlier proxies serve",
        None,
        deployment(ready=2, updated=1),
    ),
    Reason.ROLLOUT_STUCK: Case(
        "Available",
        "True",
        'new proxies don\'t become ready (ReplicaSet "x" has timed out progressing); earlier proxies serve '
        "what was applied before; check: kubectl describe pods -n ",
        None,
        deployment(STUCK, ready=2, updated=1),
    ),
    Reason.REPLICA_FAILURE: Case(
        "Available",
        "False",
        'the API server refuses new proxies (pods "x" is forbidden: no PriorityClass with name high was found);',
        None,
        deployment(REFUSED, updated=0),
    ),
    Reason.DEPLOYMENT_PAUSED: Case("Available", "False", "resume it: kubectl rollout resume -n", None, paused),
    Reason.READY: Case("Ready", "True", "orders can be read", None, deployment(ready=2)),
    Reason.UNIQUE: Case("Unique", "True", "no other TenantProxy has this spec.tenantId"),
    Reason.RELAYS_READY: Case("PoslogAvailable", "True", "all relays are ready", None, relays(2)),
    Reason.RELAYS_NOT_READY: Case("PoslogAvailable", "False", "no relay is ready; wait, or", None, relays(0)),
    Reason.POSLOG_KEYS_SET: Case("PoslogKeysReady", "True", "has all keys that the relay", None, relays_keys),
    Reason.POSLOG_KEYS_MISSING: Case(
        "PoslogKeysReady", "False", "{name}-credentials lacks poslogSharedKey", RELAY
    ),
    Reason.CREDENTIALS_MISSING: Case("CredentialsReady", "False", "holds no credential yet; a tenant's"),
    Reason.CREDENTIALS_SET: Case("CredentialsReady", "True", "holds a well-formed credential", None, credential),
    Reason.CREDENTIALS_INVALID: Case(
        "CredentialsReady", "False", "Secret {name}-credentials: `password` is missing", None, half_a_credential
    ),
    Reason.SECRET_MISSING: Case(
        "CredentialsReady", "False", "create it with External Secrets or kubectl", PLATFORM
    ),
}


ELSEWHERE = {
    Reason.SECRET_UNREADABLE: "test_unreadable_secret.py",
    Reason.SECRET_OF_ANOTHER_TENANT: "test_kept_secret.py",
    Reason.ROLLOUT_PENDING: "test_rollout.py",
    Reason.ROLLOUT_STOPPED: "test_rollout.py",
    Reason.NOT_UNIQUE: "test_refused.py",
    Reason.SECRET_SHARED: "test_unique.py",
    Reason.DUPLICATE_TENANT: "test_unique.py",
}
"""Reasons that need an operator of another kind, or several TenantProxies, and where they have it."""


NOT_ROLLED_OUT = {Reason.ROLLING_OUT: "Unknown", Reason.ROLLOUT_STUCK: "False"}
"""What Ready is where proxies serve, but not what the spec says."""
FINE = {Reason.PROXIES_READY, Reason.READY, Reason.UNIQUE, Reason.CREDENTIALS_SET, Reason.ACCEPTED}
FINE |= {Reason.RELAYS_READY, Reason.POSLOG_KEYS_SET}
"""Reasons of what is as it should be."""
STALLED = {Reason.ROLLOUT_STUCK, Reason.DEPLOYMENT_PAUSED}
"""Reasons of Available that somebody has to act for."""


def test_every_reason_has_a_case() -> None:
    """A new reason needs one above."""
    reasons = {value for name, value in vars(Reason).items() if not name.startswith("_")}
    assert CASES.keys() | ELSEWHERE.keys() == reasons
    for reason, file in ELSEWHERE.items():
        assert f'"{reason}"' in (Path(__file__).parent / file).read_text()


@pytest.mark.parametrize("reason", CASES)
async def test_reason(tenants: Tenants, engineer: Engineer, name: str, reason: str) -> None:
    """It is reached, its message helps, and Ready follows Accepted and Available, not CredentialsReady.

    What is not Ready is Reconciling or Stalled, for the same reason; `doctor` names it, unless nothing is wrong.
    """
    case = CASES[reason]
    if reason == Reason.SECRET_MISSING:
        await tenants.create(name, case.spec)
    else:
        await tenants.created(name)
    await case.event(tenants, name)
    if case.spec and reason != Reason.SECRET_MISSING:
        await tenants.change(name, case.spec)
    found = await tenants.condition(name, case.type, status=case.status, reason=reason)
    assert case.said.format(name=name) in found["message"]
    tenant = await tenants.get(name)
    ready, accepted, available = (condition_of(tenant, kind) for kind in ("Ready", "Accepted", "Available"))
    cause = accepted if accepted["status"] != "True" else available
    expected = (cause["status"], cause["reason"])
    if cause["reason"] in NOT_ROLLED_OUT:
        expected = (NOT_ROLLED_OUT[cause["reason"]], cause["reason"])
    elif cause["status"] == "True":
        expected = ("True", "Ready")
    assert (ready["status"], ready["reason"]) == expected
    why = {kind: condition_of(tenant, kind).get("reason") for kind in ("Reconciling", "Stalled")}
    if ready["status"] == "True":
        assert why == {"Reconciling": None, "Stalled": None}
    elif (accepted["status"] == "False" or ready["reason"] in STALLED) and reason != Reason.TLS_SECRET_MISSING:
        assert why == {"Reconciling": None, "Stalled": ready["reason"]}
    else:
        assert why == {"Reconciling": ready["reason"], "Stalled": None}
    told = {each.id: each for each in await engineer.findings(tenants.namespace, name)}
    assert (reason in told) == (reason not in FINE), told
    if reason in told:
        assert told[reason].says == found["message"]
        assert told[reason].since == found["lastTransitionTime"]
    if reason == Reason.APPLY_FAILED:
        await tenants.call("DELETE", f"{WEBHOOK.root}/{WEBHOOK.plural}/{name}")
        await tenants.condition(name, "Accepted", status="True", reason="Accepted")


async def test_numbers_follow_the_deployment(tenants: Tenants, name: str) -> None:
    """Replicas and ready replicas, as its controller counts them."""
    await tenants.created(name)
    await deployment(ready=1)(tenants, name)
    tenant = await tenants.until(name, lambda tenant: tenant["status"].get("readyReplicas") == 1)
    assert tenant["status"]["replicas"] == 2
    await tenants.condition(name, "Available", status="True", reason="RollingOut")


async def test_stuck_without_any_proxy(tenants: Tenants, name: str) -> None:
    """A deadline that passed before the first proxy was ready makes it unavailable; later progress heals."""
    await tenants.created(name)
    await deployment(STUCK)(tenants, name)
    found = await tenants.condition(name, "Available", status="False", reason="RolloutStuck")
    assert "no proxy is ready" in found["message"]
    await deployment(ready=2)(tenants, name)
    await tenants.condition(name, "Ready", status="True", reason="Ready")


async def test_times_move_on_transitions_only(tenants: Tenants, name: str) -> None:
    """`lastTransitionTime` is when the status changed: not the reason, the message, nor the generation."""

    def times(tenant: Thing) -> dict[str, str]:
        return {condition["type"]: condition["lastTransitionTime"] for condition in tenant["status"]["conditions"]}

    await tenants.created(name)
    await deployment(ready=2)(tenants, name)
    await tenants.condition(name, "Ready", status="True")
    before = times(await tenants.get(name))
    await asyncio.sleep(1.1)  # times are in seconds
    await tenants.change(name, {"spec.suspend": True})
    await half_a_credential(tenants, name)
    await tenants.condition(name, "Accepted", reason="Suspended")
    await tenants.condition(name, "CredentialsReady", reason="CredentialsInvalid")
    tenant = await tenants.get(name)
    assert times(tenant) == before
    assert {condition["observedGeneration"] for condition in tenant["status"]["conditions"]} == {2}
    await deployment()(tenants, name)
    await tenants.condition(name, "Ready", status="False", reason="ProxiesNotReady")
    after = times(await tenants.get(name))
    assert {kind for kind in after if after[kind] != before.get(kind)} == {"Ready", "Available", "Reconciling"}
