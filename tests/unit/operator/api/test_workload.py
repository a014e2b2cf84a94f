"""What a TenantProxy may say about its pods and its route."""

from typing import Any

import pytest
from pydantic import ValidationError

from support.operator.bad_workloads import BAD_WORKLOADS
from support.operator.manifests import changed, minimal
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.manifests.problems import field_errors

_TEMPLATE = "spec.podTemplate"


def _errors(path: str, value: Any) -> list[str]:
    try:
        TenantProxy.model_validate(changed(minimal(), path, value))
    except ValidationError as error:
        return [f"{found.field}: {found.detail}" for found in field_errors(error, TenantProxy)]
    return []


@pytest.mark.parametrize(("path", "value", "expected"), BAD_WORKLOADS)
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
