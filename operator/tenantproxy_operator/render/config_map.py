"""The ConfigMap that carries a component's configuration: immutable, so that no pod ever reads another one."""

from typing import Final

from tenantproxy_operator.api.names import hashed_child_name
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.render.common import child, content_hash
from tenantproxy_operator.render.params import Params

CONFIG_KEY: Final = "config.json"


def config_map_name(params: Params) -> str:
    """Return the ConfigMap's name: a changed configuration is another ConfigMap, and rolls the Deployment."""
    return hashed_child_name(params.resource.metadata.name, content_hash(_data(params)), params.component)


def render_config_map(params: Params) -> Manifest:
    """Return the ConfigMap with the tenant's `config.json`; it holds no secret."""
    return child(kinds.CONFIG_MAP, params, name=config_map_name(params), immutable=True, data=_data(params))


def _data(params: Params) -> dict[str, str]:
    return {CONFIG_KEY: params.config_json}
