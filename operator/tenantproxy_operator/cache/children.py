"""What is known of the tenants' children: digests of their metadata, no contents; and how far Deployments are."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from tenantproxy_operator.api.labels import MANAGED_BY, MANAGER
from tenantproxy_operator.api.names import (
    COMPONENTS,
    KIND,
    PROXY,
    Component,
    child_name,
    name_of_hashed_parent,
    name_of_parent,
)
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import Metadata, Partial
from tenantproxy_operator.kube.workloads import Control, Deployment, Rollout, rollout

SELECTOR: Final = {"labelSelector": f"{MANAGED_BY}={MANAGER}"}

ChildName = tuple[str, str]
"""A child among those of one tenant: its kind's plural, and its name."""


class Child(msgspec.Struct, frozen=True, gc=False):
    """What is known of one child."""

    uid: str
    version: int
    owner_uid: str
    """The uid of the owner that controls it; empty where there is none."""
    owned_fields_digest: bytes
    """A digest of what we own of it; see `Metadata.owned_fields_digest`."""
    manifest_hash: str
    """The hash of the manifest that it was applied from; empty where it was not."""
    owner_is_tenant_proxy: bool
    """Whether the owner is a TenantProxy."""
    applied_by_us: bool
    """Whether we have ever written it."""
    owns_replicas: bool
    labelled: bool
    """Whether it has the labels of this tenant's children."""
    adoptable: bool
    """Whether it may be adopted, though we have not created it; see `Metadata.permits_adoption`."""

    def belongs_to(self, uid: str) -> bool:
        """Tell whether it is a child of the TenantProxy `uid`.

        One that we wrote and that nobody controls is, too: its owner reference was removed, by an edit, or when
        a TenantProxy was deleted with `--cascade=orphan`. So is one that may be adopted.
        """
        return self.owner_uid == uid or (not self.owner_uid and (self.applied_by_us or self.adoptable))


def child_of(metadata: Metadata, tenant: str) -> Child:
    """Return what is kept of the metadata of a child of the TenantProxy of that name."""
    owner = metadata.owner
    return Child(
        uid=metadata.uid,
        version=metadata.version,
        owner_uid=owner.uid if owner else "",
        owner_is_tenant_proxy=owner is not None and owner.kind == KIND,
        owned_fields_digest=metadata.owned_fields_digest,
        manifest_hash=metadata.annotations.manifest_hash,
        applied_by_us=metadata.written,
        owns_replicas=metadata.owns(b"replicas"),
        labelled=metadata.is_labelled_for(tenant),
        adoptable=metadata.permits_adoption(tenant),
    )


class Children:
    """The children of all tenants; calls `changed` with the tenant whose children have changed."""

    def __init__(self, changed: Callable[[Key], None]) -> None:
        self._changed = changed
        self._tenants: defaultdict[Key, dict[ChildName, Child]] = defaultdict(dict)
        self._rollouts: dict[Key, Rollout] = {}
        """By the Deployments' keys."""
        self._secrets: dict[Key, Key] = {}
        """Whose child a Secret is: its name does not say it, and what says it can be edited."""
        self._writing: dict[tuple[str, Key], int] = {}
        """What is being written, with the version at which it was deleted meanwhile; 0: it was not."""

    def of(self, tenant: Key) -> Mapping[ChildName, Child]:
        """Return the children of a tenant, whoever owns them."""
        return MappingProxyType(self._tenants.get(tenant, {}))

    def rollout_of(self, tenant: Key, component: Component = PROXY) -> Rollout | None:
        """Return the progress of the Deployment of a tenant's component; None where there is none."""
        return self._rollouts.get(Key(tenant.namespace, child_name(tenant.name, component)))

    def rollouts_of(self, tenant: Key) -> dict[Component, Rollout | None]:
        """Return the progress of the Deployment of each of a tenant's components."""
        return {component: self.rollout_of(tenant, component) for component in COMPONENTS}

    def every(self, kind: Kind, namespace: str | None) -> dict[Key, tuple[Key, Child]]:
        """Return all children of a kind, in one namespace or all, by their keys, with their tenants."""
        return {
            Key(tenant.namespace, name): (tenant, child)
            for tenant, children in self._tenants.items()
            if namespace in (None, tenant.namespace)
            for (plural, name), child in children.items()
            if plural == kind.plural
        }

    @contextlib.contextmanager
    def writing(self, kind: Kind, key: Key) -> Iterator[None]:
        """Remember whether an object is deleted while a write of ours is on its way.

        Both its events may come before the answer, after which no event would report that it is gone.
        """
        self._writing[kind.plural, key] = 0
        try:
            yield
        finally:
            del self._writing[kind.plural, key]

    def put(self, kind: Kind, thing: Partial | Deployment | Control, *, own: bool = False) -> Child | None:
        """Take note of a child; None where it is none. `own`: it is the answer to a write of ours.

        What is older than what is known is ignored: the answer to a write often overtakes the events before it.
        """
        if own and thing.metadata.version <= self._writing.get((kind.plural, thing.metadata.key), 0):
            return None
        tenant = _tenant_of(kind, thing.metadata)
        name = kind.plural, thing.metadata.name
        before = self._secrets.get(thing.metadata.key) if kind is kinds.SECRET else None
        if before is not None and before != tenant:
            if thing.metadata.version <= self._tenants[before][name].version:
                return None
            self.drop(kind, before, thing.metadata.name)
        if tenant is None:
            return None
        child = child_of(thing.metadata, tenant.name)
        known = self._tenants[tenant].get(name)
        if known is not None and child.version <= known.version:
            return known
        name, child = _sharing(name, child, self._tenants[tenant])
        self._tenants[tenant][name] = child
        if kind is kinds.SECRET:
            self._secrets[thing.metadata.key] = tenant
        changed = known is None or _without_version(known) != _without_version(child)
        if isinstance(thing, Deployment):
            progress = rollout(thing)
            changed = changed or progress != self._rollouts.get(thing.metadata.key)
            self._rollouts[thing.metadata.key] = progress
        if changed and not own:
            self._changed(tenant)
        return child

    def remove(self, kind: Kind, metadata: Metadata) -> None:
        """Take note that a child was deleted, at its resource version."""
        if (kind.plural, metadata.key) in self._writing:
            self._writing[kind.plural, metadata.key] = metadata.version
        tenant = self._secrets.get(metadata.key) if kind is kinds.SECRET else _tenant_of(kind, metadata)
        if tenant is not None:
            known = self.of(tenant).get((kind.plural, metadata.name))
            if known is not None and known.version <= metadata.version:
                self.drop(kind, tenant, metadata.name)

    def drop_all(self, kind: Kind) -> None:
        """Forget all children of a kind that is not served any more."""
        for key, (tenant, _) in self.every(kind, None).items():
            self.drop(kind, tenant, key.name)

    def drop(self, kind: Kind, tenant: Key, name: str) -> None:
        """Forget a child of a tenant."""
        self._tenants[tenant].pop((kind.plural, name), None)
        if not self._tenants[tenant]:
            del self._tenants[tenant]
        if kind is kinds.DEPLOYMENT:
            self._rollouts.pop(Key(tenant.namespace, name), None)
        if kind is kinds.SECRET:
            self._secrets.pop(Key(tenant.namespace, name), None)
        self._changed(tenant)


def _sharing(name: ChildName, child: Child, siblings: Mapping[ChildName, Child]) -> tuple[ChildName, Child]:
    """Return both with the strings of a sibling that has equal ones: most of a tenant's children do."""
    for (_, known), sibling in siblings.items():
        if known == name[1] and sibling.owner_uid == child.owner_uid:
            return (name[0], known), msgspec.structs.replace(child, owner_uid=sibling.owner_uid)
    return name, child


def _without_version(child: Child) -> Child:
    return msgspec.structs.replace(child, version=0)


def _tenant_of(kind: Kind, metadata: Metadata) -> Key | None:
    """Return whose child an object is: by its name, which nobody can edit; a Secret's by its owner or label.

    A Secret that we have neither written nor may adopt is the user's own, whatever it says. One with a credential
    that was set for a tenant outlives its TenantProxy, and is no child any more.
    """
    if kind is kinds.SECRET:
        owner = metadata.owner
        name = owner.name if owner and owner.kind == KIND else metadata.labels.instance
        ours = metadata.written or metadata.permits_adoption(name)
        return Key(metadata.namespace, name) if name and ours and not metadata.annotations.tenant_id else None
    parent = name_of_parent(metadata.name)
    if parent is None and kind.hashed:
        parent = name_of_hashed_parent(metadata.name)
    return None if parent is None else Key(metadata.namespace, parent)
