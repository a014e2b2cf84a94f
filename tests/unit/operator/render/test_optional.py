"""The kinds that a cluster may do without: PodMonitor and HTTPRoute."""

from support.operator.manifests import params
from tenantproxy_operator.render.http_route import render_http_route
from tenantproxy_operator.render.pod_monitor import render_pod_monitor

_ROUTE = {"spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]}}
_BOTH = frozenset({"HTTPRoute", "PodMonitor"})


def test_only_where_served_and_switched_on() -> None:
    """Neither is written to an API server that does not know it."""
    assert render_pod_monitor(params(kinds=frozenset({"HTTPRoute"}))) is None
    assert render_http_route(params(_ROUTE, kinds=frozenset({"PodMonitor"}))) is None
    assert render_pod_monitor(params(kinds=_BOTH)) is not None
    assert render_http_route(params(_ROUTE, kinds=_BOTH)) is not None


def test_no_route_that_nobody_asked_for() -> None:
    """An HTTPRoute without hosts would take every host's requests."""
    assert render_http_route(params(kinds=_BOTH)) is None


def test_tenants_share_a_host() -> None:
    """Only requests with this tenant's header are taken, and the Gateway is in the same namespace by default."""
    route = render_http_route(params(_ROUTE | {"metadata.namespace": "tenants"}, kinds=_BOTH))
    assert route is not None
    (rule,) = route["spec"]["rules"]
    (match,) = rule["matches"]
    assert match["headers"] == [{"type": "Exact", "name": "Tenant-Id", "value": "T-1"}]
    assert match["path"] == {"type": "PathPrefix", "value": "/"}
    assert [(each["name"], each["port"]) for each in rule["backendRefs"]] == [("t-proxy", 8080)]
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"]) == ("public", "tenants")
