"""The PodDisruptionBudget."""

from typing import Final

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child, pod_selector
from tenantproxy_operator.render.params import Params

_FEWEST: Final = 2


def render_disruption_budget(params: Params) -> Manifest | None:
    """Return the budget that lets nodes be drained of one proxy at a time; none for a single proxy."""
    if params.least_replicas < _FEWEST:
        return None
    return child(
        kinds.DISRUPTION_BUDGET,
        params,
        spec={
            "maxUnavailable": 1,
            "selector": {"matchLabels": pod_selector(params)},
            # A proxy that doesn't serve anyway must not hold up a node's drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    )
