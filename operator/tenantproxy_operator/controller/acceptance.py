"""What the condition Accepted says once an evaluation was carried out, and whether it has to be retried. Pure."""

from collections.abc import Iterable
from typing import Final

import msgspec

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.conditions import ConditionStatus, ConditionValue
from tenantproxy_operator.controller.apply_result import ApplyResult
from tenantproxy_operator.controller.evaluation import Evaluation, TenantSnapshot, owned_by
from tenantproxy_operator.controller.outcome import Outcome, Retry
from tenantproxy_operator.controller.pod_revision import revision_name
from tenantproxy_operator.controller.rollout import MOST_MISSED

ROLLOUT_STOPPED: Final = (
    f"rollout stopped: {MOST_MISSED} tenants' proxies don't become ready with the operator's new image or"
    " settings; correct them, or roll back"
)
_STOPPED: Final = ConditionValue(
    "True", Reason.ROLLOUT_STOPPED, f"{ROLLOUT_STOPPED}; this tenant's proxies are unchanged"
)
_PENDING: Final = ConditionValue(
    "True",
    Reason.ROLLOUT_PENDING,
    "the operator's new image or settings reach a few tenants at a time; this tenant's proxies are unchanged until"
    " its turn comes; wait",
)
_FAILURES_UNSAID: Final = 2
"""Failures in a row that the status does not mention: most pass by themselves."""
_CONFLICT_RETRY: Final = 30.0
"""Seconds after which it is seen at the latest that another's object, of which no watch tells, is gone."""
_NOT_STORED: Final = (
    "nothing is stored of what they were last released with, so the operator puts back no edit of their Deployment"
    " until then"
)


def acceptance(
    snapshot: TenantSnapshot, evaluation: Evaluation, outcome: Outcome, *, rollout_stopped: bool
) -> tuple[ConditionValue, Retry | None]:
    """Return what the condition Accepted says, and whether to retry."""
    accepted, retry = _accepted(snapshot, evaluation, outcome)
    if outcome.held and accepted.status == "True":
        accepted = _held(snapshot, outcome.children, rollout_stopped=rollout_stopped)
    return accepted, retry


def _accepted(
    snapshot: TenantSnapshot, evaluation: Evaluation, outcome: Outcome
) -> tuple[ConditionValue, Retry | None]:
    """Return what it says of a tenant that waits for nothing."""
    if outcome.tls is not None:
        message = f"{outcome.tls.message}; running proxies stay as they are"
        return ConditionValue("False", outcome.tls.reason, message), None
    result = outcome.children
    if result is None or not result.failures:
        return evaluation.accepted, None
    if result.conflicts:
        message = _listed((*result.conflicts, *result.waiting))
        status: ConditionStatus = "Unknown" if all(each.passes for each in result.conflicts) else "False"
        return ConditionValue(status, Reason.CONFLICT, message), Retry(message, longest_pause=_CONFLICT_RETRY)
    if result.refused:
        message = f"{_listed((*result.refused, *result.waiting))}; correct the spec, or whatever rejects it"
        return ConditionValue("False", Reason.APPLY_REFUSED, message), Retry(message)
    message = f"{_listed((*result.failed, *result.waiting))}; retrying"
    retry = Retry(message, shortest_pause=result.retry_after)
    before = snapshot.condition("Accepted")
    # What was found of an earlier generation says nothing about this one.
    same = snapshot.status.get("observedGeneration") == snapshot.tenant.generation
    if snapshot.failures < _FAILURES_UNSAID and same and before is not None:
        return before, retry
    return ConditionValue("Unknown", Reason.APPLY_FAILED, message), retry


def _held(snapshot: TenantSnapshot, result: ApplyResult | None, *, rollout_stopped: bool) -> ConditionValue:
    """Return what is said of a tenant that waits for its turn."""
    waits = _STOPPED if rollout_stopped else _PENDING
    revision = revision_name(snapshot.tenant.key, result.revision if result else "")
    if revision in owned_by(snapshot.tenant, snapshot.children):
        return waits
    return msgspec.structs.replace(waits, message=f"{waits.message}; {_NOT_STORED}")


def _listed(failures: Iterable[object]) -> str:
    return "; ".join(map(str, failures))
