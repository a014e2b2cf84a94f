"""The managed fields of what kubectl has applied become ours."""

from typing import Any

import pytest

from tenantproxy_operator.kube.adoption import taken_over


def entry(manager: str, operation: str = "Update", *, api: str = "v1", fields: Any, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": api, "fieldsV1": fields, **more}


A: dict[str, Any] = {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}
B: dict[str, Any] = {"f:metadata": {"f:labels": {"f:b": {}}}, "f:data": {"f:k": {}}}
BOTH = {"f:metadata": {"f:labels": {".": {}, "f:a": {}, "f:b": {}}}, "f:data": {"f:k": {}}}


@pytest.mark.parametrize(
    ("manager", "operation"),
    [
        ("kubectl-client-side-apply", "Update"),
        ("kubectl-create", "Update"),
        ("kubectl-replace", "Update"),
        ("kubectl", "Apply"),
    ],
)
def test_what_kubectl_applied_is_ours(manager: str, operation: str) -> None:
    """As if we had applied it; all others keep what is theirs."""
    others = [
        entry("controller", fields=B),
        entry("kubectl-annotate", fields=B),
        entry("argocd", "Apply", fields=B),
    ]
    assert taken_over([others[0], entry(manager, operation, fields=A), *others[1:]]) == [
        entry("tenantproxy-operator", "Apply", fields=A),
        *others,
    ]


def test_several_are_one() -> None:
    """With what we have applied before; of another version of the API the fields may have other names."""
    status = entry("kubectl", fields=A, subresource="status")
    merged = taken_over(
        [
            entry("kubectl-client-side-apply", fields=A),
            status,
            entry("tenantproxy-operator", "Apply", fields=B),
            entry("kubectl-replace", api="v1beta1", fields={"f:spec": {}}),
        ]
    )
    assert merged == [entry("tenantproxy-operator", "Apply", fields=BOTH), status]


def test_nothing_to_take_over() -> None:
    """Without kubectl all stays as it is."""
    entries = [entry("tenantproxy-operator", "Apply", fields=A), entry("controller", fields=B)]
    assert taken_over(entries) == entries
    assert taken_over([]) == []
