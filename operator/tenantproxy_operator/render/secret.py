"""The Secret that holds the tenant's credential, before there is one."""

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child
from tenantproxy_operator.render.params import Params


def render_secret(params: Params) -> Manifest | None:
    """Return an empty Secret, to be created only where there is none, so that the tenant's proxy can fill it.

    With `management: platform` the Secret comes from elsewhere, External Secrets for instance, and is not ours.
    """
    if not params.managed_by_tenant:
        return None
    return child(
        kinds.SECRET,
        params,
        name=params.resource.secret_name,
        type="Opaque",
    )
