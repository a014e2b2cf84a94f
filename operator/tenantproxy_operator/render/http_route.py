"""The HTTPRoute of the Gateway API."""

from typing import Any

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import API_PORT, child, child_name
from tenantproxy_operator.render.params import Params


def render_http_route(params: Params) -> Manifest | None:
    """Return the route from a Gateway to the proxy, where the tenant wants one.

    Tenants share hosts and paths; the header Tenant-Id tells them apart. Where web pages may call, the hosts are
    the tenant's own: the question that a browser asks first has no such header.
    """
    spec = params.resource.spec
    if spec.route is None:
        return None
    gateway = spec.route.gateway_ref
    parent = {
        "group": kinds.HTTP_ROUTE.group,
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace or params.resource.metadata.namespace,
    }
    match: dict[str, Any] = {"path": {"type": "PathPrefix", "value": "/"}}
    if spec.access.cors is None:
        match["headers"] = [{"type": "Exact", "name": "Tenant-Id", "value": spec.tenant_id}]
    return child(
        kinds.HTTP_ROUTE,
        params,
        spec={
            "parentRefs": [parent],
            "hostnames": list(spec.route.hostnames),
            "rules": [
                {
                    "matches": [match],
                    "backendRefs": [{"kind": "Service", "name": child_name(params), "port": API_PORT}],
                }
            ],
        },
    )
