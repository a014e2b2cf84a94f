"""Bring one tenant's children to what they shall be: apply what differs, leave alone what is another's, prune."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tenantproxy.kube.client import KubeError, StatusError, UnreachableError
from tenantproxy_operator.cache.children import Child, ChildName, Children, child_of
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.controller.applied_state import manifest_hash
from tenantproxy_operator.controller.apply_result import ApplyResult, Failure
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import NEVER, Cluster
from tenantproxy_operator.kube.kinds import Key, Kind, Manifest
from tenantproxy_operator.kube.objects import ADOPT, FIELD_MANAGER, MANIFEST_HASH, Metadata, Partial, SecretContent
from tenantproxy_operator.metrics import Metrics

_SCALE_MANAGER: Final = f"{FIELD_MANAGER}-scale"
_KINDS: Final = {kind.plural: kind for kind in kinds.CHILDREN}
_POD_KINDS: Final = (kinds.CONFIG_MAP, kinds.DEPLOYMENT)
_EXISTS: Final = "Conflict"
"""The reason of the error where an object of the name is there."""
_REFUSALS: Final = frozenset({400, 403, 404, 405, 413, 415, 422})
"""Statuses that mean that the API server understood, and does not want it."""


class _ChildResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one child; nothing at all: it was left as it is."""

    name: ChildName
    owned: bytes | None = None
    """What we own of it, now that it is as it shall be."""
    foreign: bool = False
    """Whether it has another owner, so that nothing of it is ours."""
    created: Metadata | None = None
    """A Secret that did not exist."""
    failure: Failure | None = None
    unreachable: UnreachableError | None = None


class ChildApplier:
    """Writes children."""

    def __init__(self, cluster: Cluster, children: Children, secrets: SecretVersions, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._secrets = secrets
        self._metrics = metrics

    async def apply_all(
        self,
        tenant: Tenant,
        manifests: Iterable[Manifest],
        trusted: Mapping[ChildName, bytes],
        *,
        tenant_id: str,
        create_secret: bool,
        secret: SecretContent | None = None,
        hold_pods: bool = False,
    ) -> ApplyResult:
        """Make the tenant's children what `manifests` say.

        `trusted` is what we owned of each after our last write; `create_secret`: whether a missing Secret is made;
        `secret` is the one with the credential, where it was read; `hold_pods`: leave the running pods, and what
        they read, as they are.

        A child that fails keeps none of the others from being written, unless the API server does not answer.
        """
        wanted = {_name_of(manifest): manifest for manifest in manifests}
        # An autoscaler that goes must not fight over the number of replicas that comes instead.
        results = await self._prune(tenant, wanted, only=kinds.AUTOSCALER)
        if secret is not None and secret.data:
            results += await self._keep_secret(tenant, secret.metadata, tenant_id)
        for name, manifest in wanted.items():
            if name[0] == kinds.SECRET.plural:
                result = await self._apply_secret(tenant, name, manifest, trusted, secret, create=create_secret)
            else:
                hold = hold_pods and _KINDS[name[0]] in _POD_KINDS
                child = self._children.of(tenant.key).get(name)
                result = await self._apply(tenant, name, manifest, child, trusted, hold=hold)
            results.append(result)
            if result.unreachable:
                return _total(wanted, trusted, results)
        results += await self._prune(tenant, wanted)
        results += self._kept_secrets(tenant, wanted)
        return _total(wanted, trusted, results)

    async def _apply_secret(
        self,
        tenant: Tenant,
        name: ChildName,
        manifest: Manifest,
        trusted: Mapping[ChildName, bytes],
        seen: SecretContent | None,
        *,
        create: bool,
    ) -> _ChildResult:
        """Make the Secret what its manifest says; one of the user's own making is left as it is.

        So is one that is not known to be empty, in the version that was `seen`: it must not be owned again.
        """
        child = self._children.of(tenant.key).get(name)
        exists = self._secrets[Key(tenant.key.namespace, name[1])] is not None
        is_users_own = exists if child is None else not child.belongs_to(tenant.uid)
        if is_users_own:
            return _ChildResult(name=name, foreign=True)
        if not create if child is None else seen is None or seen.data:
            return _ChildResult(name=name)
        version = seen.metadata.resource_version if seen else ""
        return await self._apply(tenant, name, manifest, child, trusted, hold=False, version=version)

    async def _keep_secret(self, tenant: Tenant, seen: Metadata, tenant_id: str) -> list[_ChildResult]:
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
            return [self._failed(kinds.SECRET, name, error)]
        self._children.put(kinds.SECRET, Partial(kept), own=True)
        self._metrics.applied(kinds.SECRET.kind, "success")
        return []

    async def _apply(
        self,
        tenant: Tenant,
        name: ChildName,
        manifest: Manifest,
        child: Child | None,
        trusted: Mapping[ChildName, bytes],
        *,
        hold: bool,
        version: str = "",
    ) -> _ChildResult:
        """Make one child what its manifest says; leave it alone where it is another's, or there and to be held.

        `version` is the resource version that it must still have, if any.
        """
        kind = _KINDS[name[0]]
        if child is not None and not child.belongs_to(tenant.uid):
            return _ChildResult(name=name, foreign=True, failure=_conflict(kind, name[1], child, tenant.key))
        if child is not None and hold:
            return _ChildResult(name=name)
        digest = manifest_hash(manifest)
        if child is not None and child.owned_fields_digest == trusted.get(name) and child.manifest_hash == digest:
            return _ChildResult(name=name, owned=child.owned_fields_digest)
        try:
            with self._children.writing(kind, Key(tenant.key.namespace, name[1])):
                result = await self._write(tenant.key, kind, name, _with_hash(manifest, digest), child, version)
        except KubeError as error:
            existing = await self._existing(tenant, kind, name[1], child, error)
            if isinstance(existing, KubeError):
                return self._failed(kind, name, existing)
            return await self._apply(tenant, name, manifest, existing, trusted, hold=hold)
        self._metrics.applied(kind.kind, "success")
        return result

    async def _existing(
        self, tenant: Tenant, kind: Kind, name: str, child: Child | None, error: KubeError
    ) -> Child | KubeError:
        """Return what was in the way of a new child, and lacks our labels, so no watch tells; or the error."""
        if child is None and isinstance(error, StatusError) and error.reason == _EXISTS:
            try:
                found = await self._cluster.find(kind, Key(tenant.key.namespace, name))
            except KubeError as another:
                return another
            if found is not None:
                return child_of(found, tenant.key.name)
        return error

    def _failed(self, kind: Kind, name: ChildName, error: KubeError) -> _ChildResult:
        self._metrics.applied(kind.kind, _metric_result(error))
        failure = Failure(
            kind.kind,
            name[1],
            error.message if isinstance(error, StatusError) else str(error),
            "refused" if isinstance(error, StatusError) and _is_refusal(error) else "failed",
            error.retry_after or 0.0,
        )
        unreachable = error if isinstance(error, UnreachableError) else None
        return _ChildResult(name=name, failure=failure, unreachable=unreachable)

    async def _write(
        self, tenant: Key, kind: Kind, name: ChildName, manifest: Manifest, child: Child | None, version: str
    ) -> _ChildResult:
        """Write a child."""
        if kind is kinds.SECRET and child is None:
            # Not applied: that would take over a Secret which the user makes at the same moment.
            created = await self._cluster.create(kind, manifest)
            if created is None:
                return _ChildResult(name=name)
            if self._children.put(kind, Partial(created), own=True):
                self._secrets.put(created)
            return _ChildResult(name=name, owned=created.owned_fields_digest, created=created)
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
        return _ChildResult(name=name, owned=applied.metadata.owned_fields_digest)

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

    async def _prune(
        self, tenant: Tenant, wanted: Mapping[ChildName, Any], *, only: Kind | None = None
    ) -> list[_ChildResult]:
        """Delete what is ours and no longer wanted, but no Secret."""
        results = []
        for name, child in list(self._children.of(tenant.key).items()):
            kind = _KINDS[name[0]]
            if (
                name in wanted
                or kind is kinds.SECRET
                or (only and kind is not only)
                or not child.belongs_to(tenant.uid)
            ):
                continue
            try:
                await self._cluster.delete(kind, Key(tenant.key.namespace, name[1]), child.uid)
            except KubeError as error:
                failure = Failure(kind.kind, name[1], f"can't be deleted: {error}", "failed")
                results.append(_ChildResult(name=name, failure=failure))
                self._metrics.applied(kind.kind, _metric_result(error))
            else:
                self._children.drop(kind, tenant.key, name[1])
                self._metrics.applied(kind.kind, "deleted")
        return results

    def _kept_secrets(self, tenant: Tenant, wanted: Mapping[ChildName, Any]) -> list[_ChildResult]:
        """Return the Secrets that are no longer wanted: they may hold what a tenant's admin has set."""
        return [
            _ChildResult(name=name, owned=child.owned_fields_digest)
            for name, child in self._children.of(tenant.key).items()
            if name not in wanted and name[0] == kinds.SECRET.plural and child.belongs_to(tenant.uid)
        ]


def _total(
    wanted: Mapping[ChildName, Any], trusted: Mapping[ChildName, bytes], results: Sequence[_ChildResult]
) -> ApplyResult:
    """Return what came of all children together."""
    owned = {name: digest for name, digest in trusted.items() if name in wanted}
    for result in results:
        if result.owned is not None:
            owned[result.name] = result.owned
        elif result.foreign:
            owned.pop(result.name, None)
    return ApplyResult(
        children=owned,
        created_secret=next((result.created for result in results if result.created), None),
        failures=tuple(result.failure for result in results if result.failure),
        unreachable=next((result.unreachable for result in results if result.unreachable), None),
    )


def _name_of(manifest: Manifest) -> ChildName:
    kind = kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]]
    return kind.plural, manifest["metadata"]["name"]


def _with_hash(manifest: Manifest, digest: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {MANIFEST_HASH: digest}
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


def _metric_result(error: KubeError) -> str:
    return str(error.status) if isinstance(error, StatusError) else "unreachable"
