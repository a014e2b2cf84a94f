"""Tells what a reconcile came to: the status, Events, the metrics' counts of tenants, and the rollout gate."""

import logging
from typing import Final

import msgspec

from tenantproxy.kube.api import KubeError
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.tenants import Tenant, Tenants
from tenantproxy_operator.conditions import EventNote
from tenantproxy_operator.controller.acceptance import ROLLOUT_STOPPED
from tenantproxy_operator.controller.outcome import ReconcileResult
from tenantproxy_operator.controller.rollout import RolloutGate, progress_of
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics

_log = logging.getLogger(__name__)

_STOPPED_EVENT: Final = EventNote(warning=True, reason=Reason.ROLLOUT_STOPPED, note=ROLLOUT_STOPPED)


class Reporter:
    """Tells what reconciles came to."""

    def __init__(
        self, cluster: Cluster, *, tenants: Tenants, children: Children, rollout: RolloutGate, metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._tenants = tenants
        self._children = children
        self._rollout = rollout
        self._metrics = metrics

    async def write_status(self, tenant: Tenant, result: ReconcileResult) -> bool | None:
        """Write the status if it differs, and post what is worth an Event.

        Return whether it was written; None: the tenant is gone.
        """
        self._metrics.tenant_changed(*tenant.key, result.shown)
        if result.status is None:
            return False
        answer = await self._cluster.write_status(tenant.key, dict(result.status))
        if answer is None:
            # kopf lists again after an interruption, and reports nothing of what was deleted meanwhile.
            self._tenants.remove(tenant.key, tenant.uid)
            return None
        self._metrics.status_written()
        self._tenants.on_own_write(msgspec.json.decode(answer))
        for event in result.events:
            await self.post(tenant, event)
        return True

    async def report_turn(self, key: Key, *, held: bool) -> None:
        """Report where the tenant's pods are, so that the next one can be admitted; log a stop."""
        if held:
            self._rollout.report_waiting(key)
            return
        was_stopped = self._rollout.stopped
        self.report_rollout(key)
        if self._rollout.stopped and not was_stopped:
            _log.error("%s: %s", ROLLOUT_STOPPED, ", ".join(map(str, self._rollout.missed)))
            for missed in map(self._tenants.get, self._rollout.missed):
                if missed is not None:
                    await self.post(missed, _STOPPED_EVENT)

    def report_rollout(self, key: Key) -> None:
        """Report how far a tenant's pods are; one that can't be reconciled holds up no other."""
        self._rollout.report(key, progress_of(self._children.rollouts_of(key).values()))

    def forget(self, key: Key) -> None:
        """Keep nothing about a tenant."""
        self._rollout.forget(key)
        self._metrics.tenant_changed(*key, None)

    async def post(self, tenant: Tenant, event: EventNote) -> None:
        """Post an Event about a tenant; where that fails, it is logged."""
        try:
            await self._cluster.post_event(
                tenant.key, tenant.uid, warning=event.warning, reason=event.reason, note=event.note
            )
        except KubeError as error:
            # It would say what the status says already.
            _log.warning("%s: can't create the Event %s: %s", tenant.key, event.reason, error)
