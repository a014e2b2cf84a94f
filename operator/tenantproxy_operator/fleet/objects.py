"""The decoded parts of Kubernetes objects that tell how tenants are; what is not used is not decoded."""

from typing import Any

import msgspec

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.workloads import DeploymentStatus


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """`metav1.ObjectMeta`, as people read it."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return Key(self.namespace, self.name)


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """`metav1.Condition`, and what pods have of it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int | None = None

    @property
    def since(self) -> str:
        """When its status last changed, RFC 3339; empty: nobody said."""
        return self.last_transition_time or ""


class TenantProxyStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What the operator says of a TenantProxy."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    secret_name: str = ""
    endpoint: str = ""


class TenantProxy(msgspec.Struct, frozen=True, rename="camel"):
    """A TenantProxy as the API server has it, whoever wrote it, and by whichever version's schema."""

    metadata: Metadata
    spec: dict[str, Any] = {}
    status: TenantProxyStatus = TenantProxyStatus()

    def condition(self, kind: str) -> Condition | None:
        """Return a condition; None where the status has none of that type."""
        return next((each for each in self.status.conditions if each.type == kind), None)


class _Waiting(msgspec.Struct, frozen=True, rename="camel"):
    reason: str = ""
    message: str = ""


class _Running(msgspec.Struct, frozen=True, rename="camel"):
    started_at: str | None = None


class Terminated(msgspec.Struct, frozen=True, rename="camel"):
    """How a container ended."""

    exit_code: int = 0
    reason: str = ""
    finished_at: str | None = None


class _State(msgspec.Struct, frozen=True, rename="camel"):
    waiting: _Waiting | None = None
    running: _Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How a container of a pod is."""

    name: str
    ready: bool = False
    restart_count: int = 0
    image: str = ""
    state: _State = _State()
    last_state: _State = _State()

    @property
    def ended(self) -> Terminated | None:
        """How it ended, now or the last time."""
        return self.state.terminated or self.last_state.terminated


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    reason: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: str | None = None


class Pod(msgspec.Struct, frozen=True, rename="camel"):
    """A pod: its metadata and status."""

    metadata: Metadata
    status: _PodStatus = _PodStatus()

    @property
    def ready(self) -> bool:
        """Whether it serves."""
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions)

    @property
    def running_since(self) -> str:
        """Since when its containers run, RFC 3339; empty: not all of them do."""
        running = [each.state.running for each in self.status.container_statuses]
        return max((each.started_at or "" for each in running if each), default="")

    @property
    def runs(self) -> bool:
        """Whether a container of it runs, so that its ports may be open."""
        return any(each.state.running for each in self.status.container_statuses)


class _Container(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    args: tuple[str, ...] = ()


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    containers: tuple[_Container, ...] = ()


class _PodTemplate(msgspec.Struct, frozen=True, rename="camel"):
    spec: _PodSpec = _PodSpec()


class _DeploymentSpec(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int = 0
    paused: bool = False
    template: _PodTemplate = _PodTemplate()


class Deployment(msgspec.Struct, frozen=True, rename="camel"):
    """A Deployment: its metadata, its size, the arguments of its containers, and its status."""

    metadata: Metadata
    spec: _DeploymentSpec = _DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class _Reference(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""


class _Series(msgspec.Struct, frozen=True, rename="camel"):
    count: int = 0
    last_observed_time: str | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """A core/v1 Event, in the form of either of its APIs."""

    metadata: Metadata
    involved_object: _Reference
    type: str = "Normal"
    reason: str = ""
    message: str = ""
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None

    @property
    def first(self) -> str | None:
        """When it was first seen."""
        return self.first_timestamp or self.event_time or self.metadata.creation_timestamp

    @property
    def last(self) -> str | None:
        """When it was last seen."""
        return (self.series and self.series.last_observed_time) or self.last_timestamp or self.first


class LeaseSpec(msgspec.Struct, frozen=True, rename="camel"):
    """Who holds a Lease, and until when."""

    holder_identity: str | None = None
    renew_time: str | None = None
    lease_duration_seconds: int = 0


class Lease(msgspec.Struct, frozen=True, rename="camel"):
    """Who acts in a namespace."""

    metadata: Metadata
    spec: LeaseSpec = LeaseSpec()
