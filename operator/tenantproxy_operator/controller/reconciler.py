"""Reconcile one tenant: what happens to it is here, from top to bottom.

A snapshot is evaluated (`evaluation`), what it calls for is applied (`applier`), and both make the next state and
the status (`result`). Nothing is written where nothing has changed. The work queue sees to it that a tenant has
one reconcile at a time.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable

from tenantproxy.debugging import parse_end
from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.served_schema import ServedSchema, own_schema
from tenantproxy_operator.api.status import readable
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenant, Tenants
from tenantproxy_operator.controller.applied_state import AppliedState, common_digest, inputs_digest, spec_part
from tenantproxy_operator.controller.applier import ChildApplier
from tenantproxy_operator.controller.apply_result import ApplyResult
from tenantproxy_operator.controller.debugging import DebugWindows
from tenantproxy_operator.controller.evaluation import (
    Evaluation,
    TenantSnapshot,
    evaluate,
    owned_by,
    refused_for_rivals,
    unchanged,
)
from tenantproxy_operator.controller.outcome import Observation, Outcome, Retry
from tenantproxy_operator.controller.reporter import Reporter
from tenantproxy_operator.controller.result import result_of, result_of_settled, state_after_apply
from tenantproxy_operator.controller.rollout import RolloutGate
from tenantproxy_operator.controller.workqueue import RetryError
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import SecretContent
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.secrets import (
    SecretCheck,
    TLSSecret,
    check_credentials_secret,
    check_poslog_keys,
    unreadable_secret,
)

_log = logging.getLogger(__name__)


def utc_now() -> str:
    """Return the time as the API server writes it (RFC 3339, seconds)."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reconciler:
    """Reconciles tenants."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        tenants: Tenants,
        children: Children,
        controls: Controls,
        secrets: SecretVersions,
        settings: Settings,
        rollout: RolloutGate,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], str] = utc_now,
    ) -> None:
        self._cluster = cluster
        self._tenants = tenants
        self._children = children
        self._controls = controls
        self._secrets = secrets
        self._settings = settings
        self._rollout = rollout
        self._metrics = metrics
        self._clock = clock
        self._now = now
        self._applier = ChildApplier(cluster, children, secrets, metrics)
        self._reporter = Reporter(cluster, tenants=tenants, children=children, rollout=rollout, metrics=metrics)
        self._debug = DebugWindows(cluster, lambda: parse_end(now()))
        self._states: dict[Key, AppliedState] = {}
        self._optional_kinds = frozenset[str]()
        self._schema = own_schema()
        self._common = common_digest(settings, self._optional_kinds, self._schema)

    def serve_kinds(self, names: frozenset[str]) -> bool:
        """Record which optional kinds can be written; return whether that is news."""
        news = names != self._optional_kinds
        self._optional_kinds = names
        self._common = common_digest(self._settings, names, self._schema)
        return news

    def serve_schema(self, schema: ServedSchema) -> None:
        """Record the schema that the API server serves now."""
        self._schema = schema
        self._common = common_digest(self._settings, self._optional_kinds, schema)

    async def reconcile(self, key: Key, failures: int) -> float | None:
        """Reconcile a tenant; `failures` is how often in a row that has failed.

        Return the seconds after which it has to be reconciled again, if it has to be.

        Raises:
            RetryError: It has to be retried.

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
            _log.warning("%s: %s; retrying", key, error)
            self._reporter.report_rollout(key)
            raise RetryError(str(error), shortest_pause=error.retry_after or 0.0) from None
        except Exception as error:  # noqa: BLE001 - see below
            # A bug, or an object of an unexpected shape: it must harm this tenant alone.
            _log.exception("%s: unexpected error", key)
            self._reporter.report_rollout(key)
            raise RetryError(type(error).__name__) from None
        else:
            return later
        finally:
            self._metrics.reconciled(result, time.perf_counter() - begin)

    async def _reconcile(self, key: Key, failures: int) -> tuple[str, float | None]:
        """Return the metric's result, and the seconds after which there is something to do."""
        tenant = self._tenants.get(key)
        if tenant is None or tenant.deleting:
            self.forget(key)
            if tenant is not None:
                self._rollout.report(key, "done")
            return "unchanged", None
        snapshot = self._take_snapshot(tenant, failures)
        settled = refused_for_rivals(snapshot) or unchanged(snapshot)
        if settled is not None:
            result = result_of_settled(snapshot, settled, self._observe(tenant))
        elif snapshot.owner_may_be_gone and not await self._cluster.lives(key, tenant.uid):
            # Garbage collection is faster than the event about the owner. After `--cascade=orphan` it would even
            # take what we give back to an owner that is gone.
            return "unchanged", None
        else:
            evaluation = evaluate(snapshot)
            outcome = await self._carry_out(snapshot, evaluation)
            result = result_of(snapshot, evaluation, outcome, self._observe(tenant))
        self._states[key] = result.state
        wrote = await self._reporter.write_status(tenant, result)
        if wrote is None:
            self.forget(key)
        await self._reporter.report_turn(key, held=result.held)
        debug_ends = await self._bring_debug(tenant)
        if result.retry is not None:
            raise _retry_error(result.retry)
        later = min((each for each in (result.later, debug_ends) if each is not None), default=None)
        return "unchanged" if settled and not wrote else "changed", later

    async def _bring_debug(self, tenant: Tenant) -> float | None:
        """Tell the proxies until when to write debug lines; return the seconds until that is over."""
        refused, later = await self._debug.bring(tenant)
        if refused is not None:
            await self._reporter.post(tenant, refused)
        return later

    def _take_snapshot(self, tenant: Tenant, failures: int) -> TenantSnapshot:
        """Return all that is known of a tenant; after a restart, its state is restored from its status."""
        key = tenant.key
        status = readable(tenant.status)
        children = dict(self._children.of(key))
        secrets = {secret: self._secrets[secret] for secret in self._tenants.secrets_of(key)}
        inputs = inputs_digest(tenant, self._common)
        state = self._states.get(key)
        if state is None:
            own = spec_part(inputs) if status.get("observedGeneration") == tenant.generation else ""
            digest = status.get("appliedDigest")
            state = AppliedState.restore(digest, owned_by(tenant, children), secrets, own=own)
            self._states[key] = state
        return TenantSnapshot(
            tenant=tenant,
            status=status,
            children=children,
            rollouts=self._children.rollouts_of(key),
            secrets=secrets,
            rivals=tuple(self._tenants.rivals(key)),
            settings=self._settings,
            optional_kinds=self._optional_kinds,
            schema=self._schema,
            inputs=inputs,
            state=state,
            failures=failures,
            time=self._clock(),
        )

    async def _carry_out(self, snapshot: TenantSnapshot, evaluation: Evaluation) -> Outcome:
        """Do what an evaluation says; read what costs a call where something has changed. Raises KubeError."""
        if evaluation.credential is not None:
            return Outcome(credential=evaluation.credential)
        tenant, tls = snapshot.tenant, await self._find_unusable(snapshot, evaluation.tls_secrets)
        secret = await self._read_credential(snapshot, evaluation)
        children, held = None, False
        if tls is None and evaluation.children is not None:
            held = evaluation.needs_turn and not self._rollout.request(tenant.key, canary=tenant.canary)
            children = await self._apply_children(snapshot, evaluation, secret, hold_pods=held)
        created, credential, keys = children.created_secret if children else None, None, None
        if evaluation.resource is not None and (created or evaluation.reads_credential):
            seen = SecretContent(metadata=created) if created else secret
            credential, keys = _check_secret(evaluation.resource, seen, self._settings)
        return Outcome(tls=tls, children=children, held=held, credential=credential, poslog_keys=keys)

    async def _find_unusable(self, snapshot: TenantSnapshot, secrets: tuple[TLSSecret, ...]) -> SecretCheck | None:
        """Return what is wrong with the first of these Secrets that can't be used; None where all can."""
        for secret in secrets:
            check = secret.check(await self._read(snapshot, secret.name), secret.name)
            if not check.usable:
                return check
        return None

    async def _apply_children(
        self,
        snapshot: TenantSnapshot,
        evaluation: Evaluation,
        secret: SecretContent | StatusError | None,
        *,
        hold_pods: bool,
    ) -> ApplyResult:
        key, resource = snapshot.tenant.key, evaluation.resource
        result = await self._applier.apply_all(
            snapshot.tenant,
            evaluation.children or (),
            snapshot.state.children or {},
            tenant_id=resource.spec.tenant_id if resource else "",
            create_secret=evaluation.secret_due_in is None,
            secret=secret if isinstance(secret, SecretContent) else None,
            hold_pods=hold_pods,
            revision=snapshot.state.revision,
            prune_config_maps=evaluation.prune_due,
        )
        # What is written stays known, whatever fails from here on.
        self._states[key] = state_after_apply(snapshot, evaluation, result)
        if result.unreachable:
            raise result.unreachable
        return result

    async def _read_credential(
        self, snapshot: TenantSnapshot, evaluation: Evaluation
    ) -> SecretContent | StatusError | None:
        """Return the Secret with the credential, or why it can't be read; None: none is there, or to be read."""
        if evaluation.resource is None or not evaluation.reads_credential:
            return None
        try:
            return await self._read(snapshot, evaluation.resource.secret_name)
        except StatusError as error:
            return error

    async def _read(self, snapshot: TenantSnapshot, name: str) -> SecretContent | None:
        """Return a Secret with its data; None where there was none at the snapshot."""
        secret = Key(snapshot.tenant.key.namespace, name)
        return await self._cluster.read_secret(secret) if snapshot.secrets.get(secret) else None

    def _observe(self, tenant: Tenant) -> Observation:
        """Return what the status says beside what was evaluated and applied."""
        return Observation(
            rollouts=self._children.rollouts_of(tenant.key),
            others=self._controls.of(tenant),
            rollout_stopped=self._rollout.stopped,
            now=self._now(),
        )

    def forget(self, key: Key) -> None:
        """Keep nothing about a tenant: it is gone, or it is another operator's; its status has what counts."""
        self._reporter.forget(key)
        self._debug.forget(key)
        self._states.pop(key, None)


def _retry_error(retry: Retry) -> RetryError:
    if retry.longest_pause is None:
        return RetryError(retry.message, shortest_pause=retry.shortest_pause)
    return RetryError(retry.message, longest_pause=retry.longest_pause, shortest_pause=retry.shortest_pause)


def _check_secret(
    resource: TenantProxy, found: SecretContent | StatusError | None, settings: Settings
) -> tuple[SecretCheck, SecretCheck | None]:
    """Check the credential in the tenant's Secret, and a relay's keys, or say why it can't be read."""
    if not isinstance(found, StatusError):
        return check_credentials_secret(found, resource, settings), check_poslog_keys(found, resource)
    unreadable = unreadable_secret(resource.secret_name, found.message)
    return unreadable, unreadable if resource.relay else None
