"""The HTTPRoute of the Gateway API."""

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import API_PORT, child, child_name
from tenantproxy_operator.render.params import Params


def render_http_route(params: Params) -> Manifest | None:
    """Return the route from a Gateway to the proxy, where the tenant wants one.

    Tenants share hosts and paths; the header Tenant-Id tells them apart.
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
    match = {
        "path": {"type": "PathPrefix", "value": "/"},
        "headers": [{"type": "Exact", "name": "Tenant-Id", "value": spec.tenant_id}],
    }
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
