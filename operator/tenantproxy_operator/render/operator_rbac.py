"""The operator's own RBAC objects: the rights that it uses, and those that it grants to proxies."""

from collections.abc import Iterable
from typing import Any, Final

from tenantproxy_operator.api.names import GROUP, PLURAL
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import LEASE, Kind, Manifest
from tenantproxy_operator.render.access import SECRET_VERBS
from tenantproxy_operator.settings import LEASE_NAME, LeaderElection

_RBAC: Final = "rbac.authorization.k8s.io"

# Neither `app.kubernetes.io/managed-by` nor an instance: by these the operator knows tenants' children.
_LABELS: Final = {"app.kubernetes.io/name": "tenantproxy-operator", "app.kubernetes.io/component": "operator"}

_WRITES: Final = frozenset({"create", "get", "list", "patch", "watch"})
"""To get an object of the same name, to list and watch ours, and to apply (create and patch)."""

HELD_TO_GRANT: Final = frozenset(("", "secrets", verb) for verb in SECRET_VERBS if verb not in _WRITES)
"""Group, resource and verb of rights that the operator does not use: nobody can grant a right that they don't
hold, and each tenant's proxy replaces its own Secret."""


def operator_manifests(
    namespaces: tuple[str, ...] | None,
    operator_namespace: str,
    service_account: str,
    *,
    optional_kinds: frozenset[str] = frozenset(),
    leader_election: LeaderElection = LeaderElection(),  # noqa: B008 - immutable
) -> list[Manifest]:
    """Return the operator's ServiceAccount, and its rights in `namespaces`, or in all (None).

    `optional_kinds` are those of `kinds.OPTIONAL`, by name, that are switched on. There is a Lease in each of
    the namespaces; the one for all of them has a role of its own, and the others are watched.
    """
    rules = _rules([kind for kind in kinds.CHILDREN if not kind.optional or kind.kind in optional_kinds])
    lease = _lease_rules()
    subject = {"kind": "ServiceAccount", "name": service_account, "namespace": operator_namespace}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"labels": dict(_LABELS), "name": service_account, "namespace": operator_namespace},
    }
    others = _rule(LEASE.group, LEASE.plural, {"list", "watch"}) | {"resourceNames": [LEASE_NAME]}
    where: dict[str | None, list[Manifest]] = {None: [*rules, others], leader_election.resource_namespace: lease}
    if namespaces is not None:
        where = {namespace: [*rules, *lease] for namespace in namespaces}
    rights = [
        right for namespace, held in where.items() for right in _rights(service_account, namespace, held, subject)
    ]
    return [account, *rights]


def _lease_rules() -> list[Manifest]:
    """Return the rights on a Lease; `create` can't be limited to a name."""
    lease = _rule(LEASE.group, LEASE.plural, {"get", "patch"})
    return [_rule(LEASE.group, LEASE.plural, {"create"}), lease | {"resourceNames": [LEASE_NAME]}]


def _rights(name: str, namespace: str | None, rules: list[Manifest], subject: dict[str, str]) -> list[Manifest]:
    """Return a role with `rules`, and what gives it to `subject`: in one namespace, or in all (None)."""
    cluster = "Cluster" if namespace is None else ""
    metadata: dict[str, Any] = {"labels": dict(_LABELS), "name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    role = {"apiVersion": f"{_RBAC}/v1", "kind": f"{cluster}Role", "metadata": metadata, "rules": rules}
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{cluster}RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": f"{cluster}Role", "name": name},
        "subjects": [subject],
    }
    return [role, binding]


def _rules(children: list[Kind]) -> list[Manifest]:
    return [
        _rule(GROUP, PLURAL, {"list", "watch"}),
        _rule(GROUP, f"{PLURAL}/status", {"patch"}),
        _rule("events.k8s.io", "events", {"create"}),
        _rule(kinds.REPLICA_SET.group, kinds.REPLICA_SET.plural, {"list"}),
        *(_rule(kind.group, kind.plural, _verbs(kind)) for kind in children),
    ]


def _verbs(kind: Kind) -> frozenset[str]:
    held = {verb for group, resource, verb in HELD_TO_GRANT if (group, resource) == (kind.group, kind.plural)}
    return _WRITES.union(held, () if kind.lasting else ("delete",))


def _rule(group: str, resource: str, verbs: Iterable[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "verbs": sorted(verbs)}
