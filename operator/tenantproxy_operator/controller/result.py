"""What a reconcile comes to: the next applied state, the status, and what is to be done later. Pure.

The one place that puts together what was evaluated, what came of applying it, and what was observed after.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tenantproxy_operator import conditions
from tenantproxy_operator.api.names import POSLOG, PROXY, child_name
from tenantproxy_operator.api.poslog import EVENTS_PATH
from tenantproxy_operator.api.status import Status
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.conditions import ConditionValue
from tenantproxy_operator.controller.acceptance import acceptance
from tenantproxy_operator.controller.applied_state import AppliedState, spec_part
from tenantproxy_operator.controller.apply_result import ApplyResult
from tenantproxy_operator.controller.evaluation import (
    Evaluation,
    Settled,
    TenantSnapshot,
    credentials_of_unusable,
    owned_by,
)
from tenantproxy_operator.controller.outcome import Observation, Outcome, ReconcileResult, Retry
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Condition, TenantState
from tenantproxy_operator.render.common import API_PORT
from tenantproxy_operator.validation import uniqueness
from tenantproxy_operator.validation.secrets import SecretCheck

_OWN_FIELDS: Final = frozenset(field.alias for field in Status.model_fields.values())


class _Credential(msgspec.Struct, frozen=True):
    """What is said of the tenant's credential."""

    condition: ConditionValue
    said: Mapping[str, Any] | None
    """`status.credentials`."""
    fingerprint: bytes
    replaced: str | None = None
    """The Secret whose credential was replaced."""
    set_by: str = ""
    """Who has set it with a PUT; empty: nobody, or not known."""


def result_of_settled(snapshot: TenantSnapshot, settled: Settled, observation: Observation) -> ReconcileResult:
    """Return what it comes to where nothing was read or applied."""
    credential = _Credential(
        settled.credentials_ready, snapshot.status.get("credentials"), snapshot.state.fingerprint
    )
    keys = snapshot.condition(conditions.POSLOG_KEYS)
    status = _status(snapshot, settled.accepted, credential, observation, poslog_keys=keys, digest=settled.digest)
    return _result(snapshot, status, credential, state=snapshot.state)


def result_of(
    snapshot: TenantSnapshot, evaluation: Evaluation, outcome: Outcome, observation: Observation
) -> ReconcileResult:
    """Return what it comes to where something was evaluated, and perhaps applied."""
    accepted, apply_retry = acceptance(snapshot, evaluation, outcome, rollout_stopped=observation.rollout_stopped)
    credential = _credential(snapshot, evaluation, outcome, observation.now)
    retry = apply_retry or _credential_retry(outcome.credential)
    later = evaluation.secret_due_in if outcome.children else None
    applied = outcome.children is not None and apply_retry is None
    in_use = applied and not outcome.held
    written = state_after_apply(snapshot, evaluation, outcome.children)
    state = msgspec.structs.replace(
        written,
        inputs=_next_inputs(snapshot, held=outcome.held, unfinished=retry is not None or later is not None),
        secrets=_next_secrets(snapshot, evaluation, outcome.children),
        fingerprint=credential.fingerprint,
        change=snapshot.tenant.change_hash if applied else written.change,
    )
    status = _status(
        snapshot,
        accepted,
        credential,
        observation,
        poslog_keys=_poslog_keys(snapshot, evaluation, outcome),
        digest=state.unfinished_digest() if retry else state.digest(),
        secret_name=evaluation.resource.secret_name if evaluation.resource and in_use else None,
    )
    return _result(snapshot, status, credential, state=state, retry=retry, later=later, held=outcome.held)


def state_after_apply(
    snapshot: TenantSnapshot, evaluation: Evaluation, result: ApplyResult | None
) -> AppliedState:
    """Return what is known as soon as the children are written, whatever comes of the rest."""
    if result is None:
        return snapshot.state
    return msgspec.structs.replace(
        snapshot.state,
        # Some may be of another spec now: to go back to the one before is a change of the tenant's own, too.
        change=snapshot.state.change if snapshot.has_spec else "",
        children=result.children,
        revision=result.revision,
        secret_missing_since=evaluation.secret_missing_since,
    )


def _next_inputs(snapshot: TenantSnapshot, *, held: bool, unfinished: bool) -> str:
    """Return the inputs that have been acted upon."""
    before = snapshot.state
    if held:
        return before.inputs  # evaluated again when it is admitted; after a restart the digest sees to that
    if not unfinished:
        return snapshot.inputs
    # It stays known that what is left to do is about no change of its own.
    return spec_part(before.inputs) if snapshot.has_spec else ""


def _next_secrets(
    snapshot: TenantSnapshot, evaluation: Evaluation, result: ApplyResult | None
) -> Mapping[Key, SecretVersion | None]:
    """Return where the Secrets stand that have been checked."""
    created = result.created_secret if result else None
    if created is None or evaluation.resource is None:
        return snapshot.secrets
    secret = Key(snapshot.tenant.key.namespace, evaluation.resource.secret_name)
    return {**snapshot.secrets, secret: SecretVersion(created.uid, created.version)}


def _credential(snapshot: TenantSnapshot, evaluation: Evaluation, outcome: Outcome, now: str) -> _Credential:
    """Return what is said of the tenant's credential."""
    check, before = outcome.credential, snapshot.status.get("credentials")
    fingerprint = snapshot.state.fingerprint
    if check is None or evaluation.resource is None:
        return _Credential(credentials_of_unusable(snapshot, evaluation.accepted), before, fingerprint)
    if check.unreadable:
        return _Credential(ConditionValue("Unknown", check.reason, check.message), before, fingerprint)
    condition = ConditionValue("True" if check.usable else "False", check.reason, check.message)
    if check.type is None:
        return _Credential(condition, None, check.fingerprint)
    secret = Key(snapshot.tenant.key.namespace, evaluation.resource.secret_name)
    same = fingerprint == check.fingerprint if fingerprint else not _may_be_another(snapshot, secret)
    if before is not None and before.get("type") == check.type and same:
        return _Credential(condition, before, check.fingerprint)
    replaced = secret.name if before is not None else None
    said = {"type": check.type, "updatedAt": now}
    return _Credential(condition, said, check.fingerprint, replaced, _set_by(snapshot, secret))


def _poslog_keys(snapshot: TenantSnapshot, evaluation: Evaluation, outcome: Outcome) -> ConditionValue | None:
    """Return what is said of the relay's keys; None where there is to be no relay."""
    check, before = outcome.poslog_keys, snapshot.condition(conditions.POSLOG_KEYS)
    if evaluation.resource is None:
        return before
    if evaluation.resource.relay is None:
        return None
    if check is not None:
        if check.unreadable:
            return ConditionValue("Unknown", check.reason, check.message)
        return ConditionValue("True" if check.usable else "False", check.reason, check.message)
    return before or ConditionValue("Unknown", evaluation.accepted.reason, "see the condition Accepted")


def _may_be_another(snapshot: TenantSnapshot, secret: Key) -> bool:
    """Tell whether a Secret may hold another credential than before, without looking into it.

    So it is after a restart, where the Secret has moved: but not, where only the proxies have noted something.
    """
    before, now = snapshot.state.secrets.get(secret), snapshot.secrets.get(secret)
    if before == now:
        return False
    known_at = snapshot.status.get("credentials", {}).get("updatedAt", "")
    return now is None or not now.data_written_at or now.data_written_at > known_at


def _set_by(snapshot: TenantSnapshot, secret: Key) -> str:
    """Return who has set a Secret's credential with a PUT since it was last looked at."""
    before, now = snapshot.state.secrets.get(secret), snapshot.secrets.get(secret)
    if before is None or now is None or now.last_put is None or now.last_put == before.last_put:
        return ""
    return now.last_put[1]


def _credential_retry(check: SecretCheck | None) -> Retry | None:
    return Retry(check.message) if check is not None and check.unreadable else None


def _status(
    snapshot: TenantSnapshot,
    accepted: ConditionValue,
    credential: _Credential,
    observation: Observation,
    *,
    poslog_keys: ConditionValue | None,
    digest: str | None,
    secret_name: str | None = None,
) -> dict[str, Any]:
    """Return the whole status; `secret_name` is what the proxies use from now on, None: as before.

    `poslog_keys` is what is said of the relay's keys; None: there is to be no relay.
    """
    tenant, before, rollout = snapshot.tenant, snapshot.status, observation.rollouts.get(PROXY)
    key = tenant.key
    availability = conditions.available(rollout, namespace=key.namespace, name=key.name)
    plurals = {plural for plural, _ in owned_by(tenant, snapshot.children)}
    availability = conditions.beside_others(
        availability,
        observation.others,
        is_scaled=kinds.AUTOSCALER.plural in plurals,
        has_budget=kinds.DISRUPTION_BUDGET.plural in plurals,
    )
    was_ready = conditions.was_true(before, "Ready", tenant.generation)
    availabilities = {conditions.AVAILABLE[PROXY]: (availability, rollout)}
    if poslog_keys is not None:
        relays = observation.rollouts.get(POSLOG)
        said = conditions.available(relays, namespace=key.namespace, name=key.name, component=POSLOG)
        availabilities[conditions.AVAILABLE[POSLOG]] = (said, relays)
    summary = conditions.summary(accepted, availabilities, was_ready=was_ready)
    values = {
        "Ready": summary["Ready"],
        "Accepted": accepted,
        **{kind: value for kind, (value, _) in availabilities.items()},
        "CredentialsReady": credential.condition,
        **({} if poslog_keys is None else {conditions.POSLOG_KEYS: poslog_keys}),
        "Unique": uniqueness.judge(key, snapshot.rivals),
        **summary,
    }
    status: dict[str, Any] = {
        "observedGeneration": tenant.generation,
        "conditions": conditions.with_transition_times(
            values, before.get("conditions", []), generation=tenant.generation, now=observation.now
        ),
        "endpoint": f"http://{child_name(key.name)}.{key.namespace}.svc:{API_PORT}",
    }
    if poslog_keys is not None:
        host = f"{child_name(key.name, POSLOG)}.{key.namespace}.svc:{API_PORT}"
        status["poslogEndpoint"] = f"http://{host}{EVENTS_PATH}"
    if rollout is not None:
        status |= {"replicas": rollout.replicas, "readyReplicas": rollout.ready}
    if secret_name := secret_name or before.get("secretName"):
        status["secretName"] = secret_name
    if credential.said is not None:
        status["credentials"] = credential.said
    if digest is not None:
        status["appliedDigest"] = digest
    return snapshot.schema.known_status(status)


def _result(
    snapshot: TenantSnapshot,
    status: Mapping[str, Any],
    credential: _Credential,
    *,
    state: AppliedState,
    retry: Retry | None = None,
    later: float | None = None,
    held: bool = False,
) -> ReconcileResult:
    before, now = snapshot.status, status["conditions"]
    differs = _own_part(status) != _own_part(before)
    events = (
        conditions.event_notes(
            before.get("conditions", []),
            now,
            credential_changed=credential.replaced,
            set_by=credential.set_by,
        )
        if differs
        else ()
    )
    return ReconcileResult(
        state=state,
        shown=_shown(now),
        status=status if differs else None,
        events=tuple(events),
        retry=retry,
        later=later,
        held=held,
    )


def _shown(now: Sequence[Mapping[str, Any]]) -> TenantState:
    """Return what the metrics show of these conditions."""
    found = {condition["type"]: Condition(condition["status"], condition["reason"]) for condition in now}
    stalled = found.get("Stalled")
    return TenantState(found["Ready"], found["CredentialsReady"], stalled.reason if stalled else None)


def _own_part(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is ours of a status: others may have conditions in it, too, and the API server orders them."""
    own = {name: value for name, value in status.items() if name in _OWN_FIELDS}
    if "conditions" in own:
        known = {condition.get("type"): condition for condition in own["conditions"]}
        own["conditions"] = {kind: known[kind] for kind in conditions.TYPES if kind in known}
    return own
