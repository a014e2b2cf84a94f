"""The decoded parts of the API server's objects: metadata, a Secret's data, a Lease."""

import hashlib
from typing import Final

import msgspec

from tenantproxy.credentials.stores.secret import NOTE, TENANT_ID
from tenantproxy_operator.api.labels import INSTANCE, MANAGED_BY, MANAGER
from tenantproxy_operator.api.names import OWN_PREFIX
from tenantproxy_operator.kube.kinds import Key

FIELD_MANAGER: Final = "tenantproxy-operator"
LONGEST_LEASE: Final = 300
"""Seconds for which a Lease is held at most without a renewal."""
_USUAL_LEASE: Final = 15
MANIFEST_HASH: Final = f"{OWN_PREFIX}manifest-hash"
"""The annotation of a child with the hash of the manifest that it was applied from."""
ADOPT: Final = f"{OWN_PREFIX}adopt"
"""The annotation of an object that we have not created: the name of the TenantProxy whose child it may become."""


class _Labels(msgspec.Struct, frozen=True):
    instance: str = msgspec.field(name=INSTANCE, default="")
    managed_by: str = msgspec.field(name=MANAGED_BY, default="")


class _Annotations(msgspec.Struct, frozen=True):
    manifest_hash: str = msgspec.field(name=MANIFEST_HASH, default="")
    tenant_id: str = msgspec.field(name=TENANT_ID, default="")
    credential_state: str | None = msgspec.field(name=NOTE, default=None)
    adopt: str = msgspec.field(name=ADOPT, default="")
    revision: str = msgspec.field(name="deployment.kubernetes.io/revision", default="")


class _Owner(msgspec.Struct, frozen=True):
    kind: str
    name: str
    uid: str
    controller: bool = False


class _ManagedFields(msgspec.Struct, frozen=True, rename="camel"):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""
    fields: msgspec.Raw = msgspec.field(name="fieldsV1", default=msgspec.Raw(b""))


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metav1.ObjectMeta`, as far as it is used."""

    name: str
    uid: str
    namespace: str = ""
    resource_version: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None
    labels: _Labels = _Labels()
    annotations: _Annotations = _Annotations()
    owner_references: tuple[_Owner, ...] = ()
    managed_fields: tuple[_ManagedFields, ...] = ()

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return Key(self.namespace, self.name)

    @property
    def version(self) -> int:
        """The resource version; comparable within a kind (KEP-5504)."""
        return int(self.resource_version or 0)

    @property
    def owner(self) -> _Owner | None:
        """The owner that controls it."""
        return next((owner for owner in self.owner_references if owner.controller), None)

    @property
    def is_labelled(self) -> bool:
        """Whether it says that it is ours."""
        return self.labels.managed_by == MANAGER

    @property
    def written(self) -> bool:
        """Whether we have ever written it."""
        return any(entry.manager == FIELD_MANAGER for entry in self.managed_fields)

    def is_labelled_for(self, tenant: str) -> bool:
        """Tell whether it has the labels of a child of the TenantProxy of that name."""
        return (self.labels.instance, self.labels.managed_by) == (tenant, MANAGER)

    def permits_adoption(self, tenant: str) -> bool:
        """Tell whether it may become a child of the TenantProxy of that name, as who may edit it has said."""
        return self.is_labelled_for(tenant) and self.annotations.adopt == tenant

    @property
    def owned_fields_digest(self) -> bytes:
        """A digest of what we own of the object: it differs as soon as another client has changed any of it."""
        digest = hashlib.blake2b(self.uid.encode(), digest_size=12)
        for entry in self.managed_fields:
            if entry.manager == FIELD_MANAGER and not entry.subresource:
                digest.update(f"\n{entry.operation} {entry.time} ".encode())
                digest.update(entry.fields)
        return digest.digest()

    @property
    def data_written_at(self) -> str:
        """When a Secret's data was written last, or else by the same client; empty: not known."""
        return max((entry.time for entry in self.managed_fields if b'"f:data"' in bytes(entry.fields)), default="")

    def owns(self, field: bytes) -> bool:
        """Tell whether we applied a field of this name, at any place."""
        quoted = b'"f:' + field + b'"'
        return any(
            quoted in bytes(entry.fields)
            for entry in self.managed_fields
            if entry.manager == FIELD_MANAGER and not entry.subresource
        )


class Partial(msgspec.Struct, frozen=True):
    """An object's metadata alone (`PartialObjectMetadata`)."""

    metadata: Metadata


class SecretContent(msgspec.Struct, frozen=True):
    """A Secret with its data, base64 as the API has it; held only while it is checked. `repr` shows no value."""

    metadata: Metadata
    type: str = "Opaque"
    data: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"SecretContent({self.metadata.key}, {sorted(self.data)})"


class LeaseRecord(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """`LeaseSpec`: who holds a Lease. What somebody else has left out is as if it were empty."""

    holder: str | None = msgspec.field(name="holderIdentity", default=None)
    """Empty: nobody, it was released."""
    duration: int | None = msgspec.field(name="leaseDurationSeconds", default=None)
    acquired: str | None = msgspec.field(name="acquireTime", default=None)
    renewed: str | None = msgspec.field(name="renewTime", default=None)
    transitions: int | None = msgspec.field(name="leaseTransitions", default=None)

    def is_held(self, since: float, now: float) -> bool:
        """Tell whether its holder may rely on it, where it was first seen as it is at `since`.

        What says that it is held for ever, or does not say for how long, is somebody's mistake.
        """
        return bool(self.holder) and now < since + min(self.duration or _USUAL_LEASE, LONGEST_LEASE)


class StoredLease(msgspec.Struct, frozen=True):
    """A Lease as the API server has it."""

    record: LeaseRecord
    version: str
    """Its resource version, without which it can't be changed."""
