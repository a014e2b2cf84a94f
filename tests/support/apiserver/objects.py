"""Objects as the API server sends them, decoded as the operator decodes them."""

import json
from typing import Any

import msgspec

from tenantproxy_operator.api.names import KIND
from tenantproxy_operator.kube.objects import FIELD_MANAGER, Partial
from tenantproxy_operator.kube.workloads import Control, Deployment

OWNER = "uid-of-the-owner"


def document(
    name: str = "acme-proxy",
    version: int = 1,
    *,
    owner: str | None = OWNER,
    owner_name: str = "acme",
    labelled: bool = True,
    written: bool = True,
    applied: str = "f:data",
    **metadata: Any,
) -> dict[str, Any]:
    """Return a child in JSON: `labelled` and `written` by us, of which we own the field `applied`."""
    labels = {"app.kubernetes.io/instance": "acme", "app.kubernetes.io/managed-by": FIELD_MANAGER}
    references = [{"apiVersion": "x/v1", "kind": KIND, "name": owner_name, "uid": owner, "controller": True}]
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "time": "t", "fieldsV1": {applied: {}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "tenants",
            "uid": f"uid-of-{name}",
            "resourceVersion": str(version),
            "labels": labels if labelled else {},
            "ownerReferences": references if owner else [],
            "managedFields": [entry] if written else [],
        }
        | metadata
    }


def partial(name: str = "acme-proxy", version: int = 1, **more: Any) -> Partial:
    """Return a child's metadata; see `document`."""
    return msgspec.json.decode(json.dumps(document(name, version, **more)), type=Partial)


def control(name: str, version: int = 1, *, spec: dict[str, Any], **more: Any) -> Control:
    """Return an autoscaler or disruption budget, by default nobody's; see `document`."""
    nobodys: dict[str, Any] = {"labelled": False, "written": False, "owner": None}
    whole = document(name, version, **nobodys | more) | {"spec": spec}
    return msgspec.json.decode(json.dumps(whole), type=Control)


def deployment(version: int = 1, *, ready: int = 0, wanted: int = 2, **more: Any) -> Deployment:
    """Return a Deployment, of whose proxies some are ready; see `document`."""
    whole = document("acme-proxy", version, **more)
    whole["spec"] = {"replicas": wanted}
    whole["status"] = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready}
    return msgspec.json.decode(json.dumps(whole), type=Deployment)
