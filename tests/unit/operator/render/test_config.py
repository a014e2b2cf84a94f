"""What a TenantProxy becomes in the proxy's configuration."""

import json
from pathlib import Path

import msgspec
import yaml

from support.operator.manifests import changed, minimal
from tenantproxy import config
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.issuers import DEFAULT_ISSUERS
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.config_map import render_config_map
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings

EXAMPLES = Path(__file__).parents[4] / "examples"
_LISTS = config.Egress(allow=("169.254.0.0/16",), deny=("10.0.0.0/8",))


def _example(name: str) -> TenantProxy:
    manifest, *_ = yaml.load_all((EXAMPLES / name).read_text(), yaml.CSafeLoader)
    return TenantProxy.model_validate(manifest)


def test_defaults_are_the_proxys_own() -> None:
    """A minimal manifest renders to the proxy's own defaults: the two never drift apart."""
    rendered = render_config(TenantProxy.model_validate(minimal()), Settings())
    assert rendered == config.ProxyConfig(
        version=config.VERSION,
        tenant=config.Tenant(id="T-1", name="t", namespace="default"),
        upstream=config.Upstream(url="https://oms.example/api"),
        access=config.Access(issuers=DEFAULT_ISSUERS),
    )


def test_defaults_that_the_api_server_has_written_change_nothing() -> None:
    """`render`, which has no API server, makes the same ConfigMap as the operator."""
    alone = TenantProxy.model_validate(minimal())
    operations = alone.spec.upstream.operations.model_dump(mode="json", by_alias=True, exclude_none=True)
    written = json.loads(json.dumps(operations))  # as read from JSON: equal, but not the same objects
    stored = TenantProxy.model_validate(changed(minimal(), "spec.upstream.operations", written))
    assert written["getOrder"]["path"]
    assert config.encode(render_config(stored, Settings())) == config.encode(render_config(alone, Settings()))


def test_every_value_arrives() -> None:
    """Units are converted, and what was set is what the proxy gets."""
    manifest = minimal()
    for path, value in {
        "metadata.namespace": "tenants",
        "spec.upstream.timeout": "500ms",
        "spec.upstream.maxResponseBytes": "64Ki",
        "spec.upstream.retries": 0,
        "spec.upstream.maxConnections": 7,
        "spec.upstream.allowInsecure": True,
        "spec.upstream.allowPrivateNetworks": True,
        "spec.upstream.operations.getOrder": {"path": "/o/{customerOrderId}", "idMatch": "off"},
        "spec.upstream.tls.caSecretRef.name": "oms-ca",
        "spec.auth.management": "platform",
        "spec.auth.tokenEndpoint": {
            "allowHosts": ["idp.internal:8443"],
            "allowNetworks": ["10.1.0.0/16"],
            "timeout": "10s",
        },
        "spec.auth.allowedTypes": ["bearer", "basic"],
        "spec.access.mode": "trusted",
        "spec.access.admins": {"emails": ["a@b"], "groups": ["g"], "roles": ["r"]},
        "spec.mapping.getOrder": {"root": "", "fields": {"isLocked": {"const": None}, "status": {"from": "/s"}}},
    }.items():
        manifest = changed(manifest, path, value)
    rendered = render_config(TenantProxy.model_validate(manifest), Settings(egress=_LISTS))
    assert rendered.tenant.namespace == "tenants"
    assert rendered.upstream == config.Upstream(
        url="https://oms.example/api",
        allow_insecure=True,
        allow_private_networks=True,
        timeout_seconds=0.5,
        retries=0,
        max_connections=7,
        max_response_bytes=65536,
        operations=config.Operations(get_order=config.OrderEndpoint(path="/o/{customerOrderId}", id_match="off")),
        tls=config.Tls(ca=True),
    )
    assert rendered.egress == _LISTS
    assert rendered.auth == config.Auth(
        management="platform",
        allowed_types=("bearer", "basic"),
        token_endpoint=config.TokenEndpoint(
            allow_hosts=("idp.internal:8443",), allow_networks=("10.1.0.0/16",), timeout_seconds=10.0
        ),
    )
    assert rendered.access.admins == config.Admins(emails=("a@b",), groups=("g",), roles=("r",))
    fields = rendered.mapping.get_order.fields
    assert rendered.mapping.get_order.root == ""
    assert fields["isLocked"].const is None
    assert fields["status"].const is msgspec.UNSET
    assert fields["status"].from_ == "/s"


def test_config_map() -> None:
    """The ConfigMap carries what the proxy reads back, under the names that are decided for ever."""
    resource = _example("acme.yaml")
    manifest = render_config_map(Params(resource=resource, settings=Settings(), kinds=frozenset()))
    assert manifest["metadata"] == {
        "name": manifest["metadata"]["name"],
        "namespace": "tenants",
        "labels": {
            "app.kubernetes.io/name": "tenantproxy",
            "app.kubernetes.io/instance": "acme",
            "app.kubernetes.io/component": "proxy",
            "app.kubernetes.io/managed-by": "tenantproxy-operator",
        },
        "annotations": {"proxy.hiiretail.com/adopt": "acme"},
    }
    assert manifest["immutable"] is True
    assert list(manifest["data"]) == ["config.json"]
    data = manifest["data"]["config.json"].encode()
    assert config.decode(data, source="test") == render_config(resource, Settings())


def test_mapping_example() -> None:
    """The example's rules bring its OMS's answers to the documented shape."""
    rendered = render_config(_example("mapping/initech.yaml"), Settings())
    compiled = compile_mapping(rendered.mapping)
    answers = EXAMPLES / "mapping" / "oms-answers"
    order = msgspec.json.decode(compiled["getOrder"]((answers / "order.json").read_bytes()))["customerOrder"]
    found = msgspec.json.decode(compiled["searchOrders"]((answers / "search.json").read_bytes()))["customerOrders"]
    assert (order["customerOrderId"], order["status"], order["isLocked"]) == ("4711", "CREATED", False)
    assert order["items"][0]["discounts"][0]["rewardType"] == "GLOBAL_ABSOLUTE"
    assert [(each["customerId"], each["status"]) for each in found] == [
        ("C-100", "CREATED"),
        ("unknown", "IN_PROGRESS"),
        ("C-100", "FULFILLED"),
    ]
