"""A full look at one tenant: whether its spec and its Secrets can be used, and its children brought into order."""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from tenantproxy.kube.client import StatusError
from tenantproxy_operator import conditions
from tenantproxy_operator.api.resource import API_VERSION, KIND, TenantProxy
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.secrets import Secrets, SecretState
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.conditions import ConditionValue, Reason
from tenantproxy_operator.controller.applied_state import Record
from tenantproxy_operator.controller.applier import Ensurer, Failure, Outcome, manifest_hash
from tenantproxy_operator.controller.workqueue import RetryError
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.objects import SecretContent
from tenantproxy_operator.manifests.problems import field_errors
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.render.children import Manifest, Params, desired_children
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import resource as admission
from tenantproxy_operator.validation.secrets import judge_ca, judge_client_certificate, judge_credentials

_PATIENCE: Final = 2
"""Failures in a row that the status does not mention: most pass by themselves."""
SECRET_GRACE: Final = 3.0
"""Seconds for which a missing Secret may still come from the user, before we create an empty one."""
_LOOK_AGAIN: Final = 30.0
"""Seconds after which it is seen at the latest that another's object, of which no watch tells, is gone."""
_TLS_REASONS: Final = (Reason.TLS_SECRET_MISSING, Reason.TLS_SECRET_INVALID)
_ACCEPTED: Final = ConditionValue("True", Reason.ACCEPTED, "all objects are as the spec wants them")


class Look(msgspec.Struct, kw_only=True):
    """What was found."""

    accepted: ConditionValue
    credentials_ready: ConditionValue
    credential: dict[str, Any] | None
    """`status.credentials`."""
    secret_name: str | None = None
    """The Secret that the proxies use from now on; None: as before."""
    changed_credential: str | None = None
    """The Secret whose credential is another one than before."""
    retry: RetryError | None = None
    held: bool = False
    """Whether the tenant's pods wait for their turn to be changed."""
    later: float | None = None
    """Seconds after which there is something to do."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a tenant before the look."""

    tenant: Tenant
    status: Mapping[str, Any]
    record: Record
    inputs: str
    secrets: dict[Key, SecretState | None]
    """Where the referenced Secrets stand; one that the look creates is added."""
    failures: int
    """How often in a row it has failed."""
    may_change_pods: Callable[[], bool]
    """Asks for the tenant's turn, where a change is not its own; see `fleet`."""

    @property
    def moved(self) -> bool:
        """Whether the spec, the settings or a Secret changed since the last look."""
        return self.record.inputs != self.inputs or self.record.secrets != self.secrets

    def finding(self, kind: str) -> ConditionValue | None:
        """Return what the status says about a condition type."""
        return conditions.condition_in(self.status.get("conditions", []), kind)


class Looker:
    """Looks at tenants."""

    def __init__(
        self, cluster: Cluster, *, children: Children, secrets: Secrets, settings: Settings, metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._children = children
        self._settings = settings
        self._ensurer = Ensurer(cluster, children, secrets, metrics)

    async def look(self, view: View, optional_kinds: frozenset[str]) -> Look:
        """Look at everything of a tenant, and apply what differs. Raises KubeError."""
        resource = self._validated(view.tenant)
        if isinstance(resource, ConditionValue):
            return unusable(resource, view.status)
        outcome = None
        retry = None
        later = None
        held = False
        if accepted := await self._unusable_tls(resource, view):
            pass
        elif resource.spec.suspend:
            message = "spec.suspend is true: the operator changes nothing; set it to false to go on"
            accepted = ConditionValue("True", Reason.SUSPENDED, message)
        else:
            params = Params(resource=resource, settings=self._settings, kinds=optional_kinds)
            trusted = view.record.children or {}
            later = _time_for_secret(view, resource)
            manifests = desired_children(params)
            held = self._is_of_the_fleet(view, manifests) and not view.may_change_pods()
            outcome = await self._ensurer.ensure(
                view.tenant, manifests, trusted, create_secret=later is None, hold_pods=held
            )
            view.record.children = outcome.applied
            if outcome.unreachable:
                raise outcome.unreachable
            accepted, retry = _judged(outcome, view)
            if accepted is _ACCEPTED and resource.spec.route and kinds.HTTP_ROUTE.kind not in optional_kinds:
                accepted = _NO_ROUTES
        look = await self._judge_credential(resource, view, accepted, outcome)
        look.retry = retry or look.retry
        look.later = later
        look.held = held
        if outcome is not None and retry is None and not held:
            look.secret_name = resource.secret_name
        return look

    def _is_of_the_fleet(self, view: View, manifests: list[Manifest]) -> bool:
        """Tell whether the tenant's pods would change, and not because of its own spec."""
        if not view.record.knows_spec(view.inputs) or view.record.inputs == view.inputs:
            return False
        (deployment,) = (manifest for manifest in manifests if manifest["kind"] == kinds.DEPLOYMENT.kind)
        name = kinds.DEPLOYMENT.plural, deployment["metadata"]["name"]
        child = self._children.of(view.tenant.key).get(name)
        return child is not None and child.manifest_hash != manifest_hash(deployment)

    def _validated(self, tenant: Tenant) -> TenantProxy | ConditionValue:
        """Return the resource, or what is wrong with it."""
        spec = msgspec.json.decode(tenant.spec)
        if admission.is_too_deep(spec):
            return _TOO_DEEP
        manifest = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": tenant.key.name, "namespace": tenant.key.namespace, "uid": tenant.uid},
            "spec": spec,
        }
        try:
            resource = TenantProxy.model_validate(manifest)
        except ValidationError as error:
            errors = field_errors(error, TenantProxy)
        else:
            errors = admission.check_resource(resource, self._settings)
            if not errors:
                return resource
        said = "; ".join(f"`{field}` {detail}" for field, detail in errors)
        return ConditionValue("False", Reason.INVALID_SPEC, f"{said}; what runs stays as it is")

    async def _unusable_tls(self, resource: TenantProxy, view: View) -> ConditionValue | None:
        """Return what is wrong with a Secret of `spec.upstream.tls`, if something is."""
        if not view.moved:
            known = view.finding("Accepted")
            return known if known and known.reason in _TLS_REASONS else None
        for name, judge in (
            (resource.ca_secret_name, judge_ca),
            (resource.client_certificate_secret_name, judge_client_certificate),
        ):
            if name is not None:
                verdict = judge(await self._read(Key(resource.metadata.namespace, name), view), name)
                if not verdict.usable:
                    return ConditionValue("False", verdict.reason, f"{verdict.message}; what runs stays as it is")
        return None

    async def _judge_credential(
        self, resource: TenantProxy, view: View, accepted: ConditionValue, outcome: Outcome | None
    ) -> Look:
        """Return the look with the verdict on the tenant's credential."""
        before = view.status.get("credentials")
        known = view.finding("CredentialsReady")
        key = Key(resource.metadata.namespace, resource.secret_name)
        created = outcome.created_secret if outcome else None
        if created is not None:
            view.secrets[key] = SecretState(created.uid, created.version)
        if known is not None and not view.moved and created is None:
            return Look(accepted=accepted, credentials_ready=known, credential=before)
        try:
            content = SecretContent(metadata=created) if created else await self._read(key, view)
        except StatusError as error:
            message = f"Secret {key.name} can't be read: {error.message}; give the operator the right to, and wait"
            finding = ConditionValue("Unknown", Reason.SECRET_UNREADABLE, message)
            look = Look(accepted=accepted, credentials_ready=finding, credential=before)
            look.retry = RetryError(message)
            return look
        verdict = judge_credentials(content, resource, self._settings)
        finding = ConditionValue("True" if verdict.usable else "False", verdict.reason, verdict.message)
        look = Look(accepted=accepted, credentials_ready=finding, credential=None)
        fingerprint, view.record.fingerprint = view.record.fingerprint, verdict.fingerprint
        if verdict.type is not None:
            # Without a fingerprint to compare with, as after a restart, a Secret that has moved counts as one
            # with another credential.
            moved = view.record.secrets.get(key) != view.secrets[key]
            same = fingerprint == verdict.fingerprint if fingerprint else not moved
            if before is not None and before.get("type") == verdict.type and same:
                look.credential = before
            else:
                look.credential = {"type": verdict.type, "updatedAt": now()}
                look.changed_credential = key.name if before is not None else None
        return look

    async def _read(self, key: Key, view: View) -> SecretContent | None:
        return await self._cluster.read_secret(key) if view.secrets.get(key) else None


def unusable(accepted: ConditionValue, status: Mapping[str, Any]) -> Look:
    """Return the look at a tenant whose spec can't be used; of its credential is said what the status says."""
    unknown = ConditionValue("Unknown", accepted.reason, "the spec can't be used; see the condition Accepted")
    known = conditions.condition_in(status.get("conditions", []), "CredentialsReady")
    return Look(accepted=accepted, credentials_ready=known or unknown, credential=status.get("credentials"))


def _time_for_secret(view: View, resource: TenantProxy) -> float | None:
    """Return for how many seconds the user is given time to make a missing Secret; None where it is due.

    Whoever applies it together with the TenantProxy, or deletes and creates it, shall have one of his own, and no
    error because ours was faster.
    """
    record = view.record
    if resource.spec.auth.management != "tenant" or view.secrets.get(
        Key(resource.metadata.namespace, resource.secret_name)
    ):
        record.secret_missing_since = None
        return None
    at = time.monotonic()
    if record.secret_missing_since is None:
        record.secret_missing_since = at
    left = record.secret_missing_since + SECRET_GRACE - at
    return left if left > 0 else None


_TOO_DEEP: Final = ConditionValue(
    "False",
    Reason.INVALID_SPEC,
    f"`spec` is nested more than {admission.MOST_NESTED} levels deep; remove what does not belong there; what runs"
    " stays as it is",
)
_NO_ROUTES: Final = ConditionValue(
    "False",
    Reason.ROUTE_UNAVAILABLE,
    "spec.route needs HTTPRoutes (gateway.networking.k8s.io/v1); install the Gateway API and run the operator with"
    " --http-routes, or remove spec.route",
)


def _judged(outcome: Outcome, view: View) -> tuple[ConditionValue, RetryError | None]:
    """Return what an outcome means for the condition Accepted, and whether to try again."""
    if outcome.conflicts:
        message = _listed(outcome.conflicts)
        return ConditionValue("False", Reason.CONFLICT, message), RetryError(message, longest_pause=_LOOK_AGAIN)
    if outcome.refused:
        message = f"{_listed(outcome.refused)}; correct the spec, or what refuses it"
        return ConditionValue("False", Reason.APPLY_REFUSED, message), RetryError(message)
    if outcome.failed:
        message = f"{_listed(outcome.failed)}; it is tried again"
        retry = RetryError(message, shortest_pause=outcome.retry_after)
        before = view.finding("Accepted")
        # What was found of an earlier generation says nothing about this one.
        same = view.status.get("observedGeneration") == view.tenant.generation
        if view.failures < _PATIENCE and same and before is not None:
            return before, retry
        return ConditionValue("Unknown", Reason.APPLY_FAILED, message), retry
    return _ACCEPTED, None


def _listed(failures: list[Failure]) -> str:
    return "; ".join(f"{failure.kind} {failure.name}: {failure.error}" for failure in failures)


def now() -> str:
    """Return the time as the API server writes it (RFC 3339, seconds)."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
