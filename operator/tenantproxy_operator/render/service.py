"""The Service at which clients in the cluster reach the proxies, or the relay."""

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import API_PORT, API_PORT_NAME, child, pod_selector
from tenantproxy_operator.render.params import Params


def render_service(params: Params) -> Manifest:
    """Return the Service of the API port. The admin port is not in it: it is for probes and Prometheus only.

    Not headless: clients that cache names would call pods that are gone.
    """
    return child(
        kinds.SERVICE,
        params,
        spec={
            "type": "ClusterIP",
            "selector": pod_selector(params),
            "ports": [
                {
                    "name": API_PORT_NAME,
                    "port": API_PORT,
                    "protocol": "TCP",
                    "targetPort": API_PORT_NAME,
                    "appProtocol": "http",
                }
            ],
        },
    )
