"""Write one child: create or apply it, adopt it, or say why it can't be what it shall be."""

from collections.abc import Mapping
from typing import Final

from tenantproxy.kube.api import KubeError, StatusError, UnreachableError
from tenantproxy_operator.cache.children import Child, ChildName, Children, child_of
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.controller.applied_state import manifest_hash
from tenantproxy_operator.controller.apply_result import ChildResult, Failure
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import NEVER, Cluster
from tenantproxy_operator.kube.kinds import Key, Kind, Manifest
from tenantproxy_operator.kube.objects import ADOPT, FIELD_MANAGER, MANIFEST_HASH, Metadata, Partial, SecretContent
from tenantproxy_operator.metrics import Metrics

_SCALE_MANAGER: Final = f"{FIELD_MANAGER}-scale"
_KINDS: Final = {kind.plural: kind for kind in kinds.CHILDREN}
_EXISTS: Final = "Conflict"
"""The reason of the error where an object of the name is there."""
_INVALID: Final = 422
_REFUSALS: Final = frozenset({400, 403, 404, 405, 413, 415, 422})
"""Statuses that mean that the API server understood, and does not want it."""


class ChildWriter:
    """Writes a child."""

    def __init__(self, cluster: Cluster, children: Children, secrets: SecretVersions, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._secrets = secrets
        self._metrics = metrics

    async def apply(
        self,
        tenant: Tenant,
        name: ChildName,
        manifest: Manifest,
        child: Child | None,
        trusted: Mapping[ChildName, bytes],
        *,
        version: str = "",
    ) -> ChildResult:
        """Make one child what its manifest says; leave it alone where it is another's.

        `version` is the resource version that it must still have, if any.
        """
        kind = _KINDS[name[0]]
        if child is not None and not child.belongs_to(tenant.uid):
            return ChildResult(name=name, foreign=True, failure=_conflict(kind, name[1], child, tenant.key))
        if child is not None and is_right(child, manifest, trusted.get(name)):
            return ChildResult(name=name, owned=child.owned_fields_digest)
        key = Key(tenant.key.namespace, name[1])
        try:
            with self._children.writing(kind, key):
                result = await self._write(tenant.key, kind, name, _with_hash(manifest), child, version)
        except KubeError as error:
            try:
                existing = await self._in_the_way(tenant, kind, manifest, child, error)
            except KubeError as final:
                return self.failed(kind, name, final)
            return await self.apply(tenant, name, manifest, existing, trusted)
        self._metrics.applied(kind.kind, "success")
        return result

    async def apply_secret(
        self,
        tenant: Tenant,
        name: ChildName,
        manifest: Manifest,
        trusted: Mapping[ChildName, bytes],
        seen: SecretContent | None,
        *,
        create: bool,
    ) -> ChildResult:
        """Make the Secret what its manifest says; one of the user's own making is left as it is.

        So is one that is not known to be empty, in the version that was `seen`: it must not be owned again.
        """
        child = self._children.of(tenant.key).get(name)
        exists = self._secrets[Key(tenant.key.namespace, name[1])] is not None
        is_users_own = exists if child is None else not child.belongs_to(tenant.uid)
        if is_users_own:
            return ChildResult(name=name, foreign=True)
        if not create if child is None else seen is None or seen.data:
            return ChildResult(name=name)
        version = seen.metadata.resource_version if seen else ""
        return await self.apply(tenant, name, manifest, child, trusted, version=version)

    async def keep_secret(self, tenant: Tenant, seen: Metadata, tenant_id: str) -> list[ChildResult]:
        """Have a Secret that we made, and that is empty no more, outlive the tenant; the watch tells the rest.

        The tenant's proxy does so itself when it sets a credential; this is for those that others set.
        """
        name = (kinds.SECRET.plural, seen.name)
        child = self._children.of(tenant.key).get(name)
        if child is None or not child.belongs_to(tenant.uid) or (seen.owner and seen.owner.uid != tenant.uid):
            return []
        try:
            kept = await self._cluster.keep_secret(seen, name=tenant.key.name, tenant_id=tenant_id)
        except KubeError as error:
            return [self.failed(kinds.SECRET, name, error)]
        self._children.put(kinds.SECRET, Partial(kept), own=True)
        self._metrics.applied(kinds.SECRET.kind, "success")
        return []

    async def delete(self, tenant: Tenant, name: ChildName, uid: str) -> None:
        """Delete one child, if it is still this object. Raises KubeError."""
        kind = _KINDS[name[0]]
        await self._cluster.delete(kind, Key(tenant.key.namespace, name[1]), uid)
        self._children.drop(kind, tenant.key, name[1])
        self._metrics.applied(kind.kind, "deleted")

    async def _in_the_way(
        self, tenant: Tenant, kind: Kind, manifest: Manifest, child: Child | None, error: KubeError
    ) -> Child | None:
        """Return what a failed write has to be tried again with; None: with nothing in its place.

        That is what was in the way of a new child, and lacks our labels, so that no watch tells. A child whose
        content is not that of its name can't be corrected, and is deleted.

        Raises:
            KubeError: It need not be tried again.

        """
        key = Key(tenant.key.namespace, manifest["metadata"]["name"])
        if child is None and isinstance(error, StatusError) and error.reason == _EXISTS:
            found = await self._cluster.find(kind, key)
            if found is not None:
                return child_of(found, tenant.key.name)
        if child is not None and kind.hashed and isinstance(error, StatusError) and error.status == _INVALID:
            there = await self._cluster.read(kind, key)
            if there is not None and there.get("data") != manifest["data"]:
                await self.delete(tenant, (kind.plural, key.name), child.uid)
                return None
        raise error

    def failed(self, kind: Kind, name: ChildName, error: KubeError) -> ChildResult:
        """Return what it means that a call about a child failed."""
        self._metrics.applied(kind.kind, metric_result(error))
        failure = Failure(
            kind.kind,
            name[1],
            error.message if isinstance(error, StatusError) else str(error),
            "refused" if isinstance(error, StatusError) and _is_refusal(error) else "failed",
            error.retry_after or 0.0,
        )
        unreachable = error if isinstance(error, UnreachableError) else None
        return ChildResult(name=name, failure=failure, unreachable=unreachable)

    async def _write(
        self, tenant: Key, kind: Kind, name: ChildName, manifest: Manifest, child: Child | None, version: str
    ) -> ChildResult:
        """Write a child."""
        if kind is kinds.SECRET and child is None:
            # Not applied: that would take over a Secret which the user makes at the same moment.
            created = await self._cluster.create(kind, manifest)
            if created is None:
                return ChildResult(name=name)
            if self._children.put(kind, Partial(created), own=True):
                self._secrets.put(created)
            return ChildResult(name=name, owned=created.owned_fields_digest, created=created)
        adopts = child is not None and child.adoptable and not child.owner_uid
        if adopts:
            version = await self._cluster.take_over(kind, Key(tenant.namespace, name[1]), version)
        if kind is kinds.DEPLOYMENT and child is not None and (child.owns_replicas or adopts):
            await self._hand_over_replicas(tenant, manifest)
        # So that it is this object, and not another one that has come in its place; or a new one.
        precondition = {"resourceVersion": NEVER} if child is None else {"uid": child.uid}
        if version:
            precondition["resourceVersion"] = version
        manifest = manifest | {"metadata": manifest["metadata"] | precondition}
        applied = await self._cluster.apply(kind, manifest)
        self._children.put(kind, applied, own=True)
        return ChildResult(name=name, owned=applied.metadata.owned_fields_digest)

    async def _hand_over_replicas(self, tenant: Key, manifest: Manifest) -> None:
        """Let another manager own the number of replicas before we give it up for an autoscaler.

        Else the API server would set it to its default of 1, until the autoscaler has looked. See "Transferring
        ownership between managers" in Kubernetes' documentation of server-side apply.
        """
        if "replicas" in manifest["spec"]:
            return
        metadata = manifest["metadata"]
        rollout = self._children.rollout_of(tenant)
        if rollout is not None:
            scale = {
                "apiVersion": manifest["apiVersion"],
                "kind": manifest["kind"],
                "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
                "spec": {"replicas": rollout.wanted},
            }
            await self._cluster.apply(kinds.DEPLOYMENT, scale, manager=_SCALE_MANAGER)


def name_of(manifest: Manifest) -> ChildName:
    """Return the kind and name of the child that a manifest is of."""
    kind = kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]]
    return kind.plural, manifest["metadata"]["name"]


def is_right(child: Child | None, manifest: Manifest, trusted: bytes | None) -> bool:
    """Tell whether a child is as its manifest says; `trusted` is what we owned of it after our last write."""
    return (
        child is not None
        and child.owned_fields_digest == trusted
        and child.manifest_hash == manifest_hash(manifest)
    )


def _with_hash(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {MANIFEST_HASH: manifest_hash(manifest)}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


def _conflict(kind: Kind, name: str, child: Child, tenant: Key) -> Failure:
    if child.owner_is_tenant_proxy:  # as after a TenantProxy was deleted and recreated
        why = "belongs to another TenantProxy; wait until garbage collection has deleted it"
    else:
        why = "was not created by this operator; delete or rename it, or rename the TenantProxy"
        if child.labelled and not child.owner_uid:
            what = f"{kind.plural} {name} -n {tenant.namespace} {ADOPT}={tenant.name}"
            why += f", or have it adopted: kubectl annotate {what}"
    return Failure(kind.kind, name, why, "conflict", passes=child.owner_is_tenant_proxy)


def _is_refusal(error: StatusError) -> bool:
    # A field that the schema does not have, in what a spec carries verbatim, is answered 500.
    unknown_field = error.message.startswith("failed to create typed patch object")
    return error.status in _REFUSALS or unknown_field


def metric_result(error: KubeError) -> str:
    """Return how a metric calls a failure."""
    return str(error.status) if isinstance(error, StatusError) else "unreachable"
