"""A change of the spec reaches the children that it is about, and writes no other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import yaml

from support.certificates import Authority
from support.operator.tenants import ApiError, Tenants, child_name, condition_of
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind

from .conftest import Run

CLUSTER_WIDE = ("test_part_appears_and_disappears",)  # each kind that can be deleted is, by another role
OPTIONS = ("--http-routes",)
CRD = Path(__file__).parents[4] / "crds" / "tenantproxies.yaml"
CONFIG = {kinds.CONFIG_MAP, kinds.DEPLOYMENT}
"""What a change of the proxies' configuration reaches: a Deployment rolls with it."""
SCALE = {"autoscaling": {"minReplicas": 3, "maxReplicas": 6}}
ROUTE = {"route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example"]}}
LIMITS = {"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "2"}}}

pytestmark = pytest.mark.usefixtures("with_optional_kinds")


class Case(NamedTuple):
    """A change of one field, to a value that is not its default."""

    value: Any
    written: set[Kind]
    before: Mapping[str, Any] = MappingProxyType({})
    """What else is in the spec, before and after."""
    deleted: frozenset[Kind] = frozenset()


CASES = {
    "upstream.url": Case("https://new.example", CONFIG),
    "upstream.allowInsecure": Case(value=True, written=CONFIG),
    "upstream.allowPrivateNetworks": Case(value=True, written=CONFIG | {kinds.NETWORK_POLICY}),
    "upstream.timeout": Case("7s", CONFIG),
    "upstream.retries": Case(3, CONFIG),
    "upstream.maxConnections": Case(7, CONFIG),
    "upstream.maxResponseBytes": Case("2Mi", CONFIG),
    "upstream.operations.getOrder.path": Case("/o/{businessUnitId}/{customerOrderId}", CONFIG),
    "upstream.operations.getOrder.idMatch": Case("any", CONFIG),
    "upstream.operations.searchOrders.path": Case("/o/{businessUnitId}", CONFIG),
    "upstream.tls.caSecretRef.name": Case("ca", CONFIG),
    "upstream.tls.clientCertificateSecretRef.name": Case("client", CONFIG),
    "mapping.getOrder.root": Case("/data", CONFIG),
    "mapping.getOrder.fields": Case({"customerId": {"from": "/customer"}}, CONFIG),
    "mapping.searchOrders.root": Case("/hits", CONFIG),
    "mapping.searchOrders.fields": Case({"customerId": {"from": "/customer"}}, CONFIG),
    "auth.secretRef.name": Case("another", {kinds.ROLE, kinds.DEPLOYMENT}),
    "auth.management": Case(
        "platform",
        {kinds.NETWORK_POLICY} | CONFIG,
        deleted=frozenset({kinds.SERVICE_ACCOUNT, kinds.ROLE, kinds.ROLE_BINDING}),
    ),
    "auth.tokenEndpoint.allowHosts": Case(["idp.internal.example"], CONFIG | {kinds.NETWORK_POLICY}),
    "auth.tokenEndpoint.allowNetworks": Case(["10.1.0.0/16"], CONFIG | {kinds.NETWORK_POLICY}),
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
    expected = [
        *(f"patch {kind.plural} {child_name(kind, name)}" for kind in case.written),
        *(f"delete {kind.plural} {child_name(kind, name)}" for kind in case.deleted),
        f"patch tenantproxies/status {name}",
    ]
    assert sorted(await run.writes_to_the_end(name)) == sorted(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spec.autoscaling": {"maxReplicas": 4}}, {"patch horizontalpodautoscalers", "patch deployments"}),
        ({"spec.replicas": 1}, {"patch deployments", "delete poddisruptionbudgets"}),
        ({"spec.route": ROUTE["route"]}, {"patch httproutes"}),
        ({"spec.resources": LIMITS["resources"]}, {"patch deployments"}),
    ],
    ids=["autoscaling", "one replica", "route", "resources"],
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
    written = {write.removesuffix(f" {name}-proxy") for write in await run.writes_to_the_end(name)}
    assert written == expected | {f"patch tenantproxies/status {name}"}
    await tenants.change(name, dict.fromkeys(changes, ...))
    await tenants.settled(name)
    after = await tenants.children(name)
    assert after.keys() == before.keys()
    for kind, child in after.items():
        assert child.get("spec") == before[kind].get("spec")


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
