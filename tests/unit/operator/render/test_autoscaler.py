"""The HorizontalPodAutoscaler."""

from support.operator.manifests import params
from tenantproxy_operator.render.autoscaler import render_autoscaler


def test_only_where_wanted() -> None:
    """A fixed number of replicas has none."""
    assert render_autoscaler(params({"spec.replicas": 3})) is None


def test_bounds_and_target() -> None:
    """What is said arrives; what is not has the documented default."""
    autoscaler = render_autoscaler(params({"spec.autoscaling": {"maxReplicas": 9}}))
    assert autoscaler is not None
    spec = autoscaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "t-proxy"}
    (metric,) = spec["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def test_scales_down_slowly() -> None:
    """A short lull does not take away what the next minute needs."""
    autoscaler = render_autoscaler(params({"spec.autoscaling": {"maxReplicas": 9}}))
    assert autoscaler is not None
    down = autoscaler["spec"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 300
    assert down["policies"] == [{"type": "Percent", "value": 50, "periodSeconds": 60}]
