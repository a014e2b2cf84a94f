"""A TenantProxy's conditions: how each is determined, and how they add up. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.kube.objects import Rollout

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionValue(msgspec.Struct, frozen=True):
    """What a condition says, without its type and its time."""

    status: ConditionStatus
    reason: str
    message: str


def available(rollout: Rollout | None, *, namespace: str, name: str) -> ConditionValue:
    """Return whether the proxies of the TenantProxy of that name serve."""
    look = f"kubectl describe pods -n {namespace} -l app.kubernetes.io/instance={name}"
    if rollout is None:
        return ConditionValue(
            "Unknown", Reason.PENDING, "there is no Deployment yet; wait, or see the condition Accepted"
        )
    if rollout.ready == 0:
        return _none_ready(rollout, look)
    if rollout.stuck:
        return ConditionValue("True", Reason.ROLLOUT_STUCK, _stuck(rollout, "earlier proxies serve", look))
    if not rollout.complete:
        return ConditionValue(
            "True", Reason.ROLLING_OUT, "proxies serve, while others are being started or terminated"
        )
    return ConditionValue("True", Reason.PROXIES_READY, "all proxies are ready")


def _none_ready(rollout: Rollout, look: str) -> ConditionValue:
    if rollout.stuck:
        return ConditionValue("False", Reason.ROLLOUT_STUCK, _stuck(rollout, "no proxy is ready", look))
    if rollout.ever_observed:
        return ConditionValue("False", Reason.PROXIES_NOT_READY, f"no proxy is ready; wait, or check: {look}")
    message = "the cluster's Deployment controller has not processed the Deployment yet; wait"
    return ConditionValue("Unknown", Reason.PENDING, message)


def _stuck(rollout: Rollout, meanwhile: str, look: str) -> str:
    return f"new proxies don't become ready ({rollout.stuck.rstrip('.')}); {meanwhile}; check: {look}"


def ready(accepted: ConditionValue, availability: ConditionValue) -> ConditionValue:
    """Return whether orders can be read as the spec says."""
    for value, name in ((accepted, "Accepted"), (availability, "Available")):
        if value.status != "True":
            return ConditionValue(value.status, value.reason, f"not {name}: {value.message}")
    return ConditionValue("True", Reason.READY, "orders can be read")


def with_transition_times(
    values: Mapping[str, ConditionValue], previous: Sequence[Mapping[str, Any]], *, generation: int, now: str
) -> list[dict[str, Any]]:
    """Return the conditions as the status has them; a time moves only where a status has changed.

    `previous` are the conditions of the present status, `now` an RFC 3339 time in seconds.
    """
    before = {condition.get("type"): condition for condition in previous}
    conditions = []
    for kind, value in values.items():
        old = before.get(kind, {})
        same = old.get("status") == value.status and "lastTransitionTime" in old
        conditions.append(
            {
                "type": kind,
                "status": value.status,
                "reason": value.reason,
                "message": value.message[:_LONGEST_MESSAGE],
                "lastTransitionTime": old["lastTransitionTime"] if same else now,
                "observedGeneration": generation,
            }
        )
    return conditions


_LONGEST_MESSAGE: Final = 4096


def condition_in(conditions: Sequence[Mapping[str, Any]], kind: str) -> ConditionValue | None:
    """Return what a status says about a condition type; None where it says nothing."""
    for condition in conditions:
        if condition.get("type") == kind:
            return ConditionValue(condition["status"], condition["reason"], condition["message"])
    return None


_NOTED_AT_FIRST: Final = ("Accepted", "Unique")


class EventNote(msgspec.Struct, frozen=True):
    """A Kubernetes Event to be posted."""

    warning: bool
    reason: str
    note: str


def event_notes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], *, credential_changed: str | None
) -> list[EventNote]:
    """Return the Events that a change of the conditions is worth: transitions, and changed credentials.

    A new TenantProxy's first conditions are worth none, unless its spec is not accepted, or claims what another
    one has; that its proxies begin to start is no warning. `credential_changed` is the name of the Secret whose
    credential was replaced.
    """
    old = {condition["type"]: condition["status"] for condition in before}
    found: list[EventNote] = []
    for condition in after:
        kind, status = condition["type"], condition["status"]
        if kind not in old and not (kind in _NOTED_AT_FIRST and status == "False"):
            continue
        if old.get(kind) == status or kind == "Ready":
            continue
        if kind == "CredentialsReady":
            credential_changed = None
        note = f"{kind} is {status}: {condition['message']}"
        starting = old.get(kind) == "Unknown" and condition["reason"] == Reason.PROXIES_NOT_READY
        found.append(EventNote(warning=status != "True" and not starting, reason=condition["reason"], note=note))
    if credential_changed:
        note = f"the credential in Secret {credential_changed} was replaced"
        found.append(EventNote(warning=False, reason="CredentialsChanged", note=note))
    return found
