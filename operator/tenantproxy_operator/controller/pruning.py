"""Delete the earlier ConfigMaps of a tenant that no pod needs any more; `retention` says which those are."""

import logging

from tenantproxy.kube.api import KubeError
from tenantproxy_operator.api.labels import selector
from tenantproxy_operator.api.names import COMPONENTS, child_name, component_of
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.controller.child_writer import ChildWriter
from tenantproxy_operator.controller.retention import needed_config_maps
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key

_log = logging.getLogger(__name__)


async def prune_config_maps(
    cluster: Cluster, children: Children, writer: ChildWriter, tenant: Tenant, wanted: frozenset[str]
) -> None:
    """Delete all but `wanted` and those that pods need; what fails is left for the next time, and logged."""
    namespace = tenant.key.namespace
    there = {
        name: child
        for (plural, name), child in children.of(tenant.key).items()
        if plural == kinds.CONFIG_MAP.plural and child.belongs_to(tenant.uid)
    }
    components = {component_of(name) for name in there}
    try:
        needed = wanted
        for component in filter(components.__contains__, COMPONENTS):
            mounted = await cluster.mounted_config_maps(Key(namespace, child_name(tenant.key.name, component)))
            replica_sets = await cluster.replica_sets(namespace, selector(tenant.key.name, component=component))
            needed |= needed_config_maps(replica_sets) | mounted
        for name in there.keys() - needed:
            await writer.delete(tenant, (kinds.CONFIG_MAP.plural, name), there[name].uid)
    except KubeError as error:
        _log.warning("%s: earlier ConfigMaps can't be deleted: %s", tenant.key, error)
