"""Why a tenant's pods don't run, by their states and the Events about them; and why objects don't go."""

from collections.abc import Iterator, Mapping
from typing import Final

from tenantproxy_operator.doctor.commands import PODS as _DESCRIBE
from tenantproxy_operator.doctor.commands import PREVIOUS_LOGS as _LOGS
from tenantproxy_operator.doctor.commands import change
from tenantproxy_operator.doctor.conditions import finding
from tenantproxy_operator.doctor.finding import Finding, Row, Severity, seconds
from tenantproxy_operator.doctor.view import TenantView
from tenantproxy_operator.fleet.objects import Condition, ContainerStatus, Event, Pod

_STUCK: Final = "a-rollout-is-stuck"
_DELETION: Final = "deletion-hangs"
_PLATFORM: Final = "platform team"
TERMINATION_SECONDS: Final = 60.0
"""After which a deletion should be through: pods take half a minute."""

ROWS: Final[Mapping[str, Row]] = {
    "image-not-pulled": Row(Severity.FAILING, _PLATFORM, _DESCRIBE, _STUCK, "its image can't be pulled"),
    "not-scheduled": Row(Severity.FAILING, _PLATFORM, "kubectl get nodes; kubectl describe nodes", _STUCK),
    "not-mounted": Row(Severity.FAILING, _PLATFORM, _DESCRIBE, _STUCK, "a volume can't be mounted"),
    "config-refused": Row(
        Severity.FAILING,
        _PLATFORM,
        _LOGS,
        _STUCK,
        "the proxy exits with status 2: it does not accept its configuration; most often its image is older than"
        " the operator",
    ),
    "exits": Row(Severity.FAILING, _PLATFORM, _LOGS, _STUCK),
    "out-of-memory": Row(
        Severity.FAILING,
        _PLATFORM,
        change("resources.limits.memory", '"MORE"'),
        _STUCK,
        "its memory limit is too low",
    ),
    "probe-fails": Row(Severity.FAILING, _PLATFORM, _DESCRIBE, _STUCK),
    "finalizer": Row(
        Severity.WARNING,
        _PLATFORM,
        "kubectl get tp/{name} -n {namespace} -o jsonpath='{{.metadata.finalizers}}'",
        _DELETION,
    ),
    "pod-stays": Row(
        Severity.WARNING,
        _PLATFORM,
        "kubectl get nodes; kubectl get pods -n {namespace} -l app.kubernetes.io/instance={name} -o wide",
        _DELETION,
        "its pods are being deleted and stay: their node is gone",
    ),
}

_PULL: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CREATE: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_BAD_CONFIG: Final = 2


def of_pods(view: TenantView, now: float) -> Iterator[Finding]:
    """Yield why pods don't run, proxies' and relays'; each reason once, however many pods have it."""
    for pods in (view.pods, view.relay_pods):
        yield from _of_component(view, pods, now)


def _of_component(view: TenantView, all_pods: tuple[Pod, ...], now: float) -> Iterator[Finding]:
    found: dict[str, list[tuple[Pod, str, str]]] = {}
    for pod in all_pods:
        if trouble := _trouble(pod, view, now):
            id_, says, since = trouble
            found.setdefault(id_, []).append((pod, says, since))
    ready = any(pod.ready for pod in all_pods)
    for id_, pods in found.items():
        first, says, since = pods[0]
        names = first.metadata.name if len(pods) == 1 else f"{len(pods)} pods, such as {first.metadata.name}"
        severity = Severity.WARNING if ready else None
        yield finding(view, id_, ROWS[id_], says=f"{names}: {says}", since=since, severity=severity)


def of_deletion(view: TenantView, now: float) -> Iterator[Finding]:
    """Yield why a TenantProxy that is being deleted is still there."""
    metadata = view.proxy.metadata
    if metadata.deletion_timestamp is not None and _is_old(metadata.deletion_timestamp, now):
        says = f"it is being deleted, and stays: finalizers of others hold it: {', '.join(metadata.finalizers)}"
        yield finding(view, "finalizer", ROWS["finalizer"], says=says, since=metadata.deletion_timestamp)


def _trouble(pod: Pod, view: TenantView, now: float) -> tuple[str, str, str] | None:
    """Return what keeps a pod from running: a row's id, the words for it, and since when."""
    if pod.metadata.deletion_timestamp is not None:
        is_old = _is_old(pod.metadata.deletion_timestamp, now)
        return ("pod-stays", ROWS["pod-stays"].says, pod.metadata.deletion_timestamp) if is_old else None
    if pod.ready:
        return None
    containers = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    found = (
        *(_of_condition(condition) for condition in pod.status.conditions),
        *(_of_container(container, pod.metadata.creation_timestamp or "") for container in containers),
        *(_of_event(event) for event in reversed(view.events) if _is_about(event, pod)),
    )
    return next(filter(None, found), None)


def _of_condition(condition: Condition) -> tuple[str, str, str] | None:
    if (condition.type, condition.status) == ("PodScheduled", "False"):
        return "not-scheduled", f"no node takes it: {condition.message}", condition.since
    return None


def _of_container(container: ContainerStatus, started: str) -> tuple[str, str, str] | None:
    waiting, ended = container.state.waiting, container.ended
    if waiting is not None and waiting.reason in _PULL:
        return "image-not-pulled", f"{container.image}: {waiting.message or waiting.reason}", started
    if waiting is not None and waiting.reason in _CREATE:
        return "not-mounted", f"{waiting.reason}: {waiting.message}", started
    if ended is not None:
        return _ending(container.name, ended.exit_code, ended.reason, ended.finished_at or "")
    return None


def _of_event(event: Event) -> tuple[str, str, str] | None:
    id_ = {"FailedMount": "not-mounted", "Unhealthy": "probe-fails"}.get(event.reason)
    return (id_, event.message, event.first or "") if id_ else None


def _ending(container: str, status: int, reason: str, at: str) -> tuple[str, str, str]:
    if reason == "OOMKilled":
        return "out-of-memory", f"the container {container} was killed: {ROWS['out-of-memory'].says}", at
    if status == _BAD_CONFIG:
        return "config-refused", ROWS["config-refused"].says, at
    return "exits", f"the container {container} ends with status {status} ({reason}), again and again", at


def _is_about(event: Event, pod: Pod) -> bool:
    about = event.involved_object
    return (about.kind, about.name) == ("Pod", pod.metadata.name)


def _is_old(time: str, now: float) -> bool:
    began = seconds(time)
    return began is not None and now - began > TERMINATION_SECONDS
