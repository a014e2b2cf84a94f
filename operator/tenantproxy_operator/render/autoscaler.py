"""The HorizontalPodAutoscaler."""

from typing import Final

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child, child_name
from tenantproxy_operator.render.params import Params

_SCALE_DOWN: Final = {
    # At most half of the proxies go within a minute, and none before five quiet minutes have passed.
    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}],
    "stabilizationWindowSeconds": 300,
}


def render_autoscaler(params: Params) -> Manifest | None:
    """Return the autoscaler by CPU utilization, where `spec.autoscaling` asks for one."""
    autoscaling = params.resource.spec.autoscaling
    if autoscaling is None:
        return None
    target = {"type": "Utilization", "averageUtilization": autoscaling.target_cpu_utilization}
    return child(
        kinds.AUTOSCALER,
        params,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": child_name(params)},
            "minReplicas": autoscaling.min_replicas,
            "maxReplicas": autoscaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleDown": _SCALE_DOWN},
        },
    )
