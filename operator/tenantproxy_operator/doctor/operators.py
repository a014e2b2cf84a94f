"""Why the operator does not react."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tenantproxy_operator.doctor.finding import Finding, Row, Severity, seconds
from tenantproxy_operator.doctor.view import OperatorView, TenantView, View
from tenantproxy_operator.fleet.objects import Lease
from tenantproxy_operator.fleet.samples import Samples

_ANCHOR: Final = "the-operator-does-not-react"
_STUCK: Final = "a-rollout-is-stuck"
_LOGS: Final = "kubectl logs -n {namespace} -l app.kubernetes.io/name=tenantproxy-operator --prefix --tail=-1"


def _row(says: str, next_: str, severity: Severity = Severity.FAILING, anchor: str = _ANCHOR) -> Row:
    return Row(severity, "platform team", next_, anchor, says)


ROWS: Final[Mapping[str, Row]] = {
    "crd-missing": _row(
        "the CustomResourceDefinition of TenantProxies is not installed",
        "tenantproxy-operator crd | kubectl apply --server-side -f -; then the manifests, if it was deleted",
        Severity.DOWN,
    ),
    "operator-absent": _row(
        "there is no operator here: nothing that is changed takes effect", "helm status tenantproxy -n {namespace}"
    ),
    "operator-not-ready": _row("no operator is ready", _LOGS),
    "namespace-not-watched": _row(
        "the operator does not watch this namespace",
        "kubectl describe deployment/tenantproxy-operator -n {namespace} | grep namespace",
    ),
    "nobody-leads": _row(
        "nobody holds the operator's Lease, so that none acts", "kubectl get lease -A | grep tenantproxy-operator"
    ),
    "led-by-another": _row(
        "an operator of another installation acts here, and this one waits",
        "kubectl get lease -A | grep tenantproxy-operator; docs/runbooks/TenantProxyOperatorNotLeading.md",
        Severity.WARNING,
    ),
    "queue-depth": _row("TenantProxies wait for a worker: the API server is slow", _LOGS),
    "retrying": _row("the last reconcile of TenantProxies failed", f"kubectl get tp -A; {_LOGS}"),
    "watch-interruptions": _row(
        "its watches break off: the network path to the API server, or the API server", _LOGS, Severity.WARNING
    ),
    "missed-events": _row("its watch of TenantProxies is dead; the kubelet restarts it", _LOGS),
    "writes-at-rest": _row(
        # Of what others change just now two seconds can't tell.
        "it is writing: if nobody changes anything now, something else changes the same fields",
        "kubectl get deployments -A --show-managed-fields -o yaml -l"
        " app.kubernetes.io/managed-by=tenantproxy-operator",
        Severity.NOTE,
    ),
    "rollout-stopped": _row(
        "the rollout of a new image or setting was stopped, since several tenants' proxies don't become ready",
        "kubectl get events -A --field-selector reason=RolloutStopped",
        Severity.FAILING,
        _STUCK,
    ),
    "rollout-pending": _row(
        "tenants wait for their turn in the rollout of a new image or setting",
        "kubectl get tp -A",
        Severity.NOTE,
        _STUCK,
    ),
}

_GAUGES: Final[Mapping[str, str]] = {
    "queue_depth": "queue-depth",
    "retrying": "retrying",
    "rollout_stopped": "rollout-stopped",
    "rollout_pending": "rollout-pending",
}
_NAMESPACE: Final = re.compile(r"--namespace[= ](\S+)")


def of_operator(view: View) -> Iterator[Finding]:
    """Yield what is wrong with the operator, as far as it can be seen."""
    if view.is_crd_missing:
        yield _finding("crd-missing", view, subject="cluster")
        return
    operator = view.operator
    if operator is None:
        return
    yield from _of_leases(view, operator)
    if operator.is_seen:
        yield from _of_pods(view, operator)
    yield from _of_metrics(view, operator)


def _of_pods(view: View, operator: OperatorView) -> Iterator[Finding]:
    if not operator.deployments and not operator.pods:
        if not any(_holds(lease, view.now) for lease in operator.leases.values()):  # else it runs elsewhere
            yield _finding("operator-absent", view)
        return
    if not any(pod.ready for pod in operator.pods):
        said = next((words for process in operator.processes if (words := last_problem(process.log))), "")
        yield _finding("operator-not-ready", view, more=f": {said}" if said else "")
    arguments = " ".join(
        argument
        for deployment in operator.deployments
        for container in deployment.spec.template.spec.containers
        for argument in container.args
    )
    if operator.deployments and "--all-namespaces" not in arguments:
        watched = set(_NAMESPACE.findall(arguments))
        for namespace in sorted({tenant.key.namespace for tenant in view.tenants} - watched if watched else ()):
            yield _finding("namespace-not-watched", view, more=f": {namespace}")


def _of_leases(view: View, operator: OperatorView) -> Iterator[Finding]:
    pods = {pod.metadata.name for pod in operator.pods}
    for about in sorted({tenant.key.namespace for tenant in view.tenants}):
        lease = operator.leases.get(about) or operator.leases.get("*")
        if not _holds(lease, view.now):
            if operator.are_leases_seen:
                yield _finding(
                    "nobody-leads", view, more=f": {about}", since=(lease and lease.spec.renew_time) or ""
                )
            continue
        holder = (lease and lease.spec.holder_identity) or ""
        if pods and not any(holder.startswith(pod) for pod in pods):
            yield _finding("led-by-another", view, more=f": {about} is led by {holder}")


def _holds(lease: Lease | None, now: float) -> bool:
    """Tell whether somebody has a Lease, and renews it."""
    if lease is None or not lease.spec.holder_identity:
        return False
    renewed = seconds(lease.spec.renew_time)
    # By its holder's clock, which may differ from ours.
    return renewed is not None and now < renewed + 2 * lease.spec.lease_duration_seconds


def _of_metrics(view: View, operator: OperatorView) -> Iterator[Finding]:
    found: dict[str, float] = {}
    for process in operator.processes:
        if process.now is None or process.before is None:
            continue
        grown = process.now.since(process.before)
        for name, id_ in _GAUGES.items():
            # What waits for a moment is no finding.
            found[id_] = found.get(id_, 0.0) + min(_sum(process.now, name), _sum(process.before, name))
        for samples, name, id_ in (
            (grown, "watch_interruptions_total", "watch-interruptions"),
            (grown, "apply_total", "writes-at-rest"),
            (process.now, "missed_events_total", "missed-events"),
        ):
            found[id_] = found.get(id_, 0.0) + _sum(samples, name)
    if found.get("rollout-pending") or any(_is_changing(tenant) for tenant in view.tenants):
        found.pop("writes-at-rest", None)
    for id_, value in found.items():
        if value:
            yield _finding(id_, view, more=f" ({value:.0f})")


def _sum(samples: Samples, name: str) -> float:
    return sum(value for _, value in samples.select(f"tenantproxy_operator_{name}"))


def _is_changing(tenant: TenantView) -> bool:
    """Tell whether the operator has reason to write."""
    status, ready = tenant.proxy.status, tenant.proxy.condition("Ready")
    is_new = (status.observed_generation or 0) < tenant.proxy.metadata.generation
    return is_new or ready is None or ready.status != "True"


def last_problem(log: str) -> str:
    """Return the last line of a log that tells of trouble, without what is machine-readable about it."""
    for line in reversed(log.splitlines()):
        if re.search(r'"level": ?"(error|warning)"', line):
            message = re.search(r'"message": ?"((?:[^"\\]|\\.)*)"', line)
            return message[1] if message else line[:300]
    return ""


def _finding(id_: str, view: View, *, subject: str = "operator", more: str = "", since: str = "") -> Finding:
    row = ROWS[id_]
    namespace = view.operator.namespace if view.operator else "tenantproxy-system"
    return Finding(
        severity=row.severity,
        subject=subject,
        id=id_,
        says=row.says + more,
        turn=row.turn,
        next=row.next.format(namespace=namespace),
        anchor=row.anchor,
        since=since,
    )
