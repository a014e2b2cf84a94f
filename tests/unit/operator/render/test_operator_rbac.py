"""The operator's own rights."""

from typing import Any

import pytest

from support.operator.manifests import params
from support.operator.rights import OPTIONAL_KINDS
from tenantproxy_operator.kube.kinds import CHILDREN
from tenantproxy_operator.render.access import render_role
from tenantproxy_operator.render.operator_rbac import HELD_TO_GRANT, operator_manifests
from tenantproxy_operator.settings import LeaderElection

_LEAST: dict[str, Any] = {"spec.replicas": 1, "spec.auth.management": "platform"}


def _held(optional_kinds: frozenset[str] = OPTIONAL_KINDS) -> set[tuple[str, str, str]]:
    manifests = operator_manifests(None, "ops", "tp", optional_kinds=optional_kinds)
    return {
        (group, resource, verb)
        for manifest in manifests
        for rule in manifest.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_namespaced() -> None:
    """One Role per watched namespace, all for the one ServiceAccount, and nothing beyond."""
    account, *rights = operator_manifests(("a", "b"), "ops", "tp")
    assert (account["kind"], account["metadata"]["namespace"], account["metadata"]["name"]) == (
        "ServiceAccount",
        "ops",
        "tp",
    )
    assert [(right["kind"], right["metadata"]["namespace"]) for right in rights] == [
        ("Role", "a"),
        ("RoleBinding", "a"),
        ("Role", "b"),
        ("RoleBinding", "b"),
    ]
    for binding in rights[1::2]:
        assert binding["roleRef"]["name"] == rights[0]["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tp", "namespace": "ops"}]


def test_cluster_wide() -> None:
    """The same rights, everywhere; but the Lease is in one namespace, and all others are only watched."""
    _, role, binding, lease_role, lease_binding = operator_manifests(
        None, "ops", "tp", leader_election=LeaderElection(resource_namespace="locks")
    )
    assert (role["kind"], binding["kind"], binding["roleRef"]["kind"]) == (
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterRole",
    )
    assert "namespace" not in role["metadata"] | binding["metadata"]
    namespaced = operator_manifests(("a",), "ops", "tp")[1]["rules"]
    assert role["rules"][:-1] == [rule for rule in namespaced if "leases" not in rule["resources"]]
    assert (role["rules"][-1]["verbs"], role["rules"][-1]["resourceNames"]) == (
        ["list", "watch"],
        ["tenantproxy-operator"],
    )
    assert {thing["metadata"]["namespace"] for thing in (lease_role, lease_binding)} == {"locks"}
    assert lease_role["rules"] == [rule for rule in namespaced if "leases" in rule["resources"]]


def test_lease() -> None:
    """Only the one of this name can be read and changed."""
    role = operator_manifests(("a",), "ops", "tp")[1]
    leases = [rule for rule in role["rules"] if "leases" in rule["resources"]]
    assert {(*rule["verbs"], *rule.get("resourceNames", ())) for rule in leases} == {
        ("create",),
        ("get", "patch", "tenantproxy-operator"),
    }


def test_no_wildcard_and_no_escalation() -> None:
    """Each right is named; none lets the operator have or give more than is here."""
    verbs = {verb for _, _, verb in _held()}
    assert verbs == {"create", "delete", "get", "list", "patch", "update", "watch"}
    assert not any("*" in part for right in _held() for part in right)


def test_children_can_be_written() -> None:
    """Every kind of child can be found, applied and followed."""
    for kind in CHILDREN:
        for verb in ("get", "list", "watch", "create", "patch"):
            assert (kind.group, kind.plural, verb) in _held()


def test_only_a_secret_can_not_be_deleted() -> None:
    """All other children of a relay go with it, or are named by their content, or belong to `management: tenant`.

    A Secret may hold a tenant's credential.
    """
    deletable = {resource for _, resource, verb in _held() if verb == "delete"}
    assert deletable == {kind.plural for kind in CHILDREN} - {"secrets"}


def test_replica_sets_are_only_listed() -> None:
    """For the ConfigMaps that their pods mount."""
    assert {verb for _, resource, verb in _held() if resource == "replicasets"} == {"list"}


@pytest.mark.parametrize(("kind", "resource"), [("PodMonitor", "podmonitors"), ("HTTPRoute", "httproutes")])
def test_optional_kinds(kind: str, resource: str) -> None:
    """Nothing about a kind that is switched off."""
    assert resource in {held for _, held, _ in _held()}
    assert resource not in {held for _, held, _ in _held(OPTIONAL_KINDS - {kind})}


def test_held_to_grant() -> None:
    """A proxy's Role grants only what the operator holds, and what it holds only for that is named."""
    role = render_role(params())
    assert role is not None
    granted = {("", "secrets", verb) for rule in role["rules"] for verb in rule["verbs"]}
    assert granted <= _held()
    assert granted >= HELD_TO_GRANT
    assert {("", "secrets", "update")} == HELD_TO_GRANT


def test_not_a_tenants_child() -> None:
    """The operator must not take its own rights for something that a TenantProxy has."""
    for manifest in operator_manifests(("a",), "ops", "tp"):
        assert "app.kubernetes.io/managed-by" not in manifest["metadata"]["labels"]
        assert "app.kubernetes.io/instance" not in manifest["metadata"]["labels"]
