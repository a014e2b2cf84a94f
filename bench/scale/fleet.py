"""The fleet: identical TenantProxies, and the calls that reconcile one of them."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.names import API_VERSION, KIND
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.controller.applied_state import manifest_hash
from tenantproxy_operator.controller.pod_revision import with_revision
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import FIELD_MANAGER, MANIFEST_HASH
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings

PER_NAMESPACE: Final = 500
"""TenantProxies in one namespace. The API server looks through all RoleBindings of a namespace again and again: of
10,000 in a single one it would spend half of its time on that, for the operator and for the floor alike."""
CREATORS: Final = 16
"""How many TenantProxies are created at once; as many as the operator reconciles at once."""
_NO_UID: Final = "00000000-0000-4000-8000-000000000000"
_APPLY: Final = "application/apply-patch+yaml"
_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def key_of(index: int) -> Key:
    """Return the namespace and name of a TenantProxy."""
    return Key(f"tenants-{index // PER_NAMESPACE}", f"t{index:05d}")


def keys(size: int) -> list[Key]:
    """Return those of a whole fleet."""
    return [key_of(index) for index in range(size)]


def manifest_of(key: Key) -> dict[str, Any]:
    """Return the manifest of a TenantProxy that has ten children: all kinds but the optional ones."""
    name = key.name
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": key.namespace},
        "spec": {
            "tenantId": f"CIR7nQwtS0rA6t0{name}",
            "upstream": {"url": f"https://{name}.oms.example/api/v1", "timeout": "5s"},
            "access": {"admins": {"emails": [f"hiiretail@{name}.example"]}},
            "autoscaling": {"minReplicas": 2, "maxReplicas": 4, "targetCPUUtilization": 70},
        },
    }


class Call(NamedTuple):
    """A request, as the operator makes it."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str
    accept: str

    async def send(self, client: KubeClient, uid: str) -> None:
        """Send it, for the TenantProxy with this uid. Raises KubeError."""
        await client.request(
            self.method,
            self.path,
            query=self.query,
            body=self.body.replace(_NO_UID.encode(), uid.encode()),
            content_type=self.content_type,
            accept=self.accept,
        )


def children_of(key: Key, uid: str) -> tuple[dict[str, Any], ...]:
    """Return the children of a TenantProxy, in the order in which the operator applies them."""
    manifest = manifest_of(key)
    manifest["metadata"]["uid"] = uid
    params = Params(resource=TenantProxy.model_validate(manifest), settings=Settings(), kinds=frozenset())
    return with_revision(render_children(params))


def calls_for(key: Key, status: dict[str, Any]) -> list[Call]:
    """Return the calls that write a TenantProxy's children and its status; `status` is that of any other."""
    return [*map(_child_call, children_of(key, _NO_UID)), _status_call(key, status)]


def _child_call(child: dict[str, Any]) -> Call:
    kind = kinds.BY_NAME[child["apiVersion"], child["kind"]]
    annotations = child["metadata"].get("annotations", {}) | {MANIFEST_HASH: manifest_hash(child)}
    body = _encode(child | {"metadata": child["metadata"] | {"annotations": annotations}})
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    key = Key(child["metadata"]["namespace"], child["metadata"]["name"])
    if kind is kinds.SECRET:
        return Call("POST", kind.path(key.namespace), query, body, "application/json", _METADATA)
    accept = "application/json" if kind is kinds.DEPLOYMENT else _METADATA
    return Call("PATCH", kind.path(*key), query | {"force": "true"}, body, _APPLY, accept)


def _status_call(key: Key, status: dict[str, Any]) -> Call:
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": _NO_UID},
        "status": status | {"endpoint": f"http://{key.name}-proxy.{key.namespace}.svc:8080"},
    }
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    path = f"{TENANT_PROXY.path(*key)}/status"
    return Call("PATCH", path, query, _encode(manifest), _APPLY, "application/json")


async def create(client: KubeClient, keys: Iterable[Key], created: Callable[[Key, str], None]) -> None:
    """Create TenantProxies, some at once; `created` is told the key and uid of each. Raises KubeError."""
    remaining = iter(keys)

    async def work() -> None:
        for key in remaining:
            body = json.dumps(manifest_of(key)).encode()
            answer = await client.request("POST", TENANT_PROXY.path(key.namespace), body=body)
            created(key, json.loads(answer)["metadata"]["uid"])

    async with asyncio.TaskGroup() as group:
        for _ in range(CREATORS):
            group.create_task(work())


async def count(client: KubeClient) -> dict[str, int]:
    """Return how many children there are of each kind. Raises KubeError."""
    return {kind.plural: await _count(client, kind) for kind in _own_kinds()}


def _own_kinds() -> Iterator[Kind]:
    return (kind for kind in kinds.CHILDREN if not kind.optional)


async def _count(client: KubeClient, kind: Kind) -> int:
    query = {"limit": "500", "labelSelector": f"app.kubernetes.io/managed-by={FIELD_MANAGER}"}
    accept = _METADATA.replace("Metadata;", "MetadataList;")
    found = 0
    token = ""
    while True:
        pages = query | ({"continue": token} if token else {})
        page = json.loads(await client.request("GET", kind.path(None), query=pages, accept=accept))
        found += len(page["items"] or ())
        token = page["metadata"].get("continue", "")
        if not token:
            return found


async def read(client: KubeClient, kind: Kind, key: Key) -> dict[str, Any]:
    """Return an object of the fleet. Raises KubeError."""
    found: dict[str, Any] = json.loads(await client.request("GET", kind.path(*key)))
    return found
