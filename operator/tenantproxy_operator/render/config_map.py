"""The ConfigMap that carries the proxy's configuration."""

from typing import Final

from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child
from tenantproxy_operator.render.params import Params

CONFIG_KEY: Final = "config.json"


def render_config_map(params: Params) -> Manifest:
    """Return the ConfigMap with the tenant's `config.json`; it holds no secret."""
    return child(
        kinds.CONFIG_MAP,
        params,
        data={CONFIG_KEY: params.config_json},
    )
