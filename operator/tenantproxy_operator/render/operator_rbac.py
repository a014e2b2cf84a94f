"""What the operator itself may do, as manifests: no more than it uses, and what it grants to others."""

from collections.abc import Iterable
from typing import Any, Final

from tenantproxy_operator.api.names import GROUP, PLURAL
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind
from tenantproxy_operator.render.access import SECRET_VERBS
from tenantproxy_operator.render.common import Manifest

_RBAC: Final = "rbac.authorization.k8s.io"

# Neither `app.kubernetes.io/managed-by` nor an instance: by these the operator knows tenants' children.
_LABELS: Final = {"app.kubernetes.io/name": "tenantproxy-operator", "app.kubernetes.io/component": "operator"}

_WRITES: Final = frozenset({"create", "get", "list", "patch", "watch"})
"""To look for an object of the same name, to follow what is ours, and to apply it (create and patch)."""
_LASTING: Final = frozenset(
    {kinds.CONFIG_MAP, kinds.NETWORK_POLICY, kinds.SERVICE, kinds.DEPLOYMENT, kinds.SECRET, kinds.POD_MONITOR}
)
"""What the operator never deletes: each tenant has it for as long as there is a TenantProxy; a Secret may even
hold what a tenant's admin has set. Garbage collection takes them, by Kubernetes' own rights."""

HELD_TO_GRANT: Final = frozenset(("", "secrets", verb) for verb in SECRET_VERBS if verb not in _WRITES)
"""Group, resource and verb of what the operator holds only because nobody can grant what he doesn't hold: each
tenant's proxy replaces its own Secret."""


def operator_manifests(
    namespaces: tuple[str, ...] | None,
    operator_namespace: str,
    service_account: str,
    *,
    pod_monitors: bool = False,
    http_routes: bool = False,
) -> list[Manifest]:
    """Return the operator's ServiceAccount, and its rights in `namespaces`, or in all (None).

    `pod_monitors` and `http_routes`: whether it writes these kinds, as the options of the same names tell it.
    """
    switched_off = {
        *(() if pod_monitors else (kinds.POD_MONITOR,)),
        *(() if http_routes else (kinds.HTTP_ROUTE,)),
    }
    rules = _rules([kind for kind in kinds.CHILDREN if kind not in switched_off])
    subject = {"kind": "ServiceAccount", "name": service_account, "namespace": operator_namespace}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"labels": dict(_LABELS), "name": service_account, "namespace": operator_namespace},
    }
    where: tuple[str | None, ...] = (None,) if namespaces is None else namespaces
    rights = [right for namespace in where for right in _rights(service_account, namespace, rules, subject)]
    return [account, *rights]


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
        *(_rule(kind.group, kind.plural, _verbs(kind)) for kind in children),
    ]


def _verbs(kind: Kind) -> frozenset[str]:
    held = {verb for group, resource, verb in HELD_TO_GRANT if (group, resource) == (kind.group, kind.plural)}
    return _WRITES.union(held, () if kind in _LASTING else ("delete",))


def _rule(group: str, resource: str, verbs: Iterable[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "verbs": sorted(verbs)}
