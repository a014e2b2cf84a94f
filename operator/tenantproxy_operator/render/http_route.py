"""The HTTPRoute of the Gateway API."""

from typing import Final

from tenantproxy_operator.render.common import API_PORT, Manifest, child_metadata, child_name
from tenantproxy_operator.render.params import Params

_GROUP: Final = "gateway.networking.k8s.io"


def render_http_route(params: Params) -> Manifest | None:
    """Return the route from a Gateway to the proxy, where the tenant wants one and it is possible.

    Tenants share hosts and paths; the header Tenant-Id tells them apart.
    """
    spec = params.resource.spec
    if spec.route is None or "HTTPRoute" not in params.kinds:
        return None
    gateway = spec.route.gateway_ref
    parent = {
        "group": _GROUP,
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace or params.resource.metadata.namespace,
    }
    match = {
        "path": {"type": "PathPrefix", "value": "/"},
        "headers": [{"type": "Exact", "name": "Tenant-Id", "value": spec.tenant_id}],
    }
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": child_metadata(params),
        "spec": {
            "parentRefs": [parent],
            "hostnames": list(spec.route.hostnames),
            "rules": [
                {
                    "matches": [match],
                    "backendRefs": [{"kind": "Service", "name": child_name(params), "port": API_PORT}],
                }
            ],
        },
    }
