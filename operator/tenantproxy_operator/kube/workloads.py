"""The decoded parts of what runs and scales pods: Deployments, ReplicaSets, autoscalers, disruption budgets."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tenantproxy_operator.kube.objects import Metadata

_REVISION: Final = re.compile("[0-9]{1,18}")


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
