"""The ConfigMap that carries the proxy's configuration."""

from typing import Final

from tenantproxy_operator.render.common import Manifest, child_metadata
from tenantproxy_operator.render.params import Params

CONFIG_KEY: Final = "config.json"


def render_config_map(params: Params) -> Manifest:
    """Return the ConfigMap with the tenant's `config.json`; it holds no secret."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child_metadata(params),
        "data": {CONFIG_KEY: params.config_json},
    }
