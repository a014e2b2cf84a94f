"""What a TenantProxy may say about its pods and its route."""

from typing import Any

import pytest
from pydantic import ValidationError

from support.operator_manifests import changed, minimal
from tenantproxy_operator.problems import field_errors
from tenantproxy_operator.resource import TenantProxy

_TEMPLATE = "spec.podTemplate"
_GATEWAY = {"gatewayRef": {"name": "public"}}


def _errors(path: str, value: Any) -> list[str]:
    try:
        TenantProxy.model_validate(changed(minimal(), path, value))
    except ValidationError as error:
        return [f"{found.field}: {found.detail}" for found in field_errors(error, TenantProxy)]
    return []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.replicas", 0, "spec.replicas: is too small; use at least 1"),
        ("spec.replicas", 101, "spec.replicas: is too large; use at most 100"),
        ("spec.autoscaling", {}, "spec.autoscaling.maxReplicas: is missing; set it"),
        ("spec.autoscaling", {"maxReplicas": 101}, "spec.autoscaling.maxReplicas: is too large"),
        (
            "spec.autoscaling",
            {"maxReplicas": 1},
            "spec.autoscaling: has `minReplicas` above `maxReplicas`; lower the one",
        ),
        (
            "spec.autoscaling",
            {"maxReplicas": 3, "targetCpuUtilization": 70},
            "spec.autoscaling.targetCpuUtilization: is unknown; did you mean `targetCPUUtilization`?",
        ),
        (
            "spec.resources",
            {"requests": {"cpu": 0.5}},
            "spec.resources.requests.cpu: must be a string; put it in quotes",
        ),
        (
            "spec.resources",
            {"requests": {"cpu": True}},
            "spec.resources.requests.cpu: must be a string; put it in quotes",
        ),
        (
            "spec.resources",
            {"requests": {"cpu": "1 core"}},
            "spec.resources.requests.cpu: is not an amount of CPU; write cores",
        ),
        (
            "spec.resources",
            {"requests": {"cpu": -1}},
            "spec.resources.requests.cpu: is not an amount of CPU; write",
        ),
        (
            "spec.resources",
            {"limits": {"memory": "512m"}},
            "spec.resources.limits.memory: is not an amount of bytes; write a number and a unit",
        ),
        (
            "spec.resources",
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}},
            "spec.resources: requests more memory than the limit; lower `requests.memory`",
        ),
        (
            "spec.resources",
            {"limits": {"nvidia.com/gpu": 1}},
            "spec.resources.limits.nvidia.com/gpu: is unknown; remove it",
        ),
        (
            f"{_TEMPLATE}.nodeSelector",
            {"a b": "x"},
            f"{_TEMPLATE}.nodeSelector: has the key `a b`, which is not the key of a label",
        ),
        (
            f"{_TEMPLATE}.nodeSelector",
            {"gpu": True},
            f"{_TEMPLATE}.nodeSelector.gpu: must be a string; put it in quotes",
        ),
        (f"{_TEMPLATE}.labels", {"a": "-"}, f"{_TEMPLATE}.labels.a: is not a label's value; use letters"),
        (
            f"{_TEMPLATE}.labels",
            {"app.kubernetes.io/instance": "x"},
            f"{_TEMPLATE}.labels: has the key `app.kubernetes.io/instance`, which the operator sets itself",
        ),
        (
            f"{_TEMPLATE}.labels",
            {"proxy.hiiretail.com/canary": "true"},
            f"{_TEMPLATE}.labels: has the key `proxy.hiiretail.com/canary`, which the operator sets itself",
        ),
        (
            f"{_TEMPLATE}.annotations",
            {"prometheus.io/port": "1"},
            f"{_TEMPLATE}.annotations: has the key `prometheus.io/port`, which the operator sets itself",
        ),
        (f"{_TEMPLATE}.annotations", {"a": "x" * 4097}, f"{_TEMPLATE}.annotations.a: is too long; at most 4096"),
        (f"{_TEMPLATE}.tolerations", {}, f"{_TEMPLATE}.tolerations: must be a list"),
        (f"{_TEMPLATE}.tolerations", [{}] * 17, f"{_TEMPLATE}.tolerations: has 17 entries; at most 16"),
        (f"{_TEMPLATE}.affinity", [], f"{_TEMPLATE}.affinity: must be an object"),
        (f"{_TEMPLATE}.priorityClassName", "A", f"{_TEMPLATE}.priorityClassName: is not an object's name"),
        ("spec.route", {"hostnames": ["a.b"]}, "spec.route.gatewayRef: is missing; set it"),
        ("spec.route", {**_GATEWAY, "hostnames": []}, "spec.route.hostnames: has 0 entries; at least 1"),
        (
            "spec.route",
            {**_GATEWAY, "hostnames": ["https://a.b"]},
            "spec.route.hostnames[0]: is not a host's name; write one such as",
        ),
        (
            "spec.route",
            {**_GATEWAY, "hostnames": ["a.b", "a.b"]},
            "spec.route.hostnames: names something twice; remove one",
        ),
        ("spec.suspend", "yes", "spec.suspend: must be true or false"),
    ],
)
def test_bad_field(path: str, value: Any, expected: str) -> None:
    """Each error names the field by its path and says the fix."""
    (error,) = _errors(path, value)
    assert error.startswith(expected)


def test_replicas_exclude_autoscaling() -> None:
    """Two would set the same number."""
    manifest = changed(changed(minimal(), "spec.replicas", 3), "spec.autoscaling", {"maxReplicas": 3})
    with pytest.raises(ValidationError, match="has both `replicas` and `autoscaling`, which sets it; remove one"):
        TenantProxy.model_validate(manifest)


@pytest.mark.parametrize(
    "resources",
    [
        {"requests": {"cpu": 1}, "limits": {"cpu": "1000m"}},
        {"requests": {"cpu": "0.5"}, "limits": {"cpu": 1}},
        {"requests": {"memory": "1G"}, "limits": {"memory": "1Gi"}},
        {"requests": {"memory": 1048576}, "limits": {"memory": "1Mi"}},
        {"limits": {"ephemeral-storage": "1.5Gi"}},
        {"requests": {"cpu": 2}, "limits": {"memory": "1Mi"}},
        {},
    ],
)
def test_amounts(resources: dict[str, Any]) -> None:
    """Whole numbers and text mean the same, whatever their unit."""
    assert _errors("spec.resources", resources) == []


@pytest.mark.parametrize(
    "key", ["example.com/team", "a.prometheus.io/x", "app.kubernetes.io/part-of", "x.proxy.hiiretail.com/y"]
)
def test_others_labels(key: str) -> None:
    """Only what the operator sets is refused, not what resembles it."""
    assert _errors(f"{_TEMPLATE}.labels", {key: "x"}) == []


def test_least_replicas() -> None:
    """Two by default, so that a node can go without a moment's silence."""
    for spec, least in (({}, 2), ({"replicas": 5}, 5), ({"autoscaling": {"minReplicas": 3, "maxReplicas": 5}}, 3)):
        manifest = minimal()
        manifest["spec"] |= spec
        assert TenantProxy.model_validate(manifest).spec.least_replicas == least
