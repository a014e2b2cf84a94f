"""The RBAC objects that let a proxy read and replace its own tenant's Secret; none with `management: platform`."""

from typing import Final

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child, child_name
from tenantproxy_operator.render.params import Params

_RBAC: Final = "rbac.authorization.k8s.io"
SECRET_VERBS: Final = ("get", "update", "watch")
"""A proxy's verbs on its one Secret; no `list`, no `create`, no `delete`."""


def render_service_account(params: Params) -> Manifest | None:
    """Return the ServiceAccount of the tenant's proxies."""
    if not params.managed_by_tenant:
        return None
    return child(
        kinds.SERVICE_ACCOUNT,
        params,
        # A pod that merely names this account gets no token; the proxies' pods ask for one.
        automountServiceAccountToken=False,
    )


def render_role(params: Params) -> Manifest | None:
    """Return the Role for the one Secret, by its name."""
    if not params.managed_by_tenant:
        return None
    return child(
        kinds.ROLE,
        params,
        rules=[
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [params.resource.secret_name],
                "verbs": list(SECRET_VERBS),
            }
        ],
    )


def render_role_binding(params: Params) -> Manifest | None:
    """Return the binding of that Role to that ServiceAccount."""
    if not params.managed_by_tenant:
        return None
    name = child_name(params)
    return child(
        kinds.ROLE_BINDING,
        params,
        roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": params.resource.metadata.namespace}],
    )
