"""The PodDisruptionBudget."""

from typing import Final

from tenantproxy_operator.render.common import Manifest, child_metadata, pod_selector
from tenantproxy_operator.render.params import Params

_FEWEST: Final = 2


def render_disruption_budget(params: Params) -> Manifest | None:
    """Return what lets a node be drained of one proxy at a time; of a single proxy there is nothing to protect."""
    if params.resource.spec.least_replicas < _FEWEST:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(params),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": pod_selector(params)},
            # A proxy that doesn't serve anyway must not hold up a node's drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
