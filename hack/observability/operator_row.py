"""The operator."""

from typing import Final

from hack.observability.panel import WINDOW, Panel, percentile, rates

_INFO: Final = "tenantproxy_operator_build_info"

PANELS: Final = (
    Panel(
        title="TenantProxies by Ready",
        unit="none",
        description="If False or Unknown stay: `kubectl get tp --all-namespaces`; the runbook is "
        "TenantProxyNotReady.",
        queries=(("sum by (ready) (tenantproxy_operator_tenants)", "{{ready}}"),),
    ),
    Panel(
        title="Stalled TenantProxies, by reason",
        unit="none",
        description="What does not go on before somebody acts. If `RolloutStuck` is there: the runbook "
        "TenantProxyRolloutStuck; others: docs/conditions.md.",
        queries=(("sum by (reason) (tenantproxy_operator_stalled)", "{{reason}}"),),
    ),
    Panel(
        title="Queue and retries",
        unit="none",
        description="If one of them stays above 0: the runbooks TenantProxyOperatorStalled and "
        "TenantProxyOperatorRetrying.",
        queries=(
            ("sum(tenantproxy_operator_queue_depth)", "waiting"),
            ("sum(tenantproxy_operator_retrying)", "retrying"),
        ),
    ),
    Panel(
        title="Reconciles, by result",
        unit="ops",
        description="Reconciles of a TenantProxy; at rest `unchanged` only. If `retry` stays: the runbook "
        "TenantProxyOperatorRetrying.",
        queries=((rates("tenantproxy_operator_reconcile_total", "result"), "{{result}}"),),
    ),
    Panel(
        title="Duration of a reconcile",
        unit="s",
        description="API calls included. If it is red: the API server is slow, see its own dashboard.",
        queries=((percentile(0.99, "tenantproxy_operator_reconcile_duration_seconds", ""), "99 %"),),
        red_from=5,
    ),
    Panel(
        title="Writes of children, by kind and result",
        unit="ops",
        description="At rest nothing. If it never settles: another client changes the same fields, see "
        "`kubectl get -o yaml --show-managed-fields`. Results other than `success` and `deleted`: "
        "docs/operations.md.",
        queries=(
            (rates("tenantproxy_operator_apply_total", "kind, result"), "{{kind}} {{result}}"),
            (f"sum(rate(tenantproxy_operator_status_writes_total{WINDOW}))", "status"),
        ),
    ),
    Panel(
        title="Rollout of an image or setting",
        unit="none",
        description="Tenants that wait for the rollout, and 1 if it was stopped. If it was: the runbook "
        "TenantProxyRolloutStopped.",
        queries=(
            ("max(tenantproxy_operator_rollout_pending)", "tenants waiting"),
            ("max(tenantproxy_operator_rollout_stopped)", "stopped"),
        ),
    ),
    Panel(
        title="Interrupted watches, by kind",
        unit="ops",
        description="Occasional ones are normal: each reconnects by itself. If they persist: the API server "
        "restarts, or something in between closes connections.",
        queries=(
            (
                rates("tenantproxy_operator_watch_interruptions_total", "kind") + " or vector(0)",
                "{{kind}}",
            ),
        ),
    ),
    Panel(
        title="Missed changes",
        unit="none",
        description="Changes of TenantProxies without a watch event: the operator is then restarted by its "
        "liveness probe. If it is red: the runbook TenantProxyOperatorStalled.",
        queries=((f"sum(increase(tenantproxy_operator_missed_events_total{WINDOW}))", "missed"),),
        red_from=1,
    ),
    Panel(
        title="Leaders, by watched namespace",
        unit="none",
        description="Of the operators of a namespace, or of all, one acts. If it is red: the runbook "
        "TenantProxyOperatorNotLeading.",
        queries=(("sum by (watched) (tenantproxy_operator_leader)", "{{watched}}"),),
        red_below=1,
    ),
    Panel(
        title="Operators, by version",
        unit="none",
        description="One that acts, and those that stand by. If it is red, or there is no line: the runbook "
        "TenantProxyOperatorAbsent.",
        queries=(
            (
                f"count by (version) ({_INFO}) or 0 * absent({_INFO})",
                "{{version}}",
            ),
        ),
        red_below=1,
    ),
)
