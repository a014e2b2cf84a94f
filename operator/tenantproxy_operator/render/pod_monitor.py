"""The PodMonitor of prometheus-operator."""

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import ADMIN_PORT_NAME, METRICS_PATH, child, pod_selector
from tenantproxy_operator.render.params import Params


def render_pod_monitor(params: Params) -> Manifest:
    """Return the monitor that scrapes the admin ports of a component's pods."""
    return child(
        kinds.POD_MONITOR,
        params,
        spec={
            "selector": {"matchLabels": pod_selector(params)},
            "podMetricsEndpoints": [{"port": ADMIN_PORT_NAME, "path": METRICS_PATH}],
        },
    )
