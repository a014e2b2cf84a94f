"""A change of the spec reaches the children that it is about, and writes no other."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import yaml

from support.apiserver.server import ApiServer
from support.certificates import Authority
from support.operator.tenants import ApiError, Tenants, Thing, child_name, condition_of, whole
from support.waiting import eventually
from tenantproxy_operator.api.labels import INSTANCE
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind
from tenantproxy_operator.render.deployment import KEPT_REVISIONS

from .conftest import Run

CLUSTER_WIDE = (  # each kind that can be deleted is, by another role
    "test_part_appears_and_disappears",
    "test_earlier_config_maps_are_pruned",
)
OPTIONS = ("--pod-monitors", "--http-routes")
CRD = Path(__file__).parents[4] / "crds" / "tenantproxies.yaml"
CONFIG = {kinds.CONFIG_MAP, kinds.DEPLOYMENT}
"""What a change of the proxies' configuration reaches: a Deployment rolls with it."""
SCALE = {"autoscaling": {"minReplicas": 3, "maxReplicas": 6}}
ROUTE = {"route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example"]}}
FORWARD_PROXY = {"upstream.forwardProxy": {"url": "http://squid.example:3128"}}
POST = {"upstream.operations.getOrder.method": "POST"}
QUERY = {"upstream.operations.searchOrders.query": {"c": "{criteria.customerId}"}}
PAGED = {
    "upstream.operations.searchOrders.query": {"p": "{page.number}", "c": "{criteria.customerId}"},
    "upstream.operations.searchOrders.pages": {"size": 100},
}
CURSOR = {
    "upstream.operations.searchOrders.query": {"p": "{page.cursor}", "c": "{criteria.customerId}"},
    "upstream.operations.searchOrders.pages": {"cursor": "/next"},
}
LINKED = {**QUERY, "upstream.operations.searchOrders.method": "GET"}
LIMITS = {"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "2"}}}
SHARED_KEY = {"verification": {"sharedKey": True}}
RELAY = {"poslog": SHARED_KEY | {"delivery": {"path": "/events"}}}
ELSEWHERE = {"poslog": SHARED_KEY | {"delivery": {"url": "https://hooks.example"}}}
ID_TOKEN = {"poslog": RELAY["poslog"] | {"verification": {"idToken": {"audience": "a"}}}}
# A key is missing before and after, so that no Event tells of it.
SIGNED = {"poslog": ID_TOKEN["poslog"] | {"delivery": {"path": "/events", "signed": True}}}
RELAY_LIMITS = {"poslog": RELAY["poslog"] | LIMITS}
RELAY_ROUTE = {"poslog": RELAY["poslog"] | ROUTE}
_ADMISSION = "admissionregistration.k8s.io/v1"
POLICY = Kind(api_version=_ADMISSION, kind="ValidatingAdmissionPolicy", plural="validatingadmissionpolicies")
POLICY_BINDING = Kind(
    api_version=_ADMISSION, kind="ValidatingAdmissionPolicyBinding", plural="validatingadmissionpolicybindings"
)

pytestmark = pytest.mark.usefixtures("with_optional_kinds")


class Case(NamedTuple):
    """A change of one field, to a value that is not its default."""

    value: Any
    written: set[Kind]
    before: Mapping[str, Any] = MappingProxyType({})
    """What else is in the spec, before and after."""
    deleted: frozenset[Kind] = frozenset()


CASES = {
    "tracing.samplingRatio": Case(0.25, CONFIG),
    "upstream.url": Case("https://new.example", CONFIG),
    "upstream.allowInsecure": Case(value=True, written=CONFIG),
    "upstream.allowPrivateNetworks": Case(value=True, written=CONFIG | {kinds.NETWORK_POLICY}),
    "upstream.timeout": Case("7s", CONFIG),
    "upstream.retries": Case(3, CONFIG),
    "upstream.maxConnections": Case(7, CONFIG),
    "upstream.maxResponseBytes": Case("2Mi", CONFIG),
    "upstream.contentType": Case("any", CONFIG),
    "upstream.operations.getOrder.path": Case("/o/{businessUnitId}/{customerOrderId}", CONFIG),
    "upstream.operations.getOrder.idMatch": Case("off", CONFIG),
    "upstream.operations.getOrder.ids": Case(["0{customerOrderId}"], CONFIG),
    "upstream.operations.getOrder.idPattern": Case("#?[0-9]+", CONFIG),
    "upstream.operations.getOrder.probe.businessUnitId": Case("BU-1", CONFIG),
    "upstream.operations.getOrder.probe.customerOrderId": Case("CO-1", CONFIG),
    "upstream.operations.searchOrders.path": Case("/o/{businessUnitId}", CONFIG),
    "upstream.operations.searchOrders.criteria": Case({"email": {"trim": True}}, CONFIG),
    "upstream.operations.searchOrders.pages.first": Case(0, CONFIG, PAGED),
    "upstream.operations.searchOrders.pages.size": Case(50, CONFIG, PAGED),
    "upstream.operations.searchOrders.pages.total": Case("/total", CONFIG, CURSOR),
    "upstream.operations.searchOrders.pages.more": Case([{"from": "/more", "in": ["true"]}], CONFIG, CURSOR),
    "upstream.operations.searchOrders.pages.cursor": Case("/cursor", CONFIG, CURSOR),
    "upstream.operations.searchOrders.pages.link": Case(value=True, written=CONFIG, before=LINKED),
    "upstream.operations.searchOrders.pages.max": Case(9, CONFIG, PAGED),
    "upstream.operations.searchOrders.unsupported": Case(value=True, written=CONFIG),
    "upstream.operations.getOrder.method": Case("POST", CONFIG),
    "upstream.operations.getOrder.body.json": Case({"id": "{customerOrderId}"}, CONFIG, POST),
    "upstream.operations.getOrder.body.form": Case({"id": "{customerOrderId}"}, CONFIG, POST),
    "upstream.operations.searchOrders.method": Case("GET", CONFIG, QUERY),
    "upstream.operations.searchOrders.body.json": Case({"c": "{criteria.customerId}"}, CONFIG),
    "upstream.operations.searchOrders.body.form": Case({"c": "{criteria.customerId}"}, CONFIG),
    **{
        f"upstream.operations.{operation}.{field}": Case(value, CONFIG)
        for operation in ("getOrder", "searchOrders")
        for field, value in {
            "query": {"fields": "FULL"},
            "headers": {"X-Api-Version": "2"},
            "timeout": "2s",
            "retries": 2,
            "maxConnections": 5,
            "outcomes": [{"status": [410], "means": "upstream-forbidden"}],
        }.items()
    },
    "upstream.tls.caSecretRef.name": Case("ca", CONFIG),
    "upstream.tls.clientCertificateSecretRef.name": Case("client", CONFIG),
    "upstream.forwardProxy.url": Case("http://squid.example:3128", CONFIG | {kinds.NETWORK_POLICY}),
    "upstream.forwardProxy.noProxy": Case(["idp.example"], CONFIG | {kinds.NETWORK_POLICY}, FORWARD_PROXY),
    "upstream.forwardProxy.secretRef.name": Case("squid", CONFIG, FORWARD_PROXY),
    "mapping.getOrder.root": Case("/data", CONFIG),
    "mapping.getOrder.fields": Case({"customerId": {"from": "/customer"}}, CONFIG),
    "mapping.searchOrders.root": Case("/hits", CONFIG),
    "mapping.searchOrders.as": Case("single", CONFIG),
    "mapping.searchOrders.where": Case([{"from": "/draft", "absent": True}], CONFIG),
    "mapping.searchOrders.fields": Case({"customerId": {"from": "/customer"}}, CONFIG),
    "auth.secretRef.name": Case("another", {kinds.ROLE, kinds.DEPLOYMENT}),
    "auth.management": Case(
        "platform",
        {kinds.NETWORK_POLICY} | CONFIG,
        deleted=frozenset({kinds.SERVICE_ACCOUNT, kinds.ROLE, kinds.ROLE_BINDING}),
    ),
    "auth.allowedTypes": Case(["basic"], CONFIG),
    "auth.tokenEndpoint.timeout": Case("9s", CONFIG),
    "auth.tokenEndpoint.allowHosts": Case(["idp.internal.example"], CONFIG | {kinds.NETWORK_POLICY}),
    "auth.tokenEndpoint.allowNetworks": Case(["10.1.0.0/16"], CONFIG | {kinds.NETWORK_POLICY}),
    "access.cors.allowedOrigins": Case(["https://shop.example"], CONFIG),
    "access.mode": Case("trusted", CONFIG),
    "access.admins.emails": Case(["a@acme.example"], CONFIG),
    "access.admins.groups": Case(["g"], CONFIG),
    "access.admins.roles": Case(["r"], CONFIG),
    "replicas": Case(3, {kinds.DEPLOYMENT}),
    "autoscaling.minReplicas": Case(4, {kinds.AUTOSCALER}, SCALE),
    "autoscaling.maxReplicas": Case(8, {kinds.AUTOSCALER}, SCALE),
    "autoscaling.targetCPUUtilization": Case(50, {kinds.AUTOSCALER}, SCALE),
    "resources.requests.cpu": Case("300m", {kinds.DEPLOYMENT}, LIMITS),
    "resources.requests.memory": Case("200Mi", {kinds.DEPLOYMENT}, LIMITS),
    "resources.requests.ephemeral-storage": Case("64Mi", {kinds.DEPLOYMENT}, LIMITS),
    "resources.limits.cpu": Case("3", {kinds.DEPLOYMENT}, LIMITS),
    "resources.limits.memory": Case("1Gi", {kinds.DEPLOYMENT}, LIMITS),
    "resources.limits.ephemeral-storage": Case("1Gi", {kinds.DEPLOYMENT}, LIMITS),
    "podTemplate.nodeSelector": Case({"disk": "ssd"}, {kinds.DEPLOYMENT}),
    "podTemplate.tolerations": Case([{"key": "k", "operator": "Exists"}], {kinds.DEPLOYMENT}),
    "podTemplate.affinity": Case(
        {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}, {kinds.DEPLOYMENT}
    ),
    "podTemplate.topologySpreadConstraints": Case([], {kinds.DEPLOYMENT}),
    "podTemplate.priorityClassName": Case("high", {kinds.DEPLOYMENT}),
    "podTemplate.annotations": Case({"example.com/a": "b"}, {kinds.DEPLOYMENT}),
    "podTemplate.labels": Case({"team": "orders"}, {kinds.DEPLOYMENT}),
    "route.gatewayRef.name": Case("private", {kinds.HTTP_ROUTE}, ROUTE),
    "route.gatewayRef.namespace": Case("gateways", {kinds.HTTP_ROUTE}, ROUTE),
    "route.hostnames": Case(["a.example", "b.example"], {kinds.HTTP_ROUTE}, ROUTE),
    "poslog.enabled": Case(
        value=False,
        written=set(),
        before=RELAY_ROUTE,
        deleted=frozenset(
            {kinds.NETWORK_POLICY, kinds.SERVICE, kinds.DISRUPTION_BUDGET, kinds.POD_MONITOR, kinds.HTTP_ROUTE}
            | CONFIG,
        ),
    ),
    "poslog.verification.sharedKey": Case(value=True, written=CONFIG, before=SIGNED),
    "poslog.verification.basic": Case(value=True, written=CONFIG, before=RELAY),
    "poslog.verification.idToken.audience": Case("b", CONFIG, ID_TOKEN),
    "poslog.verification.idToken.email": Case("a@keys.example", CONFIG, ID_TOKEN),
    "poslog.verification.idToken.jwksUri": Case("https://keys.example/certs", CONFIG, ID_TOKEN),
    "poslog.delivery.url": Case("https://others.example", CONFIG, ELSEWHERE),
    **{
        f"poslog.{field}": Case(value, CONFIG, RELAY)
        for field, value in {
            "delivery.path": "/others",
            "delivery.method": "PUT",
            "delivery.headers": {"X-Channel": "store"},
            "delivery.format": "cloudevent",
            "delivery.timeout": "1s",
            "delivery.signed": True,
            "filter.training": True,
            "filter.orderIdPattern": "[0-9]+",
            "filter.rules": [{"name": "sale", "element": "Sale", "orderId": ["@Order"]}],
            "limits.maxEventBytes": "1Mi",
            "limits.maxPoslogBytes": "16Mi",
            "limits.maxConnections": 7,
        }.items()
    },
    "poslog.replicas": Case(3, {kinds.DEPLOYMENT}, RELAY),
    **{
        f"poslog.resources.{amount}": Case(value, {kinds.DEPLOYMENT}, RELAY_LIMITS)
        for amount, value in {
            "requests.cpu": "300m",
            "requests.memory": "200Mi",
            "requests.ephemeral-storage": "64Mi",
            "limits.cpu": "3",
            "limits.memory": "1Gi",
            "limits.ephemeral-storage": "1Gi",
        }.items()
    },
    "poslog.route.gatewayRef.name": Case("private", {kinds.HTTP_ROUTE}, RELAY_ROUTE),
    "poslog.route.gatewayRef.namespace": Case("gateways", {kinds.HTTP_ROUTE}, RELAY_ROUTE),
    "poslog.route.hostnames": Case(["a.example", "b.example"], {kinds.HTTP_ROUTE}, RELAY_ROUTE),
    "poslog.route.path": Case("/acme/events", {kinds.HTTP_ROUTE}, RELAY_ROUTE),
    "suspend": Case(value=True, written=set()),
}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the dotted paths of all fields, down to what is not made of further ones."""
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, f"{path}.{name}" if path else name)
    if "properties" not in schema:
        yield path


def test_every_field_has_a_case() -> None:
    """A new field of the CRD needs one above."""
    crd = yaml.safe_load(CRD.read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert set(fields(schema)) == {"tenantId", *CASES}


@pytest.mark.parametrize("field", CASES)
async def test_change_of_a_field(run: Run, tenants: Tenants, name: str, field: str) -> None:
    """The children that depend on it are written once, and no others."""
    case = CASES[field]
    for secret, data in secrets().items():
        if await tenants.child(kinds.SECRET, secret) is None:
            await tenants.put(kinds.SECRET, secret, {"stringData": data})
    before = await tenants.created(name, {"spec." + key: value for key, value in case.before.items()})
    await run.writes_to_the_end(name)
    run.since_now()
    await tenants.change(name, {f"spec.{field}": case.value})
    after = await tenants.settled(name)
    assert condition_of(after, "Accepted")["status"] == "True"
    assert condition_of(before, "Accepted")["status"] == "True"
    # What pods are made of is stored anew.
    stored = ["patch", "delete"] if kinds.DEPLOYMENT in case.written | case.deleted else []
    component = "poslog" if field.startswith("poslog.") else "proxy"
    expected = [
        *(f"{verb} {kinds.CONTROLLER_REVISION.plural} {name}-proxy" for verb in stored),
        *(f"patch {kind.plural} {child_name(kind, name, component)}" for kind in case.written),
        *(f"delete {kind.plural} {child_name(kind, name, component)}" for kind in case.deleted),
    ]

    def written() -> list[str]:
        # The status is written with the change, and once more where news of what was there before come late.
        return sorted(write for write in run.writes(name) if "/status " not in write)

    await run.writes_to_the_end(name)
    await eventually(written, lambda found: found == sorted(expected))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spec.autoscaling": {"maxReplicas": 4}}, {"patch horizontalpodautoscalers", "patch deployments"}),
        ({"spec.replicas": 1}, {"patch deployments", "delete poddisruptionbudgets"}),
        ({"spec.route": ROUTE["route"]}, {"patch httproutes"}),
        ({"spec.resources": LIMITS["resources"]}, {"patch deployments"}),
        (
            {"spec.poslog": RELAY_ROUTE["poslog"]},
            {f"patch {kind.plural}" for kind in CASES["poslog.enabled"].deleted},
        ),
    ],
    ids=["autoscaling", "one replica", "route", "resources", "relay"],
)
async def test_part_appears_and_disappears(
    run: Run, tenants: Tenants, name: str, changes: dict[str, Any], expected: set[str]
) -> None:
    """What comes with a part of the spec goes with it; then all is as it was at first."""
    await tenants.created(name)
    before = await tenants.children(name)
    await run.writes_to_the_end(name)
    run.since_now()
    await tenants.change(name, changes)
    await tenants.settled(name)
    found = await run.writes_to_the_end(name)
    written = {write.removesuffix(f" {name}-proxy").removesuffix(f" {name}-poslog") for write in found}
    if "patch deployments" in expected:
        expected |= {"patch controllerrevisions", "delete controllerrevisions"}
    assert written == expected | {f"patch tenantproxies/status {name}"}
    await tenants.change(name, dict.fromkeys(changes, ...))
    await tenants.settled(name)
    after = await tenants.children(name)
    assert after.keys() == before.keys()
    for kind, child in after.items():
        assert child.get("spec") == before[kind].get("spec")
        if not kind.shared:
            assert await tenants.child(kind, f"{name}-poslog") is None


class Pods:
    """Plays the ReplicaSet controller and the kubelets, beside the cluster's own Deployment controller."""

    def __init__(self, tenants: Tenants, name: str) -> None:
        self._tenants = tenants
        self._deployment = child_name(kinds.DEPLOYMENT, name)
        self._path = f"{kinds.REPLICA_SET.path(tenants.namespace)}?labelSelector={INSTANCE}%3D{name}"

    async def replica_sets(self) -> list[Thing]:
        """Return the ReplicaSets, each with as many ready pods as it shall have."""
        found: list[Thing] = (await self._tenants.call("GET", self._path))["items"]
        for each in found:
            ready = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), each["spec"]["replicas"])
            status = {"status": ready | {"observedGeneration": each["metadata"]["generation"]}}
            with contextlib.suppress(ApiError):  # it may be gone
                await self._tenants.patch(
                    kinds.REPLICA_SET, each["metadata"]["name"], status, subresource="status"
                )
        return found

    async def rolled_out(self) -> None:
        """Wait until all pods are up to date, and as few earlier ReplicaSets are left as there shall be."""

        async def done() -> bool:
            left = await self.replica_sets()
            deployment = await self._tenants.child_until(kinds.DEPLOYMENT, self._deployment)
            status = deployment.get("status", {})
            counts = {status.get(each) for each in ("replicas", "updatedReplicas", "readyReplicas")}
            observed = status.get("observedGeneration") == deployment["metadata"]["generation"]
            return observed and counts == {deployment["spec"]["replicas"]} and len(left) <= KEPT_REVISIONS + 1

        await eventually(done, bool)


async def test_earlier_config_maps_are_pruned(
    api_server: ApiServer, run: Run, tenants: Tenants, name: str
) -> None:
    """Those stay that a ReplicaSet can go back to, as the cluster's own Deployment controller keeps them."""
    await tenants.created(name)
    pods = Pods(tenants, name)
    used = []
    async with api_server.controllers("deployment-controller"):
        for number in range(KEPT_REVISIONS + 3):
            await tenants.change(name, {"spec.upstream.timeout": f"{number + 10}s"})
            await tenants.settled(name)
            used.append(await tenants.whole_name(kinds.CONFIG_MAP, f"{name}-proxy"))
            await pods.rolled_out()
            await tenants.condition(name, "Available", status="True", reason="ProxiesReady")
        mounted = {
            volume["configMap"]["name"]
            for each in await pods.replica_sets()
            for volume in each["spec"]["template"]["spec"]["volumes"]
            if volume["name"] == "config"
        }
        assert mounted == set(used[-KEPT_REVISIONS - 1 :])
        kept = await eventually(
            lambda: tenants.hashed(kinds.CONFIG_MAP, f"{name}-proxy"),
            lambda names: len(names) <= len(mounted),
        )
        assert set(kept) == mounted
    await tenants.flush(name)
    run.since_now()
    await tenants.flush(name)
    assert set(await run.writes_to_the_end(name)) == {f"patch tenantproxies/status {name}"}


async def test_policy_refuses_the_configuration(tenants: Tenants, name: str) -> None:
    """Pods stay with what they have, and the status says what was refused and what waits; then all is done."""
    await tenants.created(name)
    before = await tenants.child(kinds.DEPLOYMENT, f"{name}-proxy")
    config_map = f"{name}-proxy"
    async with refused(tenants, config_map):
        await tenants.change(name, {"spec.upstream.timeout": "9s", "spec.replicas": 3})
        accepted = await tenants.condition(name, "Accepted", status="False", reason="ApplyRefused")
        message = accepted["message"]
        assert f"ConfigMap {config_map}-" in message
        assert "not by this policy" in message
        assert f"Deployment {name}-proxy: waits for ConfigMap {config_map}-" in message
        assert await tenants.child(kinds.DEPLOYMENT, f"{name}-proxy") == before
    await tenants.condition(name, "Accepted", status="True", reason="Accepted")
    after = await tenants.child_until(kinds.DEPLOYMENT, f"{name}-proxy")
    assert after["spec"]["replicas"] == 3
    assert await tenants.whole_name(kinds.CONFIG_MAP, config_map) in json.dumps(after)


@contextlib.asynccontextmanager
async def refused(tenants: Tenants, beginning: str) -> AsyncIterator[None]:
    """Have a ValidatingAdmissionPolicy refuse ConfigMaps whose names begin so."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    metadata = {"metadata": {"name": beginning}}
    policy = {
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "one", "expression": f"request.name.startsWith('{beginning}')"}],
        "validations": [{"expression": "false", "message": "not by this policy"}],
    }
    binding = {"policyName": beginning, "validationActions": ["Deny"]}
    for kind, spec in ((POLICY, policy), (POLICY_BINDING, binding)):
        manifest = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec} | metadata
        await tenants.call("POST", f"{kind.root}/{kind.plural}", manifest)

    async def status() -> int:
        path = f"{kinds.CONFIG_MAP.path(tenants.namespace)}?dryRun=All"
        return (await tenants.api.request("POST", path, whole(kinds.CONFIG_MAP, f"{beginning}-x", {})))[0]

    await eventually(status, lambda code: code == 422)  # the API server takes a moment to know of it
    yield
    for kind in (POLICY_BINDING, POLICY):
        await tenants.call("DELETE", f"{kind.root}/{kind.plural}/{beginning}")


async def test_tenant_id_is_refused(tenants: Tenants, name: str) -> None:
    """The one field that can't change; `kubectl apply` says so at once."""
    await tenants.created(name)
    with pytest.raises(ApiError, match="is immutable"):
        await tenants.change(name, {"spec.tenantId": "another"})


def secrets() -> dict[str, dict[str, str]]:
    """Return what the Secrets that are referred to have to hold."""
    authority = Authority()
    client = authority.issue("client.example")
    return {"another": {}, "ca": {"ca.crt": authority.pem}, "client": client.tls_keys}
