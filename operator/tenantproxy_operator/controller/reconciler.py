"""Reconcile one tenant: compare; where something differs look, apply, and say in the status what was found.

Nothing is written where nothing has changed. The queue sees to it that a tenant has one reconcile at a time.
"""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from tenantproxy.kube.client import KubeError
from tenantproxy_operator import conditions
from tenantproxy_operator.api.names import child_name
from tenantproxy_operator.api.status import Status, readable
from tenantproxy_operator.cache.children import Child, ChildName, Children
from tenantproxy_operator.cache.secrets import Secrets
from tenantproxy_operator.cache.tenants import Tenant, Tenants
from tenantproxy_operator.conditions import ConditionValue, Reason
from tenantproxy_operator.controller.applied_state import Record, common_digest, inputs_digest, own_part, recall
from tenantproxy_operator.controller.evaluation import Look, Looker, View, now, unusable
from tenantproxy_operator.controller.rollout import MOST_MISSED, Fleet, state_of
from tenantproxy_operator.controller.workqueue import RetryError
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.render.common import API_PORT
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import uniqueness
from tenantproxy_operator.validation.claims import Rival

_log = logging.getLogger(__name__)

_STOPPED: Final = (
    f"{MOST_MISSED} tenants' proxies don't get ready with the operator's new image or settings, so that no other"
    " tenant gets them; correct them, or go back to the earlier ones"
)
_OWN_FIELDS: Final = frozenset(field.alias for field in Status.model_fields.values())


class Reconciler:
    """Reconciles tenants."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        tenants: Tenants,
        children: Children,
        secrets: Secrets,
        settings: Settings,
        fleet: Fleet,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._tenants = tenants
        self._children = children
        self._secrets = secrets
        self._settings = settings
        self._fleet = fleet
        self._metrics = metrics
        self._looker = Looker(cluster, children=children, secrets=secrets, settings=settings, metrics=metrics)
        self._records: dict[Key, Record] = {}
        self._ready: dict[Key, str] = {}
        self._optional_kinds = frozenset[str]()
        self._common = common_digest(settings, self._optional_kinds)

    def serve_kinds(self, names: frozenset[str]) -> bool:
        """Take note of which optional kinds can be written; tell whether that is news."""
        news = names != self._optional_kinds
        self._optional_kinds = names
        self._common = common_digest(self._settings, names)
        return news

    async def reconcile(self, key: Key, failures: int) -> float | None:
        """Bring a tenant into order; `failures` is how often in a row that did not work.

        Return the seconds after which it has to be looked at again, if it has to be.

        Raises:
            RetryError: It has to be tried again.

        """
        begin = time.perf_counter()
        result = "error"
        try:
            result, later = await self._reconcile(key, failures)
        except RetryError:
            result = "retry"
            raise
        except KubeError as error:
            result = "retry"
            _log.warning("%s: %s; it is tried again", key, error)
            self._note_pods(key)
            raise RetryError(str(error), shortest_pause=error.retry_after or 0.0) from None
        except Exception as error:  # noqa: BLE001 - see below
            # A bug, or an object of a shape that nobody foresaw: it must harm this tenant alone.
            _log.exception("%s: unforeseen", key)
            self._note_pods(key)
            raise RetryError(type(error).__name__) from None
        else:
            return later
        finally:
            self._metrics.reconciled(result, time.perf_counter() - begin)

    async def _reconcile(self, key: Key, failures: int) -> tuple[str, float | None]:
        tenant = self._tenants.get(key)
        if tenant is None or tenant.deleting:
            self._forget(key)
            if tenant is not None:
                self._fleet.note(key, "done")
            return "unchanged", None
        status = readable(tenant.status)
        secrets = {secret: self._secrets[secret] for secret in self._tenants.secrets_of(key)}
        children = self._own_children(tenant)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = recall(status.get("appliedDigest"), children, secrets)
        inputs = inputs_digest(tenant, self._common)
        digest = status.get("appliedDigest")
        rivals = self._tenants.rivals(key)
        look = self._refused(key, rivals, status)
        if look is not None:
            digest = record.unfinished_digest()
        elif record.fits(inputs, children, secrets):
            look = _known(status)
        unchanged = look is not None
        if look is None and _torn(record, children) and not await self._cluster.lives(key, tenant.uid):
            # Garbage collection is faster than the event about the owner. After `--cascade=orphan` it would even
            # take what we give back to an owner that is gone.
            return "unchanged", None
        if look is None:
            view = View(
                tenant=tenant,
                status=status,
                record=record,
                inputs=inputs,
                secrets=secrets,
                failures=failures,
                may_change_pods=lambda: self._fleet.ask(key, canary=tenant.canary),
            )
            look = await self._looker.look(view, self._optional_kinds)
            digest = self._remember(view, look)
        wrote = await self._report(tenant, status, look, uniqueness.judge(key, rivals), digest)
        await self._take_turn(tenant, look)
        if look.retry is not None:
            raise look.retry
        return "unchanged" if unchanged and not wrote else "changed", look.later

    def _refused(self, key: Key, rivals: list[Rival], status: Mapping[str, Any]) -> Look | None:
        """Return what to report of a tenant that is refused for its rivals: nothing is read or applied for it."""
        refusal = uniqueness.refuse(key, rivals, self._settings)
        if refusal is None:
            return None
        return unusable(ConditionValue("False", Reason.NOT_UNIQUE, f"{refusal}; what runs stays as it is"), status)

    def _remember(self, view: View, look: Look) -> str | None:
        """Take note of what was found; return the digest for the status."""
        record = view.record
        record.secrets = view.secrets
        if look.held:
            # Looked at again when its turn has come; after a restart the digest of the old inputs sees to that.
            look.accepted = self._waiting(look.accepted)
            return record.unfinished_digest() if look.retry else record.digest()
        again = look.retry is not None or look.later is not None
        if again and record.knows_spec(view.inputs):
            record.inputs = own_part(record.inputs)  # it stays known that this is no change of its own
        else:
            record.inputs = "" if again else view.inputs
        return record.unfinished_digest() if look.retry else record.digest()

    def _waiting(self, accepted: ConditionValue) -> ConditionValue:
        """Return what a tenant's condition Accepted says while its pods wait for their turn."""
        if accepted.status != "True" or not self._fleet.stopped:
            return accepted
        return ConditionValue("True", Reason.ROLLOUT_STOPPED, f"{_STOPPED}; this tenant's proxies run as before")

    async def _take_turn(self, tenant: Tenant, look: Look) -> None:
        """Take note of where the tenant's pods are, so that the next one has its turn; say where that ends."""
        if look.held:
            self._fleet.held(tenant.key)
            return
        was_stopped = self._fleet.stopped
        self._note_pods(tenant.key)
        if self._fleet.stopped and not was_stopped:
            _log.error("%s: %s", _STOPPED, ", ".join(map(str, self._fleet.missed)))
            notice = conditions.EventNote(warning=True, reason=Reason.ROLLOUT_STOPPED, note=_STOPPED)
            for key in self._fleet.missed:
                if missed := self._tenants.get(key):
                    await self._post(missed, notice)

    def _note_pods(self, key: Key) -> None:
        """Tell the fleet how far a tenant's pods are; one that can't be brought into order holds up no other."""
        self._fleet.note(key, state_of(self._children.rollout_of(key)))

    def _own_children(self, tenant: Tenant) -> dict[ChildName, Child]:
        """Return the tenant's own children, wanted or not."""
        children = self._children.of(tenant.key)
        return {name: child for name, child in children.items() if child.belongs_to(tenant.uid)}

    async def _report(
        self, tenant: Tenant, before: Mapping[str, Any], look: Look, unique: ConditionValue, digest: str | None
    ) -> bool:
        """Write the status if it differs, and post what is worth an Event; tell whether it was written."""
        rollout = self._children.rollout_of(tenant.key)
        availability = conditions.available(rollout, namespace=tenant.key.namespace, name=tenant.key.name)
        ready = conditions.ready(look.accepted, availability)
        findings = {
            "Ready": ready,
            "Accepted": look.accepted,
            "Available": availability,
            "CredentialsReady": look.credentials_ready,
            "Unique": unique,
        }
        old = before.get("conditions", [])
        dated = conditions.with_transition_times(findings, old, generation=tenant.generation, now=now())
        status: dict[str, Any] = {
            "observedGeneration": tenant.generation,
            "conditions": dated,
            "endpoint": f"http://{child_name(tenant.key.name)}.{tenant.key.namespace}.svc:{API_PORT}",
        }
        if rollout is not None:
            status |= {"replicas": rollout.replicas, "readyReplicas": rollout.ready}
        if secret_name := look.secret_name or before.get("secretName"):
            status["secretName"] = secret_name
        if look.credential is not None:
            status["credentials"] = look.credential
        if digest is not None:
            status["appliedDigest"] = digest
        self._metrics.ready_changed(self._ready.get(tenant.key), ready.status)
        self._ready[tenant.key] = ready.status
        if status == _own(before, findings):
            return False
        answer = await self._cluster.write_status(tenant.key, status)
        if answer is None:
            # kopf lists again after an interruption, and tells nothing of what has gone meanwhile.
            self._tenants.remove(tenant.key, tenant.uid)
            self._forget(tenant.key)
            return False
        self._metrics.status_written()
        self._tenants.put(msgspec.json.decode(answer), own=True)
        for notice in conditions.event_notes(old, dated, credential_changed=look.changed_credential):
            await self._post(tenant, notice)
        return True

    def _forget(self, key: Key) -> None:
        self._fleet.forget(key)
        self._records.pop(key, None)
        self._metrics.ready_changed(self._ready.pop(key, None), None)

    async def _post(self, tenant: Tenant, notice: conditions.EventNote) -> None:
        try:
            await self._cluster.post_event(
                tenant.key, tenant.uid, warning=notice.warning, reason=notice.reason, note=notice.note
            )
        except KubeError as error:
            # It would say what the status says already.
            _log.warning("%s: the event %s can't be posted: %s", tenant.key, notice.reason, error)


def _own(status: Mapping[str, Any], kinds: Collection[str]) -> dict[str, Any]:
    """Return what is ours of a status: others may have conditions in it, too."""
    own = {name: value for name, value in status.items() if name in _OWN_FIELDS}
    if "conditions" in own:
        own["conditions"] = [condition for condition in own["conditions"] if condition.get("type") in kinds]
    return own


def _torn(record: Record, children: Mapping[ChildName, Child]) -> bool:
    """Tell whether a child that was there has gone, or has lost its owner: it may be that the tenant goes."""
    gone = record.children is not None and record.children.keys() - children.keys()
    return bool(gone) or any(not child.owner_uid for child in children.values())


def _known(status: Mapping[str, Any]) -> Look | None:
    """Return what the status says, which still holds; None where it is incomplete."""
    before = status.get("conditions", [])
    accepted = conditions.condition_in(before, "Accepted")
    credentials = conditions.condition_in(before, "CredentialsReady")
    if accepted is None or credentials is None or "appliedDigest" not in status:
        return None
    if accepted.reason in (Reason.ROLLOUT_STOPPED, Reason.NOT_UNIQUE):
        return None  # that was about an earlier operator's image or settings, or about others
    return Look(accepted=accepted, credentials_ready=credentials, credential=status.get("credentials"))
