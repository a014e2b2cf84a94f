"""The Deployment of the tenant's proxies, and that of its relay."""

from typing import Final

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child, pod_selector
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.render.pod import render_pod_template

_PROGRESS_DEADLINE_SECONDS: Final = 300
KEPT_REVISIONS: Final = 3
"""Earlier ReplicaSets that stay for `kubectl rollout undo`, and with them what their pods mount."""


def render_deployment(params: Params) -> Manifest:
    """Return the Deployment; with autoscaling it leaves the number of replicas to the autoscaler."""
    return child(
        kinds.DEPLOYMENT,
        params,
        spec=({} if params.is_scaled else {"replicas": params.least_replicas})
        | {
            "selector": {"matchLabels": pod_selector(params)},
            # A new proxy is ready before an old one goes, one after the other.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "progressDeadlineSeconds": _PROGRESS_DEADLINE_SECONDS,
            "revisionHistoryLimit": KEPT_REVISIONS,
            "template": render_pod_template(params),
        },
    )
