"""The PodMonitor of prometheus-operator."""

from tenantproxy_operator.render.common import (
    ADMIN_PORT_NAME,
    METRICS_PATH,
    Manifest,
    child_metadata,
    pod_selector,
)
from tenantproxy_operator.render.params import Params


def render_pod_monitor(params: Params) -> Manifest | None:
    """Return what has the proxies' admin ports scraped, where that is switched on and possible."""
    if "PodMonitor" not in params.kinds:
        return None
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": child_metadata(params),
        "spec": {
            "selector": {"matchLabels": pod_selector(params)},
            "podMetricsEndpoints": [{"port": ADMIN_PORT_NAME, "path": METRICS_PATH}],
        },
    }
