"""The HTTPRoutes of the Gateway API: to the proxies, and to the relay."""

from typing import Any

from tenantproxy_operator.api.poslog import EVENTS_PATH, PoslogRoute
from tenantproxy_operator.api.route import Route
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import API_PORT, child, child_name
from tenantproxy_operator.render.params import Params


def render_http_route(params: Params) -> Manifest | None:
    """Return the route from a Gateway to a component, where the tenant wants one."""
    relay = params.relay
    route = params.resource.spec.route if relay is None else relay.route
    if route is None:
        return None
    rule = _reads(params) if isinstance(route, Route) else _events(route)
    backend = {"kind": "Service", "name": child_name(params), "port": API_PORT}
    parent = {
        "group": kinds.HTTP_ROUTE.group,
        "kind": "Gateway",
        "name": route.gateway_ref.name,
        "namespace": route.gateway_ref.namespace or params.resource.metadata.namespace,
    }
    return child(
        kinds.HTTP_ROUTE,
        params,
        spec={
            "parentRefs": [parent],
            "hostnames": list(route.hostnames),
            "rules": [rule | {"backendRefs": [backend]}],
        },
    )


def _reads(params: Params) -> Manifest:
    """Return what is for the proxies.

    Tenants share hosts and paths; the header Tenant-Id tells them apart. Where web pages may call, the hosts are
    the tenant's own: the question that a browser asks first has no such header.
    """
    spec = params.resource.spec
    match: dict[str, Any] = {"path": {"type": "PathPrefix", "value": "/"}}
    if spec.access.cors is None:
        match["headers"] = [{"type": "Exact", "name": "Tenant-Id", "value": spec.tenant_id}]
    return {"matches": [match]}


def _events(route: PoslogRoute) -> Manifest:
    """Return what is for the relay: one path, which stands for its own."""
    path = route.path or EVENTS_PATH
    rule: Manifest = {"matches": [{"path": {"type": "Exact", "value": path}}]}
    if path != EVENTS_PATH:
        rewrite = {"path": {"type": "ReplaceFullPath", "replaceFullPath": EVENTS_PATH}}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": rewrite}]
    return rule
