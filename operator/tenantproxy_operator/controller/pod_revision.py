"""What a tenant's pods were last released with, stored as a ControllerRevision. Pure.

A newer operator renders other manifests. While a tenant waits for its turn to get them, those of before are put
back from here, and no others: the revision is named by the hash of its content, and the status has the last one's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tenantproxy_operator.api.names import hashed_child_name
from tenantproxy_operator.cache.children import ChildName
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Manifest
from tenantproxy_operator.render.common import content_hash

_STORED: Final = (kinds.CONFIG_MAP, kinds.DEPLOYMENT)
_KINDS: Final = {kind.kind for kind in _STORED}


def with_revision(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return a tenant's rendered children, and before its Deployments the revision: what pods are made of."""
    stored = [manifest for manifest in manifests if manifest["kind"] in _KINDS]
    deployment = next(manifest for manifest in stored if manifest["kind"] == kinds.DEPLOYMENT.kind)
    data = {"manifests": stored}
    metadata = deployment["metadata"] | {"name": f"{deployment['metadata']['name']}-{content_hash(data)}"}
    kind = kinds.CONTROLLER_REVISION
    revision = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata,
        "revision": 1,  # its name says which one it is
        "data": data,
    }
    place = manifests.index(deployment)
    return (*manifests[:place], revision, *manifests[place:])


def revision_name(tenant: Key, content: str) -> ChildName:
    """Return the revision with this hash of its content."""
    return kinds.CONTROLLER_REVISION.plural, hashed_child_name(tenant.name, content)


def revision_hash(manifests: Iterable[Manifest]) -> str:
    """Return the hash in the name of the revision among a tenant's children."""
    (name,) = (
        manifest["metadata"]["name"]
        for manifest in manifests
        if manifest["kind"] == kinds.CONTROLLER_REVISION.kind
    )
    return str(name).rpartition("-")[2]


def stored_manifests(stored: Mapping[str, Any], content: str) -> tuple[Manifest, ...]:
    """Return what a revision stores, in the order in which it is applied; nothing where that is not its content.

    Whoever can make ControllerRevisions must not have the operator make Deployments of their choice.
    """
    data = stored.get("data")
    if not isinstance(data, dict) or content_hash(data) != content:
        return ()
    return tuple(data["manifests"])
