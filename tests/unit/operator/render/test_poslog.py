"""The PosLog relay's children, beside those of the proxies."""

import json
from typing import Any

import msgspec
import pytest

from support.operator.manifests import params
from support.operator.rights import OPTIONAL_KINDS
from tenantproxy import config
from tenantproxy_operator.api.names import COMPONENTS, component_of, name_of_hashed_parent, name_of_parent
from tenantproxy_operator.kube.kinds import BY_NAME
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.settings import Settings

RELAY: dict[str, Any] = {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}
WITH_RELAY = {"spec.poslog": RELAY}
ROUTE: dict[str, Any] = {"gatewayRef": {"name": "public"}, "hostnames": ["pickups.example.com"]}


def _children(changes: dict[str, Any], component: str) -> dict[str, Any]:
    """Return a component's children by their kinds."""
    return {
        child["kind"]: child
        for child in render_children(params(WITH_RELAY | changes, kinds=OPTIONAL_KINDS))
        if child["metadata"]["labels"]["app.kubernetes.io/component"] == component
    }


def _config(children: dict[str, Any]) -> config.ProxyConfig:
    return config.decode(children["ConfigMap"]["data"]["config.json"].encode(), source="test")


def test_its_own_children() -> None:
    """It has what it needs to run by itself, and the proxies' account and Secret."""
    relay = _children({"spec.poslog": RELAY | {"route": ROUTE}}, "poslog")
    assert list(relay) == [
        *("ConfigMap", "NetworkPolicy", "Service", "Deployment", "PodDisruptionBudget", "PodMonitor", "HTTPRoute")
    ]
    pod = relay["Deployment"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "t-proxy"
    (container,) = pod["containers"]
    assert (container["command"], container["args"]) == (
        ["tenantproxy"],
        ["poslog", "serve", "--secret", "t-credentials"],
    )


def test_names() -> None:
    """Each name leads back to the tenant and to the component."""
    for component in COMPONENTS:
        for kind, child in _children({}, component).items():
            name = child["metadata"]["name"]
            if kind == "Secret":
                continue
            hashed = BY_NAME[child["apiVersion"], kind].hashed
            assert (name_of_hashed_parent if hashed else name_of_parent)(name) == "t"
            assert component_of(name) == component


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("PodMonitor", ("selector", "matchLabels")),
        ("Service", ("selector",)),
    ],
)
def test_selects_its_own_pods(component: str, kind: str, path: tuple[str, ...]) -> None:
    """Nothing of the proxies' selects relays, nor the other way round."""
    selector = _children({}, component)[kind]["spec"]
    for step in path:
        selector = selector[step]
    selected = {
        each
        for each in COMPONENTS
        if selector.items() <= _children({}, each)["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    }
    assert selected == {component}


@pytest.mark.parametrize(
    "changes",
    [
        {"spec.mapping": {"getOrder": {"fields": {"status": {"from": "/s"}}}}},
        {"spec.access": {"admins": {"emails": ["a@example.com"]}}},
        {"spec.upstream.operations": {"getOrder": {"timeout": "1s"}}},
        {"spec.upstream.timeout": "1s", "spec.upstream.retries": 0, "spec.upstream.maxConnections": 3},
        {"spec.replicas": 4, "spec.resources": {}},
        {"spec.autoscaling": {"maxReplicas": 4}},
    ],
)
def test_reads_are_not_its_business(changes: dict[str, Any]) -> None:
    """What only reads need restarts no relay."""
    assert _children(changes, "proxy") != _children({}, "proxy")
    assert _children(changes, "poslog") == _children({}, "poslog")


@pytest.mark.parametrize(
    "relay",
    [
        RELAY | {"delivery": {"url": "https://hooks.example/x"}},
        RELAY | {"filter": {"training": True}, "limits": {"maxConnections": 3}},
        RELAY | {"replicas": 3, "resources": {"requests": {"cpu": "10m"}}, "route": ROUTE},
    ],
)
def test_events_are_not_the_proxies_business(relay: dict[str, Any]) -> None:
    """What is about the relay restarts no proxy."""
    assert _children({"spec.poslog": relay}, "poslog") != _children({}, "poslog")
    assert _children({"spec.poslog": relay}, "proxy") == _children({}, "proxy")
    without = render_children(params({"spec.poslog": RELAY | {"enabled": False}}, kinds=OPTIONAL_KINDS))
    assert without == list(_children({}, "proxy").values()) == render_children(params(kinds=OPTIONAL_KINDS))


def test_where_events_go() -> None:
    """To the OMS by default, else to a URL of their own; with the connections that the relay may have."""
    upstream = {"spec.upstream.allowPrivateNetworks": True, "spec.upstream.maxConnections": 7}
    there = _config(_children(upstream, "poslog"))
    assert (there.upstream.url, there.upstream.allow_private_networks) == ("https://oms.example/api", True)
    assert there.upstream.max_connections == 100
    relay = RELAY | {"delivery": {"url": "https://hooks.example/x"}, "limits": {"maxConnections": 3}}
    elsewhere = _config(_children(upstream | {"spec.poslog": relay}, "poslog"))
    assert (elsewhere.upstream.url, elsewhere.upstream.max_connections) == ("https://hooks.example/x", 3)
    assert there.poslog
    assert elsewhere.poslog
    assert (there.poslog.delivery.path, elsewhere.poslog.delivery.path) == ("/pos-events", "")


def test_spans() -> None:
    """They go where those of the proxies go, to the same share, and the policy lets them pass."""
    settings = Settings(tracing=config.Tracing(endpoint="http://10.9.0.7:4318", sampling_ratio=0.1))
    changes = WITH_RELAY | {"spec.tracing": {"samplingRatio": 0.5}}
    children = render_children(params(changes, settings=settings, kinds=OPTIONAL_KINDS))
    by_component = {
        component: {
            child["kind"]: child for child in children if component_of(child["metadata"]["name"]) == component
        }
        for component in COMPONENTS
    }
    for found in by_component.values():
        assert _config(found).tracing == config.Tracing(endpoint="http://10.9.0.7:4318", sampling_ratio=0.5)
        assert {"port": 4318, "protocol": "TCP"} in [
            port for rule in found["NetworkPolicy"]["spec"]["egress"] for port in rule.get("ports", ())
        ]


def test_only_what_was_given() -> None:
    """Neither null nor a default that is written out makes another ConfigMap."""
    wordy = RELAY | {"enabled": True, "filter": None, "limits": {}, "replicas": None}
    wordy["delivery"] = {"path": "/pos-events", "method": "POST", "format": "json", "timeout": "4s", "headers": {}}
    assert _config(_children({"spec.poslog": wordy}, "poslog")) == _config(_children({}, "poslog"))
    text = json.dumps(msgspec.to_builtins(_config(_children({}, "poslog")).poslog))
    assert text == '{"verification": {"sharedKey": true}, "delivery": {"path": "/pos-events"}}'


@pytest.mark.parametrize(("path", "rewritten"), [(None, False), ("/events", False), ("/acme/events", True)])
def test_route(path: str | None, *, rewritten: bool) -> None:
    """One path of the host is the relay's; events have no Tenant-Id by which tenants could be told apart."""
    route = _children({"spec.poslog": RELAY | {"route": ROUTE | {"path": path}}}, "poslog")["HTTPRoute"]
    (rule,) = route["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "Exact", "value": path or "/events"}}]
    assert rule["backendRefs"] == [{"kind": "Service", "name": "t-poslog", "port": 8080}]
    assert ("filters" in rule) is rewritten


def test_keys() -> None:
    """Only the relay has the directory of the keys, and what is missing does not keep it from starting."""
    for component, there in (("proxy", False), ("poslog", True)):
        pod = _children({}, component)["Deployment"]["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert ("poslog" in volumes) is there
    secret = volumes["poslog"]["secret"]
    assert (secret["secretName"], secret["optional"]) == ("t-credentials", True)
    mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["poslog"] == {"name": "poslog", "mountPath": "/etc/tenantproxy/poslog", "readOnly": True}
