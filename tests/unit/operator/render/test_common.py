"""What all children have in common."""

import pytest

from support.operator.manifests import params
from tenantproxy_operator.render.children import render_children

_EVERYTHING = {
    "spec.autoscaling": {"maxReplicas": 3},
    "spec.route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]},
}
_KINDS = frozenset({"HTTPRoute", "PodMonitor"})


def test_names_and_labels() -> None:
    """Names and labels are decided for ever; only the Secret and the ConfigMap have names of their own."""
    children = render_children(params(_EVERYTHING, kinds=_KINDS))
    names = {child["metadata"]["name"] for child in children if child["kind"] not in ("Secret", "ConfigMap")}
    assert names == {"t-proxy"}
    for child in children:
        assert child["metadata"]["namespace"] == "default"
        assert child["metadata"]["labels"] == {
            "app.kubernetes.io/name": "tenantproxy",
            "app.kubernetes.io/instance": "t",
            "app.kubernetes.io/component": "proxy",
            "app.kubernetes.io/managed-by": "tenantproxy-operator",
        }


def test_owner() -> None:
    """Each child dies with its TenantProxy; nothing in it needs a right to the owner's finalizers."""
    for child in render_children(params({**_EVERYTHING, "metadata.uid": "u-1"}, kinds=_KINDS)):
        assert "annotations" not in child["metadata"]
        assert child["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "proxy.hiiretail.com/v1alpha1",
                "kind": "TenantProxy",
                "name": "t",
                "uid": "u-1",
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ]


@pytest.mark.parametrize("kinds", [_KINDS, frozenset()])
def test_dry_run_has_no_owner(kinds: frozenset[str]) -> None:
    """A manifest that is in no cluster can't be referred to; what is applied of it may be adopted later."""
    for child in render_children(params(_EVERYTHING, kinds=kinds)):
        assert "ownerReferences" not in child["metadata"]
        assert child["metadata"]["annotations"] == {"proxy.hiiretail.com/adopt": "t"}
