"""One tenant: its callers, its OMS, its credential, its pods."""

from typing import Final

from hack.observability.colours import ACCEPTED, CIRCUIT, CONDITION
from hack.observability.panel import ONE, READS, WINDOW, Panel, percentile, rates

_INFO: Final = f"tenantproxy_build_info{{{ONE}}}"

PANELS: Final = (
    Panel(
        title="Conditions",
        kind="state-timeline",
        description="What the operator says of it: whether it is Ready, and whether its Secret can be used. If it "
        "is red: `kubectl describe tp` says why and what to do; the runbooks are TenantProxyNotReady and "
        "TenantProxySecretUnusable.",
        queries=(
            (
                (
                    'max by (condition) (tenantproxy_operator_condition{tenant_namespace="$tenant_namespace", '
                    'tenant="$tenant"})'
                ),
                "{{condition}}",
            ),
        ),
        states=CONDITION,
    ),
    Panel(
        title="Credential",
        kind="state-timeline",
        description="Whether the OMS accepted the credential last time, by pod. If it is red: the tenant's admin "
        "has to set another one (PUT /api/v1/proxy-config); the runbook is "
        "TenantProxyCredentialsRejected.",
        queries=((f"tenantproxy_credentials_accepted{{{ONE}}}", "{{pod}}"),),
        states=ACCEPTED,
    ),
    Panel(
        title="Circuit",
        kind="state-timeline",
        description="By operation and pod. Open after twenty failures in a row: reads get 503 until one gets "
        "through. If it is red: the runbook TenantProxyCircuitOpen.",
        queries=((f"tenantproxy_circuit_state{{{ONE}}}", "{{operation}} {{pod}}"),),
        states=CIRCUIT,
    ),
    Panel(
        title="Requests by route and status",
        unit="reqps",
        description="What this tenant's callers do, and get. If 4xx grow: see 'Refused before the OMS was "
        "called'.",
        queries=((rates("tenantproxy_requests_total", "route, code", ONE), "{{route}} {{code}}"),),
    ),
    Panel(
        title="Latency: all, and the OMS's share",
        unit="s",
        description="What is between the two is ours: some milliseconds. If the OMS's share is red: its "
        "developers have to make it faster. If ours is: the proxies need CPU, see 'Requests in "
        "flight' and their pods' limits.",
        queries=(
            (percentile(0.99, "tenantproxy_request_duration_seconds", f"{ONE}, {READS}"), "all, 99 %"),
            (percentile(0.99, "tenantproxy_upstream_request_duration_seconds", ONE), "the OMS, 99 %"),
            (percentile(0.5, "tenantproxy_request_duration_seconds", f"{ONE}, {READS}"), "all, median"),
            (percentile(0.5, "tenantproxy_upstream_request_duration_seconds", ONE), "the OMS, median"),
        ),
        red_from=2,
    ),
    Panel(
        title="The OMS by operation",
        unit="s",
        description="Median of one call. If one operation is slow and the other is not: it is that query in "
        "the OMS.",
        queries=(
            (
                percentile(0.5, "tenantproxy_upstream_request_duration_seconds", ONE, "operation"),
                "{{operation}}",
            ),
        ),
    ),
    Panel(
        title="Errors of the OMS, by reason",
        unit="reqps",
        description="Reads without a usable response. If one stays: docs/errors.md says what to do for each "
        "reason, and so does the runbook TenantProxyUpstreamFailing.",
        queries=((rates("tenantproxy_upstream_errors_total", "reason", ONE), "{{reason}}"),),
    ),
    Panel(
        title="Refused before the OMS was called",
        unit="reqps",
        description="By the problem's code: callers' mistakes, missing credentials, overload. What to "
        "do: docs/errors.md. If `overloaded` grows: make the OMS faster, or raise "
        "spec.upstream.maxConnections. If `late` does: more spec.replicas, the CPU is used up. If "
        "`caller-share` does: one client uses more than its share.",
        queries=((rates("tenantproxy_rejected_requests_total", "reason", ONE), "{{reason}}"),),
    ),
    Panel(
        title="Contract violations, by field",
        unit="reqps",
        description="Fields because of which responses of the OMS are refused. If it is red: tell its "
        "developers, or state the difference in spec.mapping; the runbook is "
        "TenantProxyContractViolated.",
        queries=(
            (
                rates("tenantproxy_mapping_violations_total", "pointer", ONE) + " or vector(0)",
                "{{pointer}}",
            ),
        ),
        red_from=0.001,
    ),
    Panel(
        title="Searches with incomplete results",
        unit="reqps",
        description="Searches answered without all pages of the OMS, by the bound that was met. If `pages` "
        "grows: raise `pages.max`, or have clients search for less. If `time`: raise the search's `timeout`, or "
        "make the OMS faster. If `bytes`: raise spec.upstream.maxResponseBytes.",
        queries=((rates("tenantproxy_incomplete_searches_total", "reason", ONE), "{{reason}}"),),
    ),
    Panel(
        title="Type of the credential",
        unit="none",
        description="1 for the type in use. If pods differ for more than some seconds: one can't follow the "
        "Secret; see its log.",
        queries=((f"sum by (type) (tenantproxy_credentials_info{{{ONE}}})", "{{type}}"),),
    ),
    Panel(
        title="Changes of the credential",
        unit="none",
        description="By outcome. If `failed`, `invalid` or `unreadable` grow: the proxy's log names the field "
        "or the permission.",
        queries=(
            (f"sum by (outcome) (increase(tenantproxy_config_changes_total{{{ONE}}}{WINDOW}))", "{{outcome}}"),
        ),
    ),
    Panel(
        title="Time until the token expires",
        unit="s",
        description="OAuth2 only: it is refreshed well before it expires; below 0 it has expired. If it is red "
        "and falls: see 'Token requests', and the runbook TenantProxyTokenNotRefreshed.",
        queries=((f"tenantproxy_token_expiry_timestamp_seconds{{{ONE}}} - time()", "{{pod}}"),),
        red_below=300,
        least=None,
    ),
    Panel(
        title="Until certificates and tokens expire",
        unit="s",
        description="What somebody has to renew: the client certificate, the CA, a bearer token in JWT form; "
        "nothing if there are none. If it is red: the runbook TenantProxyCredentialExpiring.",
        queries=((f"min by (of) (tenantproxy_expiry_timestamp_seconds{{{ONE}}}) - time()", "{{of}}"),),
        red_below=7 * 86400,
        least=None,
    ),
    Panel(
        title="Token requests",
        unit="reqps",
        description="By outcome. If others than `success` persist: `rejected` is the credential, the rest the "
        "token endpoint.",
        queries=((rates("tenantproxy_token_fetch_total", "outcome", ONE), "{{outcome}}"),),
    ),
    Panel(
        title="Requests in flight",
        unit="none",
        description="By pod. Twice spec.upstream.maxConnections is the most; beyond that callers get 503 "
        "`overloaded`. If it stays high: the OMS is slow.",
        queries=((f"tenantproxy_requests_in_flight{{{ONE}}}", "{{pod}}"),),
    ),
    Panel(
        title="Cancelled by their clients",
        unit="reqps",
        description="Requests whose client disconnected before the response. Each keeps its connection to the "
        "OMS until it has responded. If they grow: the client's timeout is shorter than the OMS takes, or it "
        "is malicious; the API's gateway knows which one it is.",
        queries=((rates("tenantproxy_cancelled_requests_total", "route", ONE), "{{route}}"),),
    ),
    Panel(
        title="Spans of traces",
        unit="cps",
        description="Spans that were sent to the collector, or lost; none where no collector is configured. If "
        "`failed` grows: the collector is not reached, or refuses them; the proxy's log says why. If `dropped`: "
        "it takes too long; record a smaller share (spec.tracing.samplingRatio).",
        queries=((rates("tenantproxy_trace_spans_total", "outcome", ONE), "{{outcome}}"),),
    ),
    Panel(
        title="Pods, by version",
        unit="none",
        description="Proxies that are scraped. If it is red, or fewer than in the spec: `kubectl describe tp`. "
        "Two versions at once: an update is in progress.",
        queries=(
            (
                f"count by (version) ({_INFO}) or 0 * absent({_INFO})",
                "{{version}}",
            ),
        ),
        red_below=1,
    ),
)
