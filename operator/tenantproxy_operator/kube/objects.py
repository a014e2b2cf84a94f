"""The decoded parts of the API server's objects: metadata, a Deployment's status, a Secret's data, a Lease."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tenantproxy.credentials.stores.secret import TENANT_ID
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

_REVISION: Final = re.compile("[0-9]{1,18}")


class _Labels(msgspec.Struct, frozen=True):
    instance: str = msgspec.field(name=INSTANCE, default="")
    managed_by: str = msgspec.field(name=MANAGED_BY, default="")


class _Annotations(msgspec.Struct, frozen=True):
    manifest_hash: str = msgspec.field(name=MANIFEST_HASH, default="")
    tenant_id: str = msgspec.field(name=TENANT_ID, default="")
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


class _DeploymentSpec(msgspec.Struct, frozen=True):
    replicas: int = 0
    paused: bool = False


class _DeploymentCondition(msgspec.Struct, frozen=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class DeploymentStatus(msgspec.Struct, frozen=True, rename="camel"):
    """`apps/v1` DeploymentStatus, as far as it is used."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    conditions: tuple[_DeploymentCondition, ...] = ()


class Deployment(msgspec.Struct, frozen=True):
    """A Deployment: its metadata, size and status."""

    metadata: Metadata
    spec: _DeploymentSpec = _DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class Rollout(msgspec.Struct, frozen=True):
    """The progress of a Deployment's rollout."""

    wanted: int
    """`spec.replicas`, whoever set it."""
    replicas: int
    updated: int
    ready: int
    observed: bool
    """Whether the Deployment controller has seen the newest spec."""
    ever_observed: bool = True
    """Whether it has seen any."""
    stuck: str = ""
    """Why the newest spec makes no progress any more; empty while it does."""
    refused: str = ""
    """Why the API server lets no pod be made of the newest spec; empty while it does."""
    paused: bool = False
    """Whether somebody has paused it (`kubectl rollout pause`)."""

    @property
    def complete(self) -> bool:
        """Whether exactly the desired replicas exist, all updated and ready."""
        return self.observed and self.wanted == self.replicas == self.updated == self.ready

    @property
    def waits_for_resume(self) -> bool:
        """Whether the newest spec is not rolled out because it is paused."""
        return self.paused and self.observed and self.updated < self.wanted


def rollout(deployment: Deployment) -> Rollout:
    """Return the progress of a Deployment's rollout."""
    status = deployment.status
    observed = status.observed_generation >= deployment.metadata.generation
    return Rollout(
        wanted=deployment.spec.replicas,
        replicas=status.replicas,
        updated=status.updated_replicas,
        ready=status.ready_replicas,
        observed=observed,
        ever_observed=status.observed_generation > 0,
        # What is said of an earlier spec is no news of this one.
        stuck=_said(status, "Progressing", "False") if observed else "",
        refused=_said(status, "ReplicaFailure", "True") if observed else "",
        paused=deployment.spec.paused,
    )


def _said(status: DeploymentStatus, kind: str, value: str) -> str:
    """Return the message of a condition that has this status; empty where none has."""
    found = (each for each in status.conditions if each.type == kind and each.status == value)
    return next((condition.message or condition.reason for condition in found), "")


class _Requirement(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        there, is_one = self.key in labels, labels.get(self.key) in self.values
        return {"In": is_one, "NotIn": not is_one, "Exists": there, "DoesNotExist": not there}.get(
            self.operator, False
        )


class LabelSelector(msgspec.Struct, frozen=True, rename="camel"):
    """`metav1.LabelSelector`."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[_Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it selects what has these labels; an empty one selects all."""
        return self.match_labels.items() <= labels.items() and all(
            requirement.holds(labels) for requirement in self.match_expressions
        )


class _ScaleTarget(msgspec.Struct, frozen=True):
    kind: str
    name: str


class _ControlSpec(msgspec.Struct, frozen=True, rename="camel"):
    scale_target_ref: _ScaleTarget | None = None
    selector: LabelSelector | None = None


class Control(msgspec.Struct, frozen=True):
    """An autoscaler or a disruption budget: its metadata, and what it acts on."""

    metadata: Metadata
    spec: _ControlSpec = _ControlSpec()

    @property
    def scales(self) -> str:
        """The name of the Deployment that it scales; empty where there is none."""
        target = self.spec.scale_target_ref
        return target.name if target and target.kind == "Deployment" else ""


class OtherControls(msgspec.Struct, frozen=True):
    """The autoscalers and disruption budgets of others that act on one tenant's proxies, by name."""

    autoscalers: tuple[str, ...] = ()
    disruption_budgets: tuple[str, ...] = ()


class _ConfigMapVolume(msgspec.Struct, frozen=True):
    name: str = ""


class _Volume(msgspec.Struct, frozen=True, rename="camel"):
    config_map: _ConfigMapVolume | None = None


class _PodSpec(msgspec.Struct, frozen=True):
    volumes: tuple[_Volume, ...] = ()


class _PodTemplate(msgspec.Struct, frozen=True):
    spec: _PodSpec = _PodSpec()


class _ReplicaSetSpec(msgspec.Struct, frozen=True):
    replicas: int = 1
    template: _PodTemplate = _PodTemplate()


class _ReplicaSetStatus(msgspec.Struct, frozen=True):
    replicas: int = 0


class ReplicaSet(msgspec.Struct, frozen=True):
    """A ReplicaSet, or a Deployment, as far as it says which ConfigMaps its pods mount."""

    metadata: Metadata
    spec: _ReplicaSetSpec = _ReplicaSetSpec()
    status: _ReplicaSetStatus = _ReplicaSetStatus()

    @property
    def revision(self) -> int:
        """Which revision of its Deployment it is; that of the newest is the highest."""
        revision = self.metadata.annotations.revision
        return int(revision) if _REVISION.fullmatch(revision) else 0

    @property
    def live(self) -> bool:
        """Whether it has pods, or shall have some."""
        return self.spec.replicas > 0 or self.status.replicas > 0

    @property
    def config_maps(self) -> frozenset[str]:
        """The ConfigMaps that its pods mount."""
        volumes = self.spec.template.spec.volumes
        return frozenset(volume.config_map.name for volume in volumes if volume.config_map)


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
