"""What the children have in common: their names, their labels, and their owner."""

import hashlib
from typing import Any, Final

import msgspec

from tenantproxy_operator.api import names
from tenantproxy_operator.api.labels import labels, selector
from tenantproxy_operator.api.names import API_VERSION, KIND
from tenantproxy_operator.kube.kinds import Kind, Manifest
from tenantproxy_operator.kube.objects import ADOPT
from tenantproxy_operator.render.params import Params

API_PORT: Final = 8080
ADMIN_PORT: Final = 9090
API_PORT_NAME: Final = "http"
ADMIN_PORT_NAME: Final = "metrics"
METRICS_PATH: Final = "/metrics"


def child_name(params: Params) -> str:
    """Return the name of a component's children but the Secret, and those that are named by their content."""
    return names.child_name(params.resource.metadata.name, params.component)


def content_hash(content: Manifest) -> str:
    """Return the hash in the name of a child with this content."""
    encoded = msgspec.json.encode(content, order="sorted")
    return hashlib.blake2b(encoded, digest_size=names.CONTENT_HASH_BYTES).hexdigest()


def child(kind: Kind, params: Params, *, name: str | None = None, **content: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Return a child with this content beside its metadata, named `name` or like most of them."""
    metadata = _metadata(params, name or child_name(params))
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content}


def pod_selector(params: Params) -> dict[str, str]:
    """Return the labels that select the pods of a component."""
    return selector(params.resource.metadata.name, component=params.component)


def _metadata(params: Params, name: str) -> Manifest:
    owner = params.resource.metadata
    metadata: Manifest = {
        "name": name,
        "namespace": owner.namespace,
        "labels": labels(owner.name, component=params.component),
    }
    if owner.uid is None:
        # Printed, to be applied by others: once the TenantProxy is, the operator may take over what is there.
        return metadata | {"annotations": {ADOPT: owner.name}}
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        # True would hold up a foreground deletion, and needs the right to update the owner's finalizers.
        "blockOwnerDeletion": False,
    }
    return metadata | {"ownerReferences": [reference]}
