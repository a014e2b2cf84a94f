"""The ConfigMap with the time until which a tenant's proxies write debug lines; see `controller.debugging`.

It is no child, by whose labels the operator follows children: there is one only now and then.
"""

from typing import Final

from tenantproxy_operator.api.names import API_VERSION, KIND, debug_name
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Manifest

DEBUG_KEY: Final = "until"


def render_debug_config_map(owner: Key, uid: str, until: str) -> Manifest:
    """Return it, for the TenantProxy with this uid."""
    reference = {"apiVersion": API_VERSION, "kind": KIND, "name": owner.name, "uid": uid}
    return {
        "apiVersion": kinds.CONFIG_MAP.api_version,
        "kind": kinds.CONFIG_MAP.kind,
        "metadata": {
            "name": debug_name(owner.name),
            "namespace": owner.namespace,
            "ownerReferences": [reference],
        },
        "data": {DEBUG_KEY: until},
    }
