"""The Deployment around the pods."""

import pytest

from support.operator.manifests import params
from tenantproxy_operator.render.deployment import render_deployment


@pytest.mark.parametrize(("changes", "replicas"), [({}, 2), ({"spec.replicas": 1}, 1), ({"spec.replicas": 7}, 7)])
def test_replicas(changes: dict[str, int], replicas: int) -> None:
    """What is asked for, else two."""
    assert render_deployment(params(changes))["spec"]["replicas"] == replicas


def test_autoscaler_owns_the_replicas() -> None:
    """With autoscaling the Deployment says no number, which would undo the autoscaler's."""
    assert "replicas" not in render_deployment(params({"spec.autoscaling": {"maxReplicas": 4}}))["spec"]


def test_selector_is_in_the_template() -> None:
    """Exactly the three labels that are decided for ever select the pods."""
    spec = render_deployment(params({"spec.podTemplate": {"labels": {"team": "orders"}}}))["spec"]
    selector = spec["selector"]["matchLabels"]
    assert selector == {
        "app.kubernetes.io/name": "tenantproxy",
        "app.kubernetes.io/instance": "t",
        "app.kubernetes.io/component": "proxy",
    }
    assert selector.items() < spec["template"]["metadata"]["labels"].items()


def test_no_request_is_lost_in_a_rollout() -> None:
    """A new proxy is ready before an old one goes."""
    strategy = render_deployment(params())["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
