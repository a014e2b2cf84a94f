"""What has to be done for a tenant: a function of its snapshot. No client, no clock, nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tenantproxy_operator.api.names import Component, component_of
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.children import Child, ChildName
from tenantproxy_operator.cache.secrets import SecretVersion
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.conditions import AVAILABLE, ConditionValue, condition_in
from tenantproxy_operator.controller.applied_state import AppliedState, manifest_hash
from tenantproxy_operator.controller.pod_revision import revision_hash, revision_name, with_revision
from tenantproxy_operator.controller.retention import is_prune_due
from tenantproxy_operator.controller.spec_reader import mentioning, read_spec
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Manifest
from tenantproxy_operator.kube.workloads import Rollout
from tenantproxy_operator.render.children import render_children
from tenantproxy_operator.render.params import Params
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import uniqueness
from tenantproxy_operator.validation.claims import Rival
from tenantproxy_operator.validation.optional_kinds import find_unavailable
from tenantproxy_operator.validation.resource import find_warnings
from tenantproxy_operator.validation.secrets import SecretCheck, TLSSecret, find_foreign_secret, tls_secrets

SECRET_GRACE: Final = 3.0
"""Seconds for which a missing Secret may still come from the user, before we create an empty one."""
_TLS_REASONS: Final = (Reason.TLS_SECRET_MISSING, Reason.TLS_SECRET_INVALID)
_ACCEPTED: Final = ConditionValue("True", Reason.ACCEPTED, "all objects match the spec")
_SUSPENDED: Final = ConditionValue(
    "True", Reason.SUSPENDED, "spec.suspend is true: the operator changes nothing; set it to false to resume"
)
_CHANGE_WAITS: Final = ConditionValue(
    "False",
    Reason.SUSPENDED,
    "spec.suspend is true, and what is applied differs from the spec: the change waits until it is false; running"
    " proxies stay as they are",
)
_KEPT: Final = (kinds.SECRET.plural, kinds.CONFIG_MAP.plural, kinds.CONTROLLER_REVISION.plural)
"""Kinds of which a tenant may have more than its spec calls for."""


class TenantSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a tenant at one moment."""

    tenant: Tenant
    status: Mapping[str, Any]
    """As the API server had it; empty where it can't be ours."""
    children: Mapping[ChildName, Child]
    """All objects of the children's names, whoever owns them."""
    rollouts: Mapping[Component, Rollout | None] = {}
    """How far the Deployment of each component is; None where there is none."""
    secrets: Mapping[Key, SecretVersion | None]
    """The Secrets that the spec refers to, None for one that does not exist."""
    rivals: tuple[Rival, ...]
    settings: Settings
    optional_kinds: frozenset[str]
    """The optional kinds that can be written."""
    schema: ServedSchema
    """By which the API server keeps specs and statuses."""
    inputs: str
    """See `inputs_digest`."""
    state: AppliedState
    """What the tenant was brought to before."""
    failures: int
    """How often in a row it has failed."""
    time: float
    """Seconds of the monotonic clock."""

    @property
    def inputs_changed(self) -> bool:
        """Whether the spec, the settings or a Secret changed since the last evaluation."""
        return self.state.inputs != self.inputs or self.state.secrets != self.secrets

    @property
    def has_spec(self) -> bool:
        """Whether the tenant's own spec is as it was, whatever else has changed."""
        return self.state.has_spec(self.inputs, self.tenant.change_hash)

    @property
    def owner_may_be_gone(self) -> bool:
        """Whether a child that was there has gone, or has lost its owner: it may be that the tenant goes."""
        children = owned_by(self.tenant, self.children)
        gone = self.state.children is not None and self.state.children.keys() - children.keys()
        return bool(gone) or any(not child.owner_uid for child in children.values())

    @property
    def prune_due(self) -> bool:
        """Whether it has to be looked which of the earlier ConfigMaps are still needed."""
        owned = owned_by(self.tenant, self.children)
        counts = Counter(component_of(name) for plural, name in owned if plural == kinds.CONFIG_MAP.plural)
        return any(
            is_prune_due(counts[component], rollout, was_complete=self._was_complete(component))
            for component, rollout in self.rollouts.items()
        )

    def _was_complete(self, component: Component) -> bool:
        available = self.condition(AVAILABLE[component])
        return available is not None and available.reason in (Reason.PROXIES_READY, Reason.RELAYS_READY)

    def condition(self, kind: str) -> ConditionValue | None:
        """Return what the status says about a condition type."""
        return condition_in(self.status.get("conditions", []), kind)


class Settled(msgspec.Struct, frozen=True):
    """What the status says of a tenant that nothing is read or applied for."""

    accepted: ConditionValue
    credentials_ready: ConditionValue
    digest: str | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be done for a tenant."""

    accepted: ConditionValue
    """What the condition says once the children are applied, or where none are to be."""
    resource: TenantProxy | None = None
    """None: the spec is not accepted."""
    tls_secrets: tuple[TLSSecret, ...] = ()
    """What has to be read, and be valid, before anything is applied."""
    children: tuple[Manifest, ...] | None = None
    """What is to be applied; None: nothing."""
    prune_due: bool = False
    """Whether ConfigMaps that no pod needs any more have to be deleted."""
    needs_turn: bool = False
    """Whether pods would change because of what all tenants share, for which tenants take turns; see `rollout`."""
    secret_missing_since: float | None = None
    """Since when the Secret that we may create is missing; None while it is there."""
    secret_due_in: float | None = None
    """Seconds until we create it; None: now, if it is missing."""
    reads_credential: bool = False
    """Whether the Secret with the credential has to be read again."""
    credential: SecretCheck | None = None
    """What is wrong with that Secret, without reading it, so that nothing is to be done."""


def owned_by(tenant: Tenant, children: Mapping[ChildName, Child]) -> dict[ChildName, Child]:
    """Return the tenant's own among the objects of its children's names, wanted or not."""
    return {name: child for name, child in children.items() if child.belongs_to(tenant.uid)}


def refused_for_rivals(snapshot: TenantSnapshot) -> Settled | None:
    """Return what is said of a tenant that is refused because another one was first; None where it is not."""
    refusal = uniqueness.refuse(snapshot.tenant.key, snapshot.rivals, snapshot.settings)
    if refusal is None:
        return None
    accepted = ConditionValue("False", Reason.NOT_UNIQUE, f"{refusal}; running proxies stay as they are")
    return Settled(accepted, credentials_of_unusable(snapshot, accepted), snapshot.state.unfinished_digest())


def unchanged(snapshot: TenantSnapshot) -> Settled | None:
    """Return what the status says, where all is as it was when that was found; None where it is not."""
    if not snapshot.state.matches(snapshot.inputs, owned_by(snapshot.tenant, snapshot.children), snapshot.secrets):
        return None
    if snapshot.prune_due:
        return None
    accepted, credentials = snapshot.condition("Accepted"), snapshot.condition("CredentialsReady")
    digest = snapshot.status.get("appliedDigest")
    if accepted is None or credentials is None or digest is None:
        return None
    if accepted.reason in (Reason.ROLLOUT_PENDING, Reason.ROLLOUT_STOPPED, Reason.NOT_UNIQUE):
        return None  # that was about an earlier operator's image or settings, or about others
    return Settled(accepted, credentials, digest)


def evaluate(snapshot: TenantSnapshot) -> Evaluation:
    """Return what has to be done for a tenant that something has changed for."""
    resource, unknown = read_spec(snapshot.tenant, snapshot.schema, snapshot.settings)
    if isinstance(resource, ConditionValue):
        return Evaluation(accepted=resource)
    tenant_ids = {key.name: secret.tenant_id for key, secret in snapshot.secrets.items() if secret}
    foreign = find_foreign_secret(resource, tenant_ids)
    if foreign is not None:
        message = f"{foreign.message}; running proxies stay as they are"
        accepted = ConditionValue("False", foreign.reason, message)
        return Evaluation(accepted=accepted, resource=resource, credential=foreign)
    known = snapshot.condition("Accepted")
    reads_credential = snapshot.inputs_changed or snapshot.condition("CredentialsReady") is None
    if not snapshot.inputs_changed and known is not None and known.reason in _TLS_REASONS:
        return Evaluation(accepted=known, resource=resource, reads_credential=reads_credential)
    to_check = tls_secrets(resource) if snapshot.inputs_changed else ()
    params = Params(resource=resource, settings=snapshot.settings, kinds=snapshot.optional_kinds)
    rendered = render_children(params)
    warnings = find_warnings(resource, snapshot.settings)
    if resource.spec.suspend:
        accepted = _SUSPENDED if _is_applied(snapshot, rendered) else _CHANGE_WAITS
        return Evaluation(
            accepted=mentioning(accepted, unknown, warnings),
            resource=resource,
            tls_secrets=to_check,
            reads_credential=reads_credential,
        )
    children = with_revision(rendered)
    missing_since = _secret_missing_since(snapshot, resource)
    return Evaluation(
        accepted=find_unavailable(resource, snapshot.optional_kinds)
        or _mentioning_secret(mentioning(_ACCEPTED, unknown, warnings), snapshot, resource),
        resource=resource,
        tls_secrets=to_check,
        children=children,
        prune_due=snapshot.prune_due,
        needs_turn=_needs_turn(snapshot, children),
        secret_missing_since=missing_since,
        secret_due_in=_secret_due_in(snapshot, missing_since),
        reads_credential=reads_credential,
    )


def credentials_of_unusable(snapshot: TenantSnapshot, accepted: ConditionValue) -> ConditionValue:
    """Return CredentialsReady of a tenant that can't be used: what the status says, if it says anything."""
    unknown = ConditionValue("Unknown", accepted.reason, "the spec is not accepted; see the condition Accepted")
    return snapshot.condition("CredentialsReady") or unknown


def _mentioning_secret(
    accepted: ConditionValue, snapshot: TenantSnapshot, resource: TenantProxy
) -> ConditionValue:
    """Return a condition whose message also says that there is no credential for the forward proxy."""
    forward_proxy = resource.spec.upstream.forward_proxy
    reference = forward_proxy.secret_ref if forward_proxy else None
    if reference is None or snapshot.secrets.get(Key(snapshot.tenant.key.namespace, reference.name)):
        return accepted
    said = (
        f"`spec.upstream.forwardProxy.secretRef`: Secret {reference.name} does not exist, so the forward proxy"
        " gets no credential; create it, or remove the field"
    )
    return msgspec.structs.replace(accepted, message=f"{accepted.message}; {said}")


def _is_applied(snapshot: TenantSnapshot, rendered: Sequence[Manifest]) -> bool:
    """Tell whether the objects are what a suspended tenant's spec calls for.

    What the operator's own image or settings would change since then does not count: the spec is as it was.
    """
    owned = owned_by(snapshot.tenant, snapshot.children)
    if not snapshot.state.holds(owned):
        return False
    if snapshot.state.change == snapshot.tenant.change_hash:
        return True
    wanted = {
        (kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]].plural, manifest["metadata"]["name"]): manifest
        for manifest in rendered
    }
    applied = all(
        name in owned and owned[name].manifest_hash == manifest_hash(manifest)
        for name, manifest in wanted.items()
        if name[0] != kinds.SECRET.plural  # which may be the user's own
    )
    return applied and all(name[0] in _KEPT for name in owned.keys() - wanted.keys())


def _needs_turn(snapshot: TenantSnapshot, children: tuple[Manifest, ...]) -> bool:
    """Tell whether the tenant's pods would change, and not because of its own spec."""
    if snapshot.state.inputs == snapshot.inputs or not snapshot.has_spec:
        return False
    deployments = [manifest for manifest in children if manifest["kind"] == kinds.DEPLOYMENT.kind]
    there = [snapshot.children.get((kinds.DEPLOYMENT.plural, each["metadata"]["name"])) for each in deployments]
    if any(
        child is not None and child.manifest_hash != manifest_hash(deployment)
        for deployment, child in zip(deployments, there, strict=True)
    ):
        return True
    if None not in there:
        return False
    # One that was deleted comes back as it was, if that is stored.
    released = snapshot.state.revision
    name, owned = revision_name(snapshot.tenant.key, released), owned_by(snapshot.tenant, snapshot.children)
    stored = bool(released) and name in owned
    return stored and released != revision_hash(children)


def _secret_missing_since(snapshot: TenantSnapshot, resource: TenantProxy) -> float | None:
    """Return since when the Secret that we may create is missing; None while it is there."""
    secret = Key(snapshot.tenant.key.namespace, resource.secret_name)
    if resource.spec.auth.management != "tenant" or snapshot.secrets.get(secret):
        return None
    since = snapshot.state.secret_missing_since
    return snapshot.time if since is None else since


def _secret_due_in(snapshot: TenantSnapshot, missing_since: float | None) -> float | None:
    """Return for how many seconds the user is given time to make a missing Secret; None where it is due.

    Whoever applies it together with the TenantProxy, or deletes and creates it, shall have one of his own, and no
    error because ours was faster.
    """
    if missing_since is None:
        return None
    left = missing_since + SECRET_GRACE - snapshot.time
    return left if left > 0 else None
