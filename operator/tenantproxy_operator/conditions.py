"""A TenantProxy's conditions: how each is determined, and how they add up. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from tenantproxy_operator.api.labels import COMPONENT, INSTANCE
from tenantproxy_operator.api.names import POSLOG, PROXY, Component, child_name
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.kube.workloads import OtherControls, Rollout

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionValue(msgspec.Struct, frozen=True):
    """What a condition says, without its type and its time."""

    status: ConditionStatus
    reason: str
    message: str


AVAILABLE: Final[Mapping[Component, str]] = {PROXY: "Available", POSLOG: "PoslogAvailable"}
"""The condition about each component's pods."""
POSLOG_KEYS: Final = "PoslogKeysReady"
TYPES: Final = (
    *("Ready", "Accepted", *AVAILABLE.values(), "CredentialsReady", POSLOG_KEYS, "Unique"),
    *("Reconciling", "Stalled"),
)
"""All conditions that we write."""
_SUMMARIES: Final = ("Ready", "Reconciling", "Stalled")
"""Those that only repeat what others say."""
_AWAITED: Final = Reason.TLS_SECRET_MISSING
"""A reason of Accepted that may pass by itself: External Secrets or cert-manager makes a Secret a moment later.
Whoever installs both in one go must not be told that it has failed."""
_BLOCKED: Final = (Reason.ROLLOUT_STUCK, Reason.DEPLOYMENT_PAUSED)
"""Reasons of Available for which new proxies wait until somebody acts."""


class _Words(NamedTuple):
    """What is said of a component's pods."""

    one: str
    many: str
    ready: str
    """The reason where all are ready."""
    not_ready: str
    """The reason where none is."""


_WORDS: Final[Mapping[Component, _Words]] = {
    PROXY: _Words("proxy", "proxies", Reason.PROXIES_READY, Reason.PROXIES_NOT_READY),
    POSLOG: _Words("relay", "relays", Reason.RELAYS_READY, Reason.RELAYS_NOT_READY),
}


def available(
    rollout: Rollout | None, *, namespace: str, name: str, component: Component = PROXY
) -> ConditionValue:
    """Return whether the pods of a component of the TenantProxy of that name serve."""
    if rollout is None:
        return ConditionValue(
            "Unknown", Reason.PENDING, "there is no Deployment yet; wait, or see the condition Accepted"
        )
    one, many, ready, not_ready = _WORDS[component]
    meanwhile = _meanwhile(rollout, component)
    look = f"kubectl describe pods -n {namespace} -l {INSTANCE}={name},{COMPONENT}={component}"
    resume = f"kubectl rollout resume -n {namespace} deployment/{child_name(name, component)}"
    words = "; ".join(said.rstrip(".") for said in (rollout.stuck, rollout.refused) if said)
    causes = (
        (
            rollout.stuck and not rollout.complete,
            Reason.ROLLOUT_STUCK,
            f"new {many} don't become ready ({words}); {meanwhile}; check: {look}",
        ),
        (
            rollout.refused and not rollout.complete,
            Reason.REPLICA_FAILURE,
            f"the API server refuses new {many} ({words}); {meanwhile}; correct what it names",
        ),
        (
            rollout.waits_for_resume,
            Reason.DEPLOYMENT_PAUSED,
            f"somebody has paused the Deployment, so no new {one} is started; {meanwhile}; resume it: {resume}",
        ),
        (
            not rollout.ready and not rollout.ever_observed,
            Reason.PENDING,
            "the cluster's Deployment controller has not processed the Deployment yet; wait",
        ),
        (not rollout.ready, not_ready, f"{meanwhile}; wait, or check: {look}"),
        (not rollout.complete, Reason.ROLLING_OUT, f"{many} are being started or terminated; {meanwhile}"),
        (
            rollout.paused,
            Reason.DEPLOYMENT_PAUSED,
            f"all {many} are ready, but somebody has paused the Deployment: changes wait; resume it: {resume}",
        ),
        (True, ready, f"all {many} are ready"),
    )
    reason, message = next((reason, message) for holds, reason, message in causes if holds)
    if rollout.ready:
        return ConditionValue("True", reason, message)
    return ConditionValue("Unknown" if reason == Reason.PENDING else "False", reason, message)


def _meanwhile(rollout: Rollout, component: Component) -> str:
    one, many, *_ = _WORDS[component]
    if not rollout.ready:
        return f"no {one} is ready"
    if rollout.replicas > rollout.updated or not rollout.observed:
        return f"earlier {many} serve what was applied before"
    return f"{rollout.ready} of {rollout.wanted} serve"


def beside_others(
    availability: ConditionValue, others: OtherControls, *, is_scaled: bool, has_budget: bool
) -> ConditionValue:
    """Return Available with who else acts on the proxies, where that does harm.

    `is_scaled` and `has_budget`: whether the tenant has an autoscaler and a disruption budget of ours.
    """
    said = [availability.message]
    ours = "the operator's own" if is_scaled else "the operator"
    said += [
        f"HorizontalPodAutoscaler {name} sets the number of replicas, and so does {ours}: delete it, and set"
        " spec.autoscaling to scale"
        for name in others.autoscalers
    ]
    budgets = others.disruption_budgets
    said += [
        f"PodDisruptionBudget {name} selects these pods, and so does another one, so that Kubernetes evicts none"
        " of them and no node can be drained: delete it, or change its selector"
        for name in budgets
        if has_budget or len(budgets) > 1
    ]
    return msgspec.structs.replace(availability, message="; ".join(said))


def summary(
    accepted: ConditionValue,
    availabilities: Mapping[str, tuple[ConditionValue, Rollout | None]],
    *,
    was_ready: bool,
) -> dict[str, ConditionValue]:
    """Return Ready and, where it is not True, either Reconciling or Stalled, which are True or absent (kstatus).

    `availabilities` are the conditions about pods by their types, with how far their Deployments are. `was_ready`:
    whether Ready was True of this generation of the spec. Then it stays so while pods are replaced, as long as
    some serve and nothing is stuck: those before were made of this spec, too.
    """
    lacking = [
        (kind, availability)
        for kind, (availability, rollout) in availabilities.items()
        if availability.status != "True"
        or rollout is None
        or not (rollout.complete or (was_ready and not rollout.stuck))
    ]
    if accepted.status != "True":
        ready = ConditionValue(accepted.status, accepted.reason, f"not Accepted: {accepted.message}")
        stalled = accepted.status == "False" and accepted.reason != _AWAITED
    elif not lacking:
        return {"Ready": ConditionValue("True", Reason.READY, "orders can be read")}
    else:
        kind, availability = min(lacking, key=lambda each: each[1].reason not in _BLOCKED)
        stalled = availability.reason in _BLOCKED
        if availability.status == "True":
            status: ConditionStatus = "False" if stalled else "Unknown"
            ready = ConditionValue(status, availability.reason, f"not rolled out: {availability.message}")
        else:
            message = f"not {kind}: {availability.message}"
            ready = ConditionValue(availability.status, availability.reason, message)
    return {
        "Ready": ready,
        "Stalled" if stalled else "Reconciling": ConditionValue("True", ready.reason, ready.message),
    }


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


def was_true(status: Mapping[str, Any], kind: str, generation: int) -> bool:
    """Tell whether a status says that a condition is True of this generation of the spec.

    A condition without a generation of its own (an older CRD may lack it) is about the status', as for kubectl.
    """
    whole = status.get("observedGeneration")
    return any(
        (each.get("type"), each.get("status"), each.get("observedGeneration", whole)) == (kind, "True", generation)
        for each in status.get("conditions", ())
    )


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
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    *,
    credential_changed: str | None,
    set_by: str = "",
) -> list[EventNote]:
    """Return the Events that a change of the conditions is worth: transitions, stuck rollouts, other credentials.

    A new TenantProxy's first conditions are worth none, unless its spec is not accepted, or claims what another
    one has; that its proxies begin to start is no warning. `credential_changed` is the name of the Secret whose
    credential was replaced, `set_by` who did that with a PUT, or set the first one; empty: nobody, or not known.
    """
    old = {condition["type"]: (condition["status"], condition["reason"]) for condition in before}
    found: list[EventNote] = []
    who = f", by {set_by} with PUT /api/v1/proxy-config" if set_by else ""
    for condition in after:
        kind, status, reason = condition["type"], condition["status"], condition["reason"]
        if kind not in old and not (kind in _NOTED_AT_FIRST and status == "False"):
            continue
        was, why = old.get(kind, ("", ""))
        stuck = reason == Reason.ROLLOUT_STUCK != why  # earlier proxies may serve on
        if kind in _SUMMARIES or (was == status and not stuck):
            continue
        note = f"{kind} is {status}: {condition['message']}"
        if kind == "CredentialsReady":
            credential_changed = None
            note += who
        starting = was == "Unknown" and reason in (Reason.PROXIES_NOT_READY, Reason.RELAYS_NOT_READY)
        found.append(EventNote(warning=stuck or (status != "True" and not starting), reason=reason, note=note))
    if credential_changed:
        note = f"the credential in Secret {credential_changed} was replaced{who}"
        found.append(EventNote(warning=False, reason="CredentialsChanged", note=note))
    return found
