"""The fleet: traffic, errors, latency, who is unhealthy and why."""

from typing import Final

from hack.observability.panel import FLEET, READS, WINDOW, Panel, percentile, rates, stat

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
_FAILURES: Final = f"sum by (namespace, tenant, reason) ({_THEIRS})"
_VIOLATIONS: Final = rates("tenantproxy_mapping_violations_total", "namespace, tenant", FLEET)

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
        f"count(min by (namespace, tenant) (tenantproxy_credentials_accepted{{{FLEET}}}) == 0) or vector(0)",
        "Tenants whose OMS or token endpoint does not accept their credential. If it is red: their admins have "
        "to set another one; the runbook is TenantProxyCredentialsRejected.",
        red_from=1,
    ),
    stat(
        "Open circuits",
        "none",
        f"count(max by (namespace, tenant) (tenantproxy_circuit_state{{{FLEET}}}) > 0) or vector(0)",
        "Tenants whose OMS failed twenty times in a row and is called only occasionally. If it is red: 'Who is "
        "unhealthy' says whose; the runbook is TenantProxyCircuitOpen.",
        red_from=1,
    ),
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
        title="Slowest tenants",
        unit="s",
        description="99 % of a tenant's reads are faster than this. If it is red: choose that tenant above, "
        "and compare our share of the latency with the OMS's.",
        queries=(
            (
                "topk(5, "
                + percentile(
                    0.99, "tenantproxy_request_duration_seconds", f"{FLEET}, {READS}", "namespace, tenant"
                )
                + ")",
                "{{tenant}}",
            ),
        ),
        red_from=2,
    ),
    Panel(
        title="Whose OMS fails, and why",
        unit="reqps",
        description="Reads without a usable response from the OMS or its token endpoint, or refused while its "
        "circuit was open (`circuit-open`), the ten worst. If one stays: tell that tenant's OMS developers, "
        "with the reason; the runbook is TenantProxyUpstreamFailing.",
        queries=(
            (
                f"topk(10, {_FAILURES})",
                "{{tenant}}: {{reason}}",
            ),
        ),
        width=12,
    ),
    Panel(
        title="Who is unhealthy",
        unit="none",
        description="A line for each tenant with a rejected credential, an open circuit, or responses that "
        "break the contract. If it is red: choose that tenant above.",
        queries=(
            (
                f"min by (namespace, tenant) (tenantproxy_credentials_accepted{{{FLEET}}}) == bool 0 > 0",
                "{{tenant}}: credential",
            ),
            (
                f"max by (namespace, tenant) (tenantproxy_circuit_state{{{FLEET}}}) > bool 0 > 0",
                "{{tenant}}: circuit",
            ),
            (
                f"{_VIOLATIONS} > bool 0 > 0",
                "{{tenant}}: contract",
            ),
        ),
        red_from=1,
        width=12,
    ),
)
