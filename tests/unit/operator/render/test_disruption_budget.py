"""The PodDisruptionBudget."""

from typing import Any

import pytest

from support.operator.manifests import params
from tenantproxy_operator.render.disruption_budget import render_disruption_budget


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"spec.replicas": 2}, True),
        ({"spec.replicas": 1}, False),
        ({"spec.autoscaling": {"maxReplicas": 2}}, True),
        ({"spec.autoscaling": {"minReplicas": 1, "maxReplicas": 9}}, False),
    ],
)
def test_only_where_another_proxy_serves(changes: dict[str, Any], *, expected: bool) -> None:
    """A budget for a single proxy would hold up every drain, or protect nothing."""
    budget = render_disruption_budget(params(changes))
    assert (budget is not None) is expected
    if budget is not None:
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
