"""What the conditions of a TenantProxy say: the operator's own words, and what follows from them."""

from collections.abc import Iterator, Mapping
from typing import Final

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.doctor.commands import DESCRIBE, FLEET, KEYS, PODS, PUT, RELAYS, filled
from tenantproxy_operator.doctor.finding import Finding, Row, Severity
from tenantproxy_operator.doctor.view import TenantView
from tenantproxy_operator.fleet.objects import Condition

_NOT_READY: Final = "a-tenant-is-not-ready"
_CREDENTIAL: Final = "the-credential"
_STUCK: Final = "a-rollout-is-stuck"
_EVENTS: Final = "store-events"

ROWS: Final[Mapping[str, Row]] = {
    Reason.INVALID_SPEC: Row(
        Severity.FAILING,
        "who wrote the manifest",
        "tenantproxy-operator render -f {name}.yaml; it lists every invalid field",
        _NOT_READY,
    ),
    Reason.TLS_SECRET_MISSING: Row(
        Severity.FAILING,
        "platform team",
        "kubectl create secret generic --help; create the one that the message names",
        _NOT_READY,
    ),
    Reason.TLS_SECRET_INVALID: Row(
        Severity.FAILING,
        "platform team",
        "openssl x509 -noout -text -in FILE; correct the key that the message names",
        _NOT_READY,
    ),
    Reason.SECRET_OF_ANOTHER_TENANT: Row(
        Severity.FAILING,
        "platform team",
        "kubectl get secret {secret} -n {namespace}"
        " -o jsonpath='{{.metadata.annotations.proxy\\.hiiretail\\.com/tenant-id}}'",
        _NOT_READY,
    ),
    Reason.ROUTE_UNAVAILABLE: Row(
        Severity.FAILING,
        "platform team",
        "kubectl get crd httproutes.gateway.networking.k8s.io; then the operator's --http-routes",
        _NOT_READY,
    ),
    Reason.NOT_UNIQUE: Row(
        Severity.FAILING,
        "who wrote the manifest",
        f"{FLEET}; delete or change the one that is a mistake",
        _NOT_READY,
    ),
    Reason.CONFLICT: Row(
        Severity.FAILING,
        "platform team",
        f"{DESCRIBE}; delete or rename the object that it names, or have it adopted",
        _NOT_READY,
    ),
    Reason.APPLY_REFUSED: Row(
        Severity.FAILING,
        "platform team",
        "tenantproxy-operator rbac --namespace {namespace} | kubectl diff -f -;"
        " or correct that field, the policy or the quota",
        _NOT_READY,
    ),
    Reason.APPLY_FAILED: Row(
        Severity.FAILING,
        "platform team",
        "kubectl logs -n tenantproxy-system -l app.kubernetes.io/name=tenantproxy-operator --prefix --tail=-1;"
        " it is tried again every two minutes",
        _NOT_READY,
    ),
    Reason.SUSPENDED: Row(
        Severity.WARNING,
        "platform team",
        'kubectl patch tp/{name} -n {namespace} --type=merge -p \'{{"spec": {{"suspend": false}}}}\'',
        _STUCK,
    ),
    Reason.ROLLOUT_PENDING: Row(
        Severity.NOTE, "nobody, it passes by itself", "kubectl get tp/{name} -n {namespace} --watch", _STUCK
    ),
    Reason.ROLLOUT_STOPPED: Row(
        Severity.WARNING,
        "platform team",
        "kubectl get events -A --field-selector reason=RolloutStopped",
        _STUCK,
    ),
    Reason.PENDING: Row(
        Severity.DOWN, "platform team", "kubectl get deployment/{name}-proxy -n {namespace}", _NOT_READY
    ),
    Reason.PROXIES_NOT_READY: Row(Severity.DOWN, "platform team", PODS, _STUCK),
    Reason.RELAYS_NOT_READY: Row(Severity.FAILING, "platform team", RELAYS, _STUCK),
    Reason.ROLLOUT_STUCK: Row(Severity.FAILING, "platform team", PODS, _STUCK),
    Reason.REPLICA_FAILURE: Row(
        Severity.FAILING,
        "platform team",
        "kubectl describe replicasets -l app.kubernetes.io/instance={name} -n {namespace}",
        _STUCK,
    ),
    Reason.DEPLOYMENT_PAUSED: Row(
        Severity.FAILING,
        "platform team",
        "kubectl rollout resume deployment/{name}-proxy -n {namespace}",
        _STUCK,
    ),
    Reason.ROLLING_OUT: Row(
        Severity.NOTE,
        "nobody, it passes by itself",
        "kubectl rollout status deployment/{name}-proxy -n {namespace}",
        _STUCK,
    ),
    Reason.CREDENTIALS_MISSING: Row(Severity.DOWN, "tenant admin", PUT, _CREDENTIAL),
    Reason.CREDENTIALS_INVALID: Row(
        Severity.DOWN,
        "who fills the Secret",
        f"{KEYS}; correct or remove the key that the message names",
        _CREDENTIAL,
    ),
    Reason.POSLOG_KEYS_MISSING: Row(
        Severity.FAILING, "who fills the Secret", f"{KEYS}; add the keys that the message names", _EVENTS
    ),
    Reason.SECRET_MISSING: Row(
        Severity.DOWN, "platform team", "kubectl get secret {secret} -n {namespace}", _CREDENTIAL
    ),
    Reason.SECRET_UNREADABLE: Row(
        Severity.WARNING,
        "platform team",
        "tenantproxy-operator rbac --namespace {namespace} | kubectl apply --server-side -f -",
        _CREDENTIAL,
    ),
    Reason.SECRET_SHARED: Row(
        Severity.WARNING,
        "platform team",
        f"{FLEET}; give one of them its own Secret (spec.auth.secretRef)",
        _NOT_READY,
    ),
    Reason.DUPLICATE_TENANT: Row(
        Severity.WARNING,
        "who wrote the manifest",
        f"{FLEET}; delete the one that is a mistake, if one is",
        _NOT_READY,
    ),
}
"""By the reason of a condition."""

_FINE: Final = frozenset(
    {Reason.ACCEPTED, Reason.PROXIES_READY, Reason.CREDENTIALS_SET, Reason.UNIQUE, Reason.READY}
    | {Reason.RELAYS_READY, Reason.POSLOG_KEYS_SET}
)
_PARTS: Final = ("Accepted", "Available", "PoslogAvailable", "CredentialsReady", "PoslogKeysReady", "Unique")
"""Those that the others summarize."""
_UNKNOWN: Final = Row(Severity.FAILING, "platform team", DESCRIBE, _NOT_READY)
"""A reason of another version."""
_WARNING: Final = "warning:"
OTHER_CONTROLS: Final = "other-controls"
DOUBTFUL_SPEC: Final = "doubtful-spec"
NOT_RECONCILED: Final = "not-reconciled"
NOT_SERVING: Final = "not-serving"
STALE_STATUS: Final = "stale-status"
OWN: Final[Mapping[str, Row]] = {
    OTHER_CONTROLS: Row(Severity.WARNING, "platform team", "kubectl get hpa,pdb -n {namespace}", _STUCK),
    NOT_SERVING: Row(
        Severity.DOWN,
        "platform team",
        "what `local` itself has printed about this tenant",
        "start-here",
        "its proxy is not ready",
    ),
    DOUBTFUL_SPEC: Row(Severity.NOTE, "who wrote the manifest", DESCRIBE, _NOT_READY),
    NOT_RECONCILED: Row(
        Severity.DOWN,
        "platform team",
        "kubectl get deployment/tenantproxy-operator -n tenantproxy-system",
        "the-operator-does-not-react",
        "no operator has acted upon this TenantProxy yet",
    ),
    STALE_STATUS: Row(
        Severity.FAILING,
        "platform team",
        "kubectl get lease tenantproxy-operator -n {namespace}",
        "the-operator-does-not-react",
        "the operator has not acted upon the latest spec: its conditions are about an earlier one",
    ),
}
"""What conditions show beside their reasons."""


def of_conditions(view: TenantView) -> Iterator[Finding]:
    """Yield what is wrong by a TenantProxy's status."""
    if view.is_local:
        if view.serves is False:
            yield finding(view, NOT_SERVING, OWN[NOT_SERVING], says=view.problem)
        return
    metadata, status = view.proxy.metadata, view.proxy.status
    if not status.conditions:
        yield finding(view, NOT_RECONCILED, OWN[NOT_RECONCILED], since=metadata.creation_timestamp or "")
        return
    if (status.observed_generation or 0) < metadata.generation:
        yield finding(view, STALE_STATUS, OWN[STALE_STATUS])
    told: set[str] = set()
    for condition in filter(None, map(view.proxy.condition, _PARTS)):
        for id_, row in _meanings(condition):
            if id_ not in told:
                told.add(id_)
                yield finding(view, id_, row, says=condition.message, since=condition.since)


def _meanings(condition: Condition) -> Iterator[tuple[str, Row]]:
    if condition.reason == Reason.SUSPENDED and condition.status == "True":
        yield condition.reason, ROWS[Reason.SUSPENDED]._replace(severity=Severity.NOTE)  # no change waits
    elif condition.reason not in _FINE:
        yield condition.reason, ROWS.get(condition.reason, _UNKNOWN)
    elif condition.status != "True":
        yield condition.reason, _UNKNOWN
    if condition.type == "Available" and any(
        kind in condition.message for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget")
    ):
        yield OTHER_CONTROLS, OWN[OTHER_CONTROLS]
    if condition.type == "Accepted" and condition.status == "True" and _WARNING in condition.message:
        yield DOUBTFUL_SPEC, OWN[DOUBTFUL_SPEC]


def finding(  # what all diagnoses of a tenant have in common
    view: TenantView, id_: str, row: Row, *, says: str = "", since: str = "", severity: Severity | None = None
) -> Finding:
    """Return a finding about a tenant: a row of a table, and what was seen."""
    level = row.severity if severity is None else severity
    if level is Severity.FAILING and not view.is_local and not any(pod.ready for pod in view.pods):
        ready = view.proxy.condition("Available")
        level = level if ready is not None and ready.status == "True" else Severity.DOWN
    return Finding(
        severity=level,
        subject=str(view.key),
        id=id_,
        says=says or row.says,
        turn=row.turn,
        next=filled(view, row.next),
        anchor=row.anchor,
        since=since,
    )
