"""All children that a TenantProxy is rendered to, top to bottom."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind, Manifest
from tenantproxy_operator.render.access import render_role, render_role_binding, render_service_account
from tenantproxy_operator.render.autoscaler import render_autoscaler
from tenantproxy_operator.render.config_map import render_config_map
from tenantproxy_operator.render.deployment import render_deployment
from tenantproxy_operator.render.disruption_budget import render_disruption_budget
from tenantproxy_operator.render.http_route import render_http_route
from tenantproxy_operator.render.network_policy import render_network_policy
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.render.pod_monitor import render_pod_monitor
from tenantproxy_operator.render.secret import render_secret
from tenantproxy_operator.render.service import render_service

RENDERERS: Final[Mapping[Kind, Callable[[Params], Manifest | None]]] = {
    kinds.SERVICE_ACCOUNT: render_service_account,
    kinds.SECRET: render_secret,
    kinds.ROLE: render_role,
    kinds.ROLE_BINDING: render_role_binding,
    kinds.CONFIG_MAP: render_config_map,
    kinds.NETWORK_POLICY: render_network_policy,
    kinds.SERVICE: render_service,
    kinds.DEPLOYMENT: render_deployment,
    kinds.AUTOSCALER: render_autoscaler,
    kinds.DISRUPTION_BUDGET: render_disruption_budget,
    kinds.POD_MONITOR: render_pod_monitor,
    kinds.HTTP_ROUTE: render_http_route,
}
"""The render function of each kind; it returns None where this component of the tenant has no such child."""


def render_children(params: Params) -> list[Manifest]:
    """Return the manifests of all children that there should be, in the order in which they are applied.

    Keys are sorted, so the same parameters give the same bytes.
    """
    children = (
        RENDERERS[kind](component)
        for kind in kinds.RENDERED
        if not kind.optional or kind.kind in params.kinds
        for component in (params.components[:1] if kind.shared else params.components)
    )
    wanted = [child for child in children if child is not None]
    return msgspec.json.decode(msgspec.json.encode(wanted, order="sorted"), type=list[Manifest])
