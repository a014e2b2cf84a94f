"""The fleet: traffic, errors, latency, who is unhealthy and why."""

from typing import Final

from hack.observability.colours import ACCEPTED, CIRCUIT, CONDITION, TROUBLE
from hack.observability.panel import EACH, FLEET, READS, WINDOW, Column, Panel, percentile, rates, stat

_REQUESTS: Final = f"sum(rate(tenantproxy_requests_total{{{FLEET}}}{WINDOW}))"
_OWN: Final = (
    f'rate(tenantproxy_requests_total{{{FLEET}, code="500"}}{WINDOW})'
    f" or rate(tenantproxy_rejected_requests_total{{{FLEET},"
    f' reason=~"issuer-unavailable|store-unavailable"}}{WINDOW})'
)
"""As in the alerts TenantProxyErrors…"""
_THEIRS: Final = (
    f"rate(tenantproxy_upstream_errors_total{{{FLEET}}}{WINDOW})"
    f' or rate(tenantproxy_rejected_requests_total{{{FLEET}, reason="circuit-open"}}{WINDOW})'
)
"""As in the alert TenantProxyUpstreamFailing."""
_FAILURES: Final = f"sum by ({EACH}, reason) ({_THEIRS})"
_VIOLATIONS: Final = rates("tenantproxy_mapping_violations_total", EACH, FLEET)
_REQUESTS_OF_EACH: Final = rates("tenantproxy_requests_total", EACH, FLEET)
_P99_OF_EACH: Final = percentile(0.99, "tenantproxy_request_duration_seconds", f"{FLEET}, {READS}", EACH)
_ACCEPTED: Final = f"min by ({EACH}) (tenantproxy_credentials_accepted{{{FLEET}}})"
_CIRCUIT: Final = f"max by ({EACH}) (tenantproxy_circuit_state{{{FLEET}}})"
_READY: Final = (
    f'min by ({EACH}) (label_replace(tenantproxy_operator_condition{{condition="Ready", '
    'tenant_namespace=~"$namespace"}, "namespace", "$1", "tenant_namespace", "(.*)"))'
)
_EXPIRES_IN: Final = f"min by ({EACH}) (tenantproxy_expiry_timestamp_seconds{{{FLEET}}}) - time()"
_WEEK: Final = 7 * 86400


def _share(errors: str) -> str:
    """Return the query of the share of errors, for each tenant; 0 where there are none.

    An error is counted a moment before its response, so that there may seem to be more of them.
    """
    return f"clamp_max((sum by ({EACH}) ({errors}) or 0 * {_REQUESTS_OF_EACH}) / {_REQUESTS_OF_EACH}, 1)"


_TENANTS: Final = Panel(
    title="Tenants",
    kind="table",
    description="What is to be known of each now; a click on a tenant chooses it for the row below. If a cell is "
    "red: a click, and the panels of that row say what to do. Empty: not known, such as a credential that was "
    "never used.",
    columns=(
        Column(title="Ready", query=_READY, states=CONDITION),
        Column(title="Requests", query=_REQUESTS_OF_EACH, unit="reqps"),
        Column(title="Our errors", query=_share(_OWN), unit="percentunit", red_from=0.001),
        Column(title="OMS errors", query=_share(_THEIRS), unit="percentunit", red_from=0.05),
        Column(title="p99", query=_P99_OF_EACH, unit="s", red_from=2),
        Column(title="Credential", query=_ACCEPTED, states=ACCEPTED),
        Column(title="Circuit", query=_CIRCUIT, states=CIRCUIT),
        Column(
            title="Expires in",
            query=_EXPIRES_IN,
            unit="dtdurations",
            red_below=_WEEK,
        ),
    ),
    width=24,
    height=9,
)

PANELS: Final = (
    stat(
        "Requests",
        "reqps",
        _REQUESTS,
        "Requests to all proxies. If it falls to 0 while stores are open: is the way to the proxies "
        "(Gateway, DNS, tokens) intact?",
    ),
    stat(
        "Our errors",
        "percentunit",
        f"(sum({_OWN}) or vector(0)) / {_REQUESTS}",
        "Share of requests that failed because of TenantProxy itself: bugs (500), issuers' keys, the Secret's "
        "store. If it is red: the runbook TenantProxyErrorsBurnFast.",
        red_from=0.001,
    ),
    stat(
        "Error budget left",
        "percentunit",
        "1 - sum_over_time(tenantproxy:own_errors:rate5m[30d])"
        " / sum_over_time(tenantproxy:requests:rate5m[30d]) / 0.001",
        "Of the 0.1 % of requests that may fail in 30 days because of TenantProxy itself (docs/slo.md); below 0 "
        "the objective is missed. If it is red: no change that can wait, until 'Our errors' is mended; the "
        "runbook is TenantProxyErrorsBurnSlowly. If there is no data: Prometheus lacks the recording rules.",
        red_below=0.1,
    ),
    stat(
        "The OMSs' errors",
        "percentunit",
        f"(sum({_THEIRS}) or vector(0)) / {_REQUESTS}",
        "Share of requests that got no usable response from an OMS or its token endpoint, or were refused while "
        "its circuit was open. If it is red: 'Whose OMS fails, and why' says whose; tell them, the runbook is "
        "TenantProxyUpstreamFailing.",
        red_from=0.05,
    ),
    stat(
        "Tenants that are not Ready",
        "none",
        'sum(tenantproxy_operator_tenants{ready!="True"})',
        "TenantProxies whose condition Ready is not True. If it is red: `kubectl get tp "
        "--all-namespaces` says which, `kubectl describe` why and what to do; if there are many, the runbook "
        "TenantProxyManyNotReady.",
        red_from=1,
    ),
    stat(
        "Rejected credentials",
        "none",
        f"count({_ACCEPTED} == 0) or vector(0)",
        "Tenants whose OMS or token endpoint does not accept their credential. If it is red: their admins have "
        "to set another one; the runbook is TenantProxyCredentialsRejected.",
        red_from=1,
    ),
    stat(
        "Open circuits",
        "none",
        f"count({_CIRCUIT} > 0) or vector(0)",
        "Tenants whose OMS failed twenty times in a row and is called only occasionally. If it is red: 'Who is "
        "unhealthy' says whose; the runbook is TenantProxyCircuitOpen.",
        red_from=1,
    ),
    stat(
        "Secrets to be renewed",
        "none",
        f"count({_EXPIRES_IN} < {_WEEK}) or vector(0)",
        "Tenants with a client certificate, CA or bearer token that expires within a week. If it is red: "
        "'Tenants' says whose; the runbook is TenantProxyCredentialExpiring.",
        red_from=1,
    ),
    _TENANTS,
    Panel(
        title="Requests by status",
        unit="reqps",
        description="What callers get. If 5xx grow: 'Our errors' and 'The OMSs' errors' above say whose they are.",
        queries=((rates("tenantproxy_requests_total", "code", FLEET), "{{code}}"),),
    ),
    Panel(
        title="Latency of reads",
        unit="s",
        description="How long callers wait, all tenants together. If it is red: 'Slowest tenants' says for "
        "whom; the OMS has the largest share, nearly always.",
        queries=tuple(
            (percentile(share, "tenantproxy_request_duration_seconds", f"{FLEET}, {READS}"), name)
            for share, name in ((0.5, "median"), (0.99, "99 %"))
        ),
        red_from=2,
    ),
    Panel(
        title="Latency of reads, how many",
        kind="heatmap",
        unit="s",
        description="How many reads took how long, all tenants together: the darker, the more. If there are two "
        "bands: one operation, or some tenants, are slower than the rest; 'Slowest tenants' says whose.",
        queries=(
            (
                f"sum by (le) (increase(tenantproxy_request_duration_seconds_bucket{{{FLEET}, {READS}}}{WINDOW}))",
                "{{le}}",
            ),
        ),
    ),
    Panel(
        title="Slowest tenants",
        width=12,
        unit="s",
        description="99 % of a tenant's reads are faster than this. If it is red: choose that tenant above, "
        "and compare our share of the latency with the OMS's.",
        queries=(
            (
                f"topk(5, {_P99_OF_EACH})",
                "{{namespace}}/{{tenant}}",
            ),
        ),
        red_from=2,
    ),
    Panel(
        title="Whose OMS fails, and why",
        width=12,
        unit="reqps",
        description="Reads without a usable response from the OMS or its token endpoint, or refused while its "
        "circuit was open (`circuit-open`), the ten worst. If one stays: tell that tenant's OMS developers, "
        "with the reason; the runbook is TenantProxyUpstreamFailing.",
        queries=(
            (
                f"topk(10, {_FAILURES})",
                "{{namespace}}/{{tenant}}: {{reason}}",
            ),
        ),
    ),
    Panel(
        title="Who is unhealthy",
        width=24,
        kind="state-timeline",
        description="A line for each tenant that is not Ready, or has a rejected credential, an open circuit, or "
        "responses that break the contract. If it is red: choose that tenant above.",
        queries=(
            (f"{_READY} < bool 1 > 0", "{{namespace}}/{{tenant}}: Ready"),
            (f"{_ACCEPTED} == bool 0 > 0", "{{namespace}}/{{tenant}}: credential"),
            (f"{_CIRCUIT} > bool 0 > 0", "{{namespace}}/{{tenant}}: circuit"),
            (f"{_VIOLATIONS} > bool 0 > 0", "{{namespace}}/{{tenant}}: contract"),
        ),
        states=TROUBLE,
    ),
)
