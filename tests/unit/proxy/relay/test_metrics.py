"""A relay's metrics as an interface: what is exported, by which names and labels, and how many series at most."""

from typing import Final, get_args

from prometheus_client.parser import text_string_to_metric_families

from tenantproxy.config import Tenant
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.relay.metrics import Outcome, RelayMetrics

TENANT: Final = Tenant(id="T-1", name="acme", namespace="tenants")
INTERFACE: Final = {
    "tenantproxy_poslog_events_total": ("counter", {"outcome", "reason"}),
    "tenantproxy_poslog_event_duration_seconds": ("histogram", {"outcome"}),
    "tenantproxy_poslog_events_in_flight": ("gauge", set()),
    "tenantproxy_poslog_signatures_total": ("counter", {"over"}),
    "tenantproxy_poslog_deliveries_total": ("counter", {"result"}),
    "tenantproxy_poslog_delivery_duration_seconds": ("histogram", set()),
    "tenantproxy_poslog_lag_seconds": ("histogram", set()),
    "tenantproxy_poslog_stopped": ("gauge", set()),
    "tenantproxy_poslog_paused": ("gauge", set()),
    "tenantproxy_poslog_key_missing": ("gauge", {"key"}),
    "tenantproxy_token_fetch_total": ("counter", {"outcome"}),
    "tenantproxy_token_expiry_timestamp_seconds": ("gauge", set()),
    "tenantproxy_expiry_timestamp_seconds": ("gauge", {"of"}),
    "tenantproxy_credentials_info": ("gauge", {"type"}),
    "tenantproxy_credentials_accepted": ("gauge", set()),
    "tenantproxy_config_changes_total": ("counter", {"outcome"}),
    "tenantproxy_circuit_state": ("gauge", {"operation"}),
    "tenantproxy_build_info": ("gauge", {"version", "tenant_id"}),
}
"""The names and labels, beside the constant `tenant`."""


def used() -> RelayMetrics:
    """Return metrics of which all have a value."""
    metrics = RelayMetrics(TENANT)
    metrics.answered("delivered", "", 0.1)
    metrics.signed("data")
    metrics.delivery_ended("status-204")
    metrics.delivered(3.0)
    metrics.upstream_called("deliverEvent", 0.1)
    metrics.show_holds(stopped=lambda: True, paused=lambda: False)
    metrics.show_keys(["poslogSharedKey"], lambda _key: False)
    metrics.show_circuit("deliverEvent", lambda: "closed")
    metrics.token_fetched("success")
    metrics.credential_changed("oauth2", among=KINDS, expires_at=1_800_000_000.0)
    metrics.token_expires(1_800_000_000.0)
    metrics.credential_accepted(accepted=True)
    metrics.config_changed("success")
    return metrics


def test_interface() -> None:
    """After use, exactly these names are exported, each with its tenant."""
    exported = {}
    for family in text_string_to_metric_families(used().exposition().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert {sample.labels["tenant"] for sample in family.samples} == {"acme"}
        labels = {label for sample in family.samples for label in sample.labels} - {"tenant", "le"}
        exported[name] = (family.type, labels)
        assert family.documentation
    assert exported == INTERFACE


def test_an_oms_can_not_make_series_without_end() -> None:
    """Of statuses there are twenty, in each metric that names them; the rest counts as one."""
    metrics = used()
    for outcome in get_args(Outcome):
        for status in range(100, 1000):
            metrics.answered(outcome, f"status-{status}", 0.1)
            metrics.delivery_ended(f"status-{status}")
    text = metrics.exposition().decode()
    assert text.count('result="status-') == 21
    assert text.count('outcome="failed",reason="status-') == 21
