"""What a tenant's relay makes of the store events that ExternalEvents sends."""

from typing import Final

from hack.observability.colours import YES
from hack.observability.panel import ONE, Panel, percentile, rates

_PATIENCE: Final = 4.5
"""Seconds: ExternalEvents waits for five."""

PANELS: Final = (
    Panel(
        title="Store events, by outcome",
        unit="reqps",
        description="Most are sales and logins, and irrelevant. If `failed` stays: the OMS does not take them; "
        "the runbook is TenantProxyEventsFailing. If there are none at all: ExternalEvents does not reach the "
        "relay, or its webhook is off.",
        queries=((rates("tenantproxy_poslog_events_total", "outcome", ONE), "{{outcome}}"),),
    ),
    Panel(
        title="Not delivered, by reason",
        unit="reqps",
        description="What the relay refuses, and what the OMS did not take. If `refused` grows: the runbook "
        "TenantProxyEventsRefused. If it is the OMS: docs/errors.md says what to do for each reason.",
        queries=(
            (
                rates("tenantproxy_poslog_events_total", "outcome, reason", f'{ONE}, outcome=~"refused|failed"'),
                "{{outcome}} {{reason}}",
            ),
        ),
    ),
    Panel(
        title="Answers of the OMS to events",
        unit="reqps",
        description="One request for each event about an order. If one of 4xx stays: the OMS refuses an event "
        "each time it comes; the runbook is TenantProxyEventsRefusedByOMS.",
        queries=((rates("tenantproxy_poslog_deliveries_total", "result", ONE), "{{result}}"),),
    ),
    Panel(
        title="From the store to the OMS",
        unit="s",
        description="How old delivered events are; minutes where earlier attempts have failed. If it is red: the "
        "runbook TenantProxyEventsLate.",
        queries=(
            (percentile(0.9, "tenantproxy_poslog_lag_seconds", ONE), "90 %"),
            (percentile(0.5, "tenantproxy_poslog_lag_seconds", ONE), "median"),
        ),
        red_from=300,
    ),
    Panel(
        title="Until ExternalEvents is answered",
        unit="s",
        description="It waits for five seconds. If it is red: the OMS is too slow; have it store the event, and "
        "answer before it does anything else.",
        queries=(
            (percentile(0.99, "tenantproxy_poslog_event_duration_seconds", ONE), "all, 99 %"),
            (percentile(0.99, "tenantproxy_poslog_delivery_duration_seconds", ONE), "the OMS, 99 %"),
        ),
        red_from=_PATIENCE - 0.5,
    ),
    Panel(
        title="Deliveries stopped or paused",
        kind="state-timeline",
        description="By pod: whether the OMS wants no more events (410), or asked for a pause (`Retry-After`). "
        "If it is red for long: the runbook TenantProxyEventsStopped. Or which key the Secret lacks, so that each "
        "event is refused: the runbook TenantProxyEventsRefused.",
        queries=(
            (f"tenantproxy_poslog_stopped{{{ONE}}}", "stopped {{pod}}"),
            (f"tenantproxy_poslog_paused{{{ONE}}}", "paused {{pod}}"),
            (f"max by (key) (tenantproxy_poslog_key_missing{{{ONE}}})", "no {{key}}"),
        ),
        states=YES,
    ),
    Panel(
        title="What signatures are over",
        unit="reqps",
        description="Verified ones, over the text in `data` or the whole body. If there are both: tell us, as no "
        "page says so.",
        queries=((rates("tenantproxy_poslog_signatures_total", "over", ONE), "{{over}}"),),
    ),
    Panel(
        title="Events in flight",
        unit="none",
        description="By pod. If it stays high: the OMS is slow, see 'Until ExternalEvents is answered'.",
        queries=((f"tenantproxy_poslog_events_in_flight{{{ONE}}}", "{{pod}}"),),
    ),
)
