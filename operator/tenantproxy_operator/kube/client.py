"""All reads and writes of Kubernetes objects, as the operator needs them."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tenantproxy.credentials.stores.secret import KEPT_FOR, TENANT_ID
from tenantproxy.kube.api import METADATA, METADATA_LIST, KubeError, StatusError, decoded
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.api.labels import INSTANCE
from tenantproxy_operator.api.names import API_VERSION, GROUP, KIND, OWN_PREFIX, PLURAL, VERSION
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.adoption import Entry, taken_over
from tenantproxy_operator.kube.kinds import Key, Kind, Manifest
from tenantproxy_operator.kube.objects import FIELD_MANAGER, Metadata, Partial, SecretContent
from tenantproxy_operator.kube.workloads import Deployment, ReplicaSet

TENANT_PROXY: Final = Kind(api_version=API_VERSION, kind=KIND, plural=PLURAL)
EVENT: Final = Kind(api_version="events.k8s.io/v1", kind="Event", plural="events")

_OPENAPI: Final = f"/openapi/v3/apis/{GROUP}/{VERSION}"
"""Where the API server publishes the schema; every client that it knows may read that, unlike the CRD itself."""

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_PAGE: Final = 500
"""Objects in one answer to a list of metadata."""
_WHOLE_PAGE: Final = 250
"""The same for whole TenantProxies, which have several KiB each."""
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"
_STRATEGIC_MERGE: Final = "application/strategic-merge-patch+json"
NEVER: Final = "1"
"""A resource version that no object has: applying with it creates an object, or is a conflict where one exists."""
_LONGEST_NOTE: Final = 1024
"""Bytes of an Event's note: the API server's limit."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class _Resource(msgspec.Struct):
    name: str


class _ResourceList(msgspec.Struct):
    resources: list[_Resource] = []


class _GroupVersionKind(msgspec.Struct):
    kind: str


class _Component(msgspec.Struct):
    kinds: list[_GroupVersionKind] = msgspec.field(default=[], name="x-kubernetes-group-version-kind")
    properties: dict[str, Any] = {}


class _Components(msgspec.Struct):
    schemas: dict[str, _Component]


class _OpenAPI(msgspec.Struct):
    components: _Components


class _ManagedMetadata(msgspec.Struct, rename="camel"):
    resource_version: str
    managed_fields: list[Entry] = []


class _Managed(msgspec.Struct):
    metadata: _ManagedMetadata


class Cluster:
    """The calls for the kinds that the operator knows. All raise KubeError."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def serves(self, kind: Kind) -> bool:
        """Tell whether the API server serves a kind."""
        answer = await self._get(kind.root)
        if answer is None:
            return False
        return any(resource.name == kind.plural for resource in decoded(answer, _ResourceList).resources)

    async def read_schema(self, tag: str) -> tuple[str, ServedSchema] | None:
        """Return the schema of TenantProxies, and the tag of this version of it; None where it still has `tag`."""
        answer = await self._client.read_if_changed(_OPENAPI, tag)
        if answer is None:
            return None
        tag, document = answer
        for component in decoded(document, _OpenAPI).components.schemas.values():
            if any(each.kind == KIND for each in component.kinds):
                return tag, ServedSchema.of({"properties": component.properties})
        raise StatusError(_NOT_FOUND, "NotFound", "the OpenAPI document has no schema of TenantProxies")

    async def find(self, kind: Kind, key: Key) -> Metadata | None:
        """Return an object's metadata; None where there is no such object."""
        answer = await self._get(kind.path(key.namespace, key.name), accept=METADATA)
        return None if answer is None else decoded(answer, Partial).metadata

    async def read(self, kind: Kind, key: Key) -> Manifest | None:
        """Return a whole object; None where there is no such object."""
        answer = await self._get(kind.path(key.namespace, key.name))
        return None if answer is None else decoded(answer, Manifest)

    async def replica_sets(self, namespace: str, labels: Mapping[str, str]) -> list[ReplicaSet]:
        """Return the ReplicaSets with these labels."""
        selector = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
        pages = self._client.pages(kinds.REPLICA_SET.path(namespace), query=selector, size=_WHOLE_PAGE)
        return [decoded(item, ReplicaSet) async for page in pages for item in page.items or ()]

    async def mounted_config_maps(self, deployment: Key) -> frozenset[str]:
        """Return which ConfigMaps the pods of a Deployment's present template mount."""
        answer = await self._get(kinds.DEPLOYMENT.path(deployment.namespace, deployment.name))
        return frozenset() if answer is None else decoded(answer, ReplicaSet).config_maps

    async def apply(self, kind: Kind, manifest: Manifest, *, manager: str = FIELD_MANAGER) -> Deployment | Partial:
        """Apply a manifest by server-side apply, forced on conflicts of fields; return the object.

        See "Server-Side Apply" in Kubernetes' API concepts.
        """
        metadata = manifest["metadata"]
        whole = kind is kinds.DEPLOYMENT
        answer = await self._client.request(
            "PATCH",
            kind.path(metadata["namespace"], metadata["name"]),
            query={"fieldManager": manager, "force": "true", "fieldValidation": "Strict"},
            body=_encode(manifest),
            content_type=_APPLY,
            accept="application/json" if whole else METADATA,
        )
        if whole:
            return decoded(answer, Deployment)
        return decoded(answer, Partial)

    async def create(self, kind: Kind, manifest: Manifest) -> Metadata | None:
        """Create an object; None where one of that name exists."""
        try:
            answer = await self._client.request(
                "POST",
                kind.path(manifest["metadata"]["namespace"]),
                query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
                body=_encode(manifest),
                accept=METADATA,
            )
        except StatusError as error:
            if error.status == _CONFLICT:
                return None
            raise
        return decoded(answer, Partial).metadata

    async def delete(self, kind: Kind, key: Key, uid: str) -> None:
        """Delete the object with this uid, if it still exists; another one of the same name stays."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        options["propagationPolicy"] = "Background"
        try:
            await self._client.request("DELETE", kind.path(key.namespace, key.name), body=_encode(options))
        except StatusError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise

    async def read_secret(self, key: Key) -> SecretContent | None:
        """Return a Secret with its data; None where there is none."""
        answer = await self._get(kinds.SECRET.path(key.namespace, key.name))
        return None if answer is None else decoded(answer, SecretContent)

    async def take_over(self, kind: Kind, key: Key, version: str) -> str:
        """Make the fields that kubectl has applied ours (see `adoption`); return what became of `version`."""
        answer = await self._get(kind.path(key.namespace, key.name), accept=METADATA)
        if answer is None:
            return version
        metadata = decoded(answer, _Managed).metadata
        fields = taken_over(metadata.managed_fields)
        if fields == metadata.managed_fields:
            return version
        change = [
            {"op": "replace", "path": "/metadata/managedFields", "value": fields},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata.resource_version},
        ]
        answer = await self._client.request(
            "PATCH",
            kind.path(key.namespace, key.name),
            query={"fieldManager": FIELD_MANAGER},
            body=_encode(change),
            content_type=_JSON_PATCH,
            accept=METADATA,
        )
        unchanged = version == metadata.resource_version
        return decoded(answer, Partial).metadata.resource_version if unchanged else version

    async def keep_secret(self, seen: Metadata, *, name: str, tenant_id: str) -> Metadata:
        """Have a Secret, as it was seen, outlive the TenantProxy of this name, its owner; see `stores.secret`."""
        change: Manifest = {
            "resourceVersion": seen.resource_version,
            "labels": {INSTANCE: None, KEPT_FOR: name},
            "annotations": {TENANT_ID: tenant_id},
        }
        if seen.owner is not None:
            change["ownerReferences"] = [{"$patch": "delete", "uid": seen.owner.uid}]
        answer = await self._client.request(
            "PATCH",
            kinds.SECRET.path(seen.namespace, seen.name),
            query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
            body=_encode({"metadata": change}),
            content_type=_STRATEGIC_MERGE,
            accept=METADATA,
        )
        return decoded(answer, Partial).metadata

    async def write_status(self, key: Key, status: Manifest) -> bytes | None:
        """Make `status` the whole status of a TenantProxy; return the object, None where it is gone."""
        manifest = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": key.name, "namespace": key.namespace},
            "status": status,
        }
        try:
            return await self._client.request(
                "PATCH",
                f"{TENANT_PROXY.path(key.namespace, key.name)}/status",
                query={"fieldManager": FIELD_MANAGER, "force": "true"},
                body=_encode(manifest),
                content_type=_APPLY,
            )
        except StatusError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def post_event(self, key: Key, uid: str, *, warning: bool, reason: str, note: str) -> None:
        """Post a Kubernetes Event about a TenantProxy."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        event = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{key.name}.{secrets.token_hex(8)}", "namespace": key.namespace},
            "eventTime": now,
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": "Reconcile",
            "note": note.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
            "reportingController": f"{OWN_PREFIX}{FIELD_MANAGER}",
            "reportingInstance": FIELD_MANAGER,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": key.namespace,
                "name": key.name,
                "uid": uid,
            },
        }
        await self._client.request("POST", EVENT.path(key.namespace), body=_encode(event))

    async def lives(self, key: Key, uid: str) -> bool:
        """Tell whether a TenantProxy is there, and is not being deleted."""
        selector = {"fieldSelector": f"metadata.name={key.name}"}
        try:
            found = [metadata async for metadata in self.tenant_proxies(key.namespace, selector)]
        except StatusError as error:
            if error.status == _NOT_FOUND:  # the kind itself is gone
                return False
            raise
        return any(metadata.uid == uid and metadata.deletion_timestamp is None for metadata in found)

    async def whole_tenant_proxies(self, namespace: str | None) -> AsyncIterator[Manifest]:
        """Yield all TenantProxies, of one namespace or of all (None), but those that can't be read."""
        async for page in self._client.pages(TENANT_PROXY.path(namespace), query={}, size=_WHOLE_PAGE):
            for item in page.items or ():
                try:
                    body = decoded(item, Manifest)
                except KubeError:
                    continue
                yield body

    async def tenant_proxies(
        self, namespace: str | None, selector: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[Metadata]:
        """Yield the metadata of all TenantProxies, of one namespace or of all (None)."""
        pages = self._client.pages(TENANT_PROXY.path(namespace), query=selector, accept=METADATA_LIST, size=_PAGE)
        async for page in pages:
            for item in page.items or ():
                yield decoded(item, Partial).metadata

    async def _get(self, path: str, accept: str = "application/json") -> bytes | None:
        """Return the object at a path; None where there is none."""
        try:
            return await self._client.request("GET", path, accept=accept)
        except StatusError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
