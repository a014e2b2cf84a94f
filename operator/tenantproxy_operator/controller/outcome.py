"""What came of carrying out an evaluation, what was seen after, and what a reconcile comes to."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tenantproxy_operator.api.names import Component
from tenantproxy_operator.conditions import EventNote
from tenantproxy_operator.controller.applied_state import AppliedState
from tenantproxy_operator.controller.apply_result import ApplyResult
from tenantproxy_operator.kube.workloads import OtherControls, Rollout
from tenantproxy_operator.metrics import TenantState
from tenantproxy_operator.validation.secrets import SecretCheck


class Retry(msgspec.Struct, frozen=True):
    """Why it has to be retried; see `RetryError`."""

    message: str
    longest_pause: float | None = None
    """Seconds; None: as for any other failure."""
    shortest_pause: float = 0.0


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen once all is written that had to be."""

    rollouts: Mapping[Component, Rollout | None]
    """How far the Deployment of each component is; None where there is none."""
    others: OtherControls = OtherControls()
    """Autoscalers and disruption budgets of others that act on the tenant's proxies."""
    rollout_stopped: bool
    """Whether no tenant gets a change of what all share any more."""
    now: str
    """The time as the API server writes it (RFC 3339, seconds)."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of carrying out an evaluation."""

    tls: SecretCheck | None = None
    """What is wrong with a Secret of `spec.upstream.tls`, so that nothing was applied."""
    children: ApplyResult | None = None
    """What came of the children; None: nothing was to be applied."""
    held: bool = False
    """Whether the tenant's pods wait for their turn to be changed."""
    credential: SecretCheck | None = None
    """None: the Secret is as it was when it was last checked."""
    poslog_keys: SecretCheck | None = None
    """The same of the relay's keys in it; None also where there is no relay."""


class ReconcileResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconcile comes to."""

    state: AppliedState
    """What the next reconcile is compared with."""
    shown: TenantState
    """What the metrics show of the tenant."""
    status: Mapping[str, Any] | None
    """The whole status to be written; None: it is as it shall be."""
    events: tuple[EventNote, ...] = ()
    """What is worth an Event once the status is written."""
    retry: Retry | None = None
    later: float | None = None
    """Seconds after which there is something to do."""
    held: bool = False
    """Whether the tenant's pods wait for their turn to be changed."""
