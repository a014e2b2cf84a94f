"""Bring one tenant's children to what they shall be: apply what differs, leave alone what is another's, prune."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from tenantproxy.kube.client import KubeError, StatusError, UnreachableError
from tenantproxy_operator.cache.children import Child, ChildName, Children, child_of
from tenantproxy_operator.cache.secrets import Secrets
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import NEVER, Cluster
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import FIELD_MANAGER, MANIFEST_HASH, Metadata, Partial
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.render.common import Manifest

_SCALE_MANAGER: Final = f"{FIELD_MANAGER}-scale"
_KINDS: Final = {kind.plural: kind for kind in kinds.CHILDREN}
_POD_KINDS: Final = (kinds.CONFIG_MAP, kinds.DEPLOYMENT)
_EXISTS: Final = "Conflict"
"""The reason of the error where an object of the name is there."""
_REFUSALS: Final = frozenset({400, 403, 404, 405, 413, 415, 422})
"""Statuses that mean that the API server understood, and does not want it."""


class Failure(msgspec.Struct, frozen=True):
    """Why a child is not as it shall be."""

    kind: str
    name: str
    error: str


class Outcome(msgspec.Struct):
    """What came of it."""

    applied: dict[ChildName, bytes] = {}
    """What we own of each child that is as it shall be."""
    created_secret: Metadata | None = None
    """The Secret that did not exist; it is empty."""
    conflicts: list[Failure] = []
    """Objects of a child's name that belong to somebody else."""
    refused: list[Failure] = []
    """What the API server does not accept."""
    failed: list[Failure] = []
    """What may go well the next time."""
    retry_after: float = 0.0
    """Seconds that the API server asked for before the next try."""
    unreachable: UnreachableError | None = None
    """Set where the API server did not answer, and the rest was left."""


class Ensurer:
    """Writes children."""

    def __init__(self, cluster: Cluster, children: Children, secrets: Secrets, metrics: Metrics) -> None:
        self._cluster = cluster
        self._children = children
        self._secrets = secrets
        self._metrics = metrics

    async def ensure(
        self,
        tenant: Tenant,
        manifests: Iterable[Manifest],
        trusted: Mapping[ChildName, bytes],
        *,
        create_secret: bool,
        hold_pods: bool = False,
    ) -> Outcome:
        """Make the tenant's children what `manifests` say.

        `trusted` is what we owned of each after our last write; `create_secret`: whether a missing Secret is made;
        `hold_pods`: leave the running pods, and what they read, as they are.

        A child that fails keeps none of the others from being written, unless the API server does not answer.
        """
        outcome = Outcome()
        wanted: dict[ChildName, Manifest] = {}
        for manifest in manifests:
            kind = kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]]
            wanted[kind.plural, manifest["metadata"]["name"]] = manifest
        outcome.applied = {name: ours for name, ours in trusted.items() if name in wanted}
        # An autoscaler that goes must not fight over the number of replicas that comes instead.
        await self._prune(tenant, wanted, outcome, only=kinds.AUTOSCALER)
        for name, manifest in wanted.items():
            child = self._children.of(tenant.key).get(name)
            if name[0] == kinds.SECRET.plural:
                if self._is_users_own(tenant, name[1], child):
                    outcome.applied.pop(name, None)
                    continue
                if child is None and not create_secret:
                    continue
            hold = hold_pods and _KINDS[name[0]] in _POD_KINDS
            await self._ensure(tenant, name, manifest, child, trusted.get(name), outcome, hold=hold)
            if outcome.unreachable:
                return outcome
        await self._prune(tenant, wanted, outcome)
        for name, child in self._children.of(tenant.key).items():
            if name not in wanted and name[0] == kinds.SECRET.plural and child.belongs_to(tenant.uid):
                outcome.applied[name] = (
                    child.owned_fields_digest
                )  # kept: it may hold what a tenant's admin has set
        return outcome

    async def _ensure(
        self,
        tenant: Tenant,
        name: ChildName,
        manifest: Manifest,
        child: Child | None,
        trusted: bytes | None,
        outcome: Outcome,
        *,
        hold: bool,
    ) -> None:
        """Make one child what its manifest says; leave it alone where it is another's, or there and to be held."""
        kind = _KINDS[name[0]]
        if child is not None and not child.belongs_to(tenant.uid):
            _refuse_foreign(kind, name[1], child, outcome)
            return
        if child is not None and hold:
            return
        digest = manifest_hash(manifest)
        if child is not None and child.owned_fields_digest == trusted and child.manifest_hash == digest:
            outcome.applied[name] = child.owned_fields_digest
            return
        try:
            ours = await self._write(tenant.key, kind, _with_hash(manifest, digest), child, outcome)
        except KubeError as error:
            existing = await self._existing(kind, Key(tenant.key.namespace, name[1]), child, error)
            if isinstance(existing, KubeError):
                self._fail(kind, name[1], existing, outcome)
            else:
                await self._ensure(tenant, name, manifest, existing, trusted, outcome, hold=hold)
            return
        self._metrics.applied(kind.kind, "success")
        if ours is not None:
            outcome.applied[name] = ours

    async def _existing(self, kind: Kind, key: Key, child: Child | None, error: KubeError) -> Child | KubeError:
        """Return what was in the way of a new child, and lacks our labels, so no watch tells; or the error."""
        if child is None and isinstance(error, StatusError) and error.reason == _EXISTS:
            try:
                found = await self._cluster.find(kind, key)
            except KubeError as another:
                return another
            if found is not None:
                return child_of(found)
        return error

    def _fail(self, kind: Kind, name: str, error: KubeError, outcome: Outcome) -> None:
        refused = isinstance(error, StatusError) and _is_refusal(error)
        said = error.message if isinstance(error, StatusError) else str(error)
        (outcome.refused if refused else outcome.failed).append(Failure(kind.kind, name, said))
        self._metrics.applied(kind.kind, _result(error))
        outcome.retry_after = max(outcome.retry_after, error.retry_after or 0.0)
        if isinstance(error, UnreachableError):
            outcome.unreachable = error

    def _is_users_own(self, tenant: Tenant, secret: str, child: Child | None) -> bool:
        """Tell whether a Secret is of the user's own making: never changed, owned or deleted."""
        if child is not None:
            return not child.belongs_to(tenant.uid)
        return self._secrets[Key(tenant.key.namespace, secret)] is not None

    async def _write(
        self, tenant: Key, kind: Kind, manifest: Manifest, child: Child | None, outcome: Outcome
    ) -> bytes | None:
        """Write a child; return what we own of it, None where somebody else was faster."""
        if kind is kinds.SECRET and child is None:
            # Not applied: that would take over a Secret which the user makes at the same moment.
            created = await self._cluster.create(kind, manifest)
            if created is None:
                return None
            outcome.created_secret = created
            self._secrets.put(created)
            self._children.put(kind, Partial(created), own=True)
            return created.ours
        if kind is kinds.DEPLOYMENT and child is not None and child.owns_replicas:
            await self._hand_over_replicas(tenant, manifest)
        # So that it is this object, and not another one that has come in its place; or a new one.
        precondition = {"resourceVersion": NEVER} if child is None else {"uid": child.uid}
        manifest = manifest | {"metadata": manifest["metadata"] | precondition}
        applied = await self._cluster.apply(kind, manifest)
        self._children.put(kind, applied, own=True)
        return applied.metadata.ours

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
        self, tenant: Tenant, wanted: Mapping[ChildName, Any], outcome: Outcome, *, only: Kind | None = None
    ) -> None:
        """Delete what is ours and no longer wanted, but no Secret."""
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
                outcome.failed.append(Failure(kind.kind, name[1], f"can't be deleted: {error}"))
                self._metrics.applied(kind.kind, _result(error))
            else:
                self._children.drop(kind, tenant.key, name[1])
                self._metrics.applied(kind.kind, "deleted")


def manifest_hash(manifest: Manifest) -> str:
    """Return a hash of a manifest's content."""
    content = msgspec.json.encode(manifest, order="sorted")
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _with_hash(manifest: Manifest, digest: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations", {}) | {MANIFEST_HASH: digest}
    return manifest | {"metadata": metadata | {"annotations": annotations}}


def _refuse_foreign(kind: Kind, name: str, child: Child, outcome: Outcome) -> None:
    outcome.applied.pop((kind.plural, name), None)
    if child.owner_is_tenant_proxy:  # as after a TenantProxy was deleted and made again
        why = "belongs to another TenantProxy; wait until garbage collection has removed it with that one"
    else:
        why = "belongs to somebody else; delete or rename it, or give the TenantProxy another name"
    outcome.conflicts.append(Failure(kind.kind, name, why))


def _is_refusal(error: StatusError) -> bool:
    # A field that the schema does not have, in what a spec carries verbatim, is answered 500.
    unknown_field = error.message.startswith("failed to create typed patch object")
    return error.status in _REFUSALS or unknown_field


def _result(error: KubeError) -> str:
    return str(error.status) if isinstance(error, StatusError) else "unreachable"
