"""What the operator counts. Names are an interface."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from tenantproxy import __version__

_PREFIX: Final = "tenantproxy_operator_"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """The metrics of one operator process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self._reconciles = Counter(
            f"{_PREFIX}reconcile", "Reconciles of a TenantProxy.", ("result",), registry=self._registry
        )
        self._durations = Histogram(
            f"{_PREFIX}reconcile_duration_seconds",
            "One reconcile, its API calls included.",
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._applies = Counter(
            f"{_PREFIX}apply", "Writes of a child.", ("kind", "result"), registry=self._registry
        )
        self._status_writes = Counter(f"{_PREFIX}status_writes", "Writes of a status.", registry=self._registry)
        self._tenants = Gauge(
            f"{_PREFIX}tenants",
            "TenantProxies by the status of their condition Ready.",
            ("ready",),
            registry=self._registry,
        )
        self._stalled = Gauge(
            f"{_PREFIX}stalled",
            "TenantProxies whose condition Stalled is True, by its reason.",
            ("reason",),
            registry=self._registry,
        )
        self.queue_depth = Gauge(
            f"{_PREFIX}queue_depth", "TenantProxies that wait for a reconcile.", registry=self._registry
        )
        self.retrying = Gauge(
            f"{_PREFIX}retrying", "TenantProxies whose last reconcile failed.", registry=self._registry
        )
        self.rollout_pending = Gauge(
            f"{_PREFIX}rollout_pending",
            "TenantProxies whose pods wait for their turn in a rollout of a new image or operator setting.",
            registry=self._registry,
        )
        self.rollout_stopped = Gauge(
            f"{_PREFIX}rollout_stopped",
            "1: that rollout was stopped, because several tenants' proxies don't become ready with it.",
            registry=self._registry,
        )
        self._leader = Gauge(
            f"{_PREFIX}leader",
            "1: this process holds the Lease, and acts; 0: it stands by.",
            ("watched",),
            registry=self._registry,
        )
        self._interruptions = Counter(
            f"{_PREFIX}watch_interruptions", "Interruptions of a watch.", ("kind",), registry=self._registry
        )
        self.missed_events = Counter(
            f"{_PREFIX}missed_events",
            "Changes of a TenantProxy without a watch event within --event-patience.",
            registry=self._registry,
        )
        Gauge(f"{_PREFIX}build_info", "1.", ("version",), registry=self._registry).labels(__version__).set(1)
        for status in ("True", "False", "Unknown"):
            self._tenants.labels(status)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def reconciled(self, result: str, seconds: float) -> None:
        """Count a reconcile; `result`: unchanged, changed, retry, error."""
        self._reconciles.labels(result).inc()
        self._durations.observe(seconds)

    def applied(self, kind: str, result: str) -> None:
        """Count a write of a child; `result`: success, or the status or kind of the error."""
        self._applies.labels(kind, result).inc()

    def status_written(self) -> None:
        """Count a write of a status."""
        self._status_writes.inc()

    def ready_changed(self, before: str | None, after: str | None) -> None:
        """Count a TenantProxy under another status of its condition Ready; None: it is not counted."""
        _move(self._tenants, before, after)

    def stalled_changed(self, before: str | None, after: str | None) -> None:
        """Count a TenantProxy under another reason of its condition Stalled; None: it is not stalled."""
        _move(self._stalled, before, after)

    def set_leader(self, namespace: str | None, *, leads: bool) -> None:
        """Tell whether this process acts in a namespace, or in all (None)."""
        self._leader.labels(namespace or "*").set(leads)

    def watch_interrupted(self, plural: str) -> None:
        """Count an interruption of a watch."""
        self._interruptions.labels(plural).inc()


def _move(gauge: Gauge, before: str | None, after: str | None) -> None:
    if before != after:
        if before is not None:
            gauge.labels(before).dec()
        if after is not None:
            gauge.labels(after).inc()
