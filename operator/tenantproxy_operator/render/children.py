"""All that belongs to a TenantProxy, top to bottom."""

import msgspec

from tenantproxy_operator.render.access import render_role, render_role_binding, render_service_account
from tenantproxy_operator.render.autoscaler import render_autoscaler
from tenantproxy_operator.render.common import Manifest
from tenantproxy_operator.render.config_map import render_config_map
from tenantproxy_operator.render.deployment import render_deployment
from tenantproxy_operator.render.disruption_budget import render_disruption_budget
from tenantproxy_operator.render.http_route import render_http_route
from tenantproxy_operator.render.network_policy import render_network_policy
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.render.pod_monitor import render_pod_monitor
from tenantproxy_operator.render.secret import render_secret
from tenantproxy_operator.render.service import render_service

__all__ = ["Manifest", "Params", "desired_children"]


def desired_children(params: Params) -> list[Manifest]:
    """Return the manifests of all children that there shall be, in the order in which they are to be applied.

    The order is that of `kinds.CHILDREN`. Keys are sorted, so the same parameters give the same bytes.
    """
    children = (
        render_service_account(params),
        render_secret(params),
        render_role(params),
        render_role_binding(params),
        render_config_map(params),
        render_network_policy(params),
        render_service(params),
        render_deployment(params),
        render_autoscaler(params),
        render_disruption_budget(params),
        render_pod_monitor(params),
        render_http_route(params),
    )
    wanted = [child for child in children if child is not None]
    return msgspec.json.decode(msgspec.json.encode(wanted, order="sorted"), type=list[Manifest])
