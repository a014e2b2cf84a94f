"""The kinds that a cluster may do without: PodMonitor and HTTPRoute."""

import pytest

from support.operator.manifests import params
from support.operator.rights import OPTIONAL_KINDS
from tenantproxy_operator.kube.kinds import OPTIONAL, Kind
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.http_route import render_http_route

_ROUTE = {"spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]}}


@pytest.mark.parametrize("kind", OPTIONAL, ids=lambda kind: str(kind.kind))
def test_only_where_served_and_switched_on(kind: Kind) -> None:
    """None is written to an API server that does not know it."""

    def rendered(available: frozenset[str]) -> set[str]:
        return {child["kind"] for child in render_children(params(_ROUTE, kinds=available))}

    assert kind.kind in rendered(OPTIONAL_KINDS)
    assert rendered(OPTIONAL_KINDS - {kind.kind}) == rendered(OPTIONAL_KINDS) - {kind.kind}


def test_no_route_that_nobody_asked_for() -> None:
    """An HTTPRoute without hosts would take every host's requests."""
    assert render_http_route(params(kinds=OPTIONAL_KINDS)) is None


def test_tenants_share_a_host() -> None:
    """Only requests with this tenant's header are taken, and the Gateway is in the same namespace by default."""
    route = render_http_route(params(_ROUTE | {"metadata.namespace": "tenants"}, kinds=OPTIONAL_KINDS))
    assert route is not None
    (rule,) = route["spec"]["rules"]
    (match,) = rule["matches"]
    assert match["headers"] == [{"type": "Exact", "name": "Tenant-Id", "value": "T-1"}]
    assert match["path"] == {"type": "PathPrefix", "value": "/"}
    assert [(each["name"], each["port"]) for each in rule["backendRefs"]] == [("t-proxy", 8080)]
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"]) == ("public", "tenants")


def test_pages_call_hosts_of_the_tenants_own() -> None:
    """A browser's preflight has no Tenant-Id: with CORS the route matches whatever comes to its hosts."""
    cors = {"spec.access.cors": {"allowedOrigins": ["https://shop.example"]}}
    route = render_http_route(params(_ROUTE | cors, kinds=OPTIONAL_KINDS))
    assert route is not None
    assert route["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
