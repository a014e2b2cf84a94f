"""A relay's metrics as an interface: what is exported, by which names and labels, and how many series at most."""

from typing import Final, get_args

from support.metrics_page import OF_EVERY_PROCESS, interface_of
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
    **OF_EVERY_PROCESS,
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
    metrics.spans("exported", 4)
    return metrics


def test_interface() -> None:
    """After use, exactly these names are exported, each with its tenant."""
    assert interface_of(used().exposition()) == INTERFACE


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
