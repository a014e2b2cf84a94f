"""What lets a proxy read and replace its own tenant's Secret; nothing with `management: platform`."""

from typing import Final

from tenantproxy_operator.render.common import Manifest, child_metadata, child_name
from tenantproxy_operator.render.params import Params

_RBAC: Final = "rbac.authorization.k8s.io"
SECRET_VERBS: Final = ("get", "update", "watch")
"""What a proxy may do with the one Secret; no `list`, no `create`, no `delete`."""


def render_service_account(params: Params) -> Manifest | None:
    """Return the identity of the tenant's proxies."""
    if not params.managed_by_tenant:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": child_metadata(params),
        # A pod that merely names this account gets no token; the proxies' pods ask for one.
        "automountServiceAccountToken": False,
    }


def render_role(params: Params) -> Manifest | None:
    """Return the right to the one Secret, by its name."""
    if not params.managed_by_tenant:
        return None
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": child_metadata(params),
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [params.resource.secret_name],
                "verbs": list(SECRET_VERBS),
            }
        ],
    }


def render_role_binding(params: Params) -> Manifest | None:
    """Return what gives that right to that identity."""
    if not params.managed_by_tenant:
        return None
    name = child_name(params)
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": child_metadata(params),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": params.resource.metadata.namespace}],
    }
