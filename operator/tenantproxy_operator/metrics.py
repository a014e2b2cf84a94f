"""What the operator counts. Names are an interface."""

from collections import Counter as Counts
from collections.abc import Iterator
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tenantproxy import __version__

_PREFIX: Final = "tenantproxy_operator_"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""

_VALUES: Final = {"True": 1, "False": 0, "Unknown": -1}
"""A condition's status as a number."""


class Condition(NamedTuple):
    """A condition of a TenantProxy."""

    status: str
    reason: str


class TenantState(NamedTuple):
    """What is shown of a TenantProxy."""

    ready: Condition
    credentials: Condition
    stalled: str | None
    """The reason of its condition Stalled, where it has one."""


class _Tenants(Collector):
    """What each scrape makes of the TenantProxies: no series is kept for a tenant."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], TenantState] = {}
        """By namespace and name."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield how many there are, and each one's conditions."""
        text = "TenantProxies by the status of their condition Ready."
        tenants = GaugeMetricFamily(f"{_PREFIX}tenants", text, labels=["ready"])
        by_ready = Counts(state.ready.status for state in self.states.values())
        for status in _VALUES:
            tenants.add_metric([status], by_ready[status])
        text = "TenantProxies whose condition Stalled is True, by its reason."
        stalled = GaugeMetricFamily(f"{_PREFIX}stalled", text, labels=["reason"])
        by_reason = Counts(state.stalled for state in self.states.values() if state.stalled)
        for reason, count in sorted(by_reason.items()):
            stalled.add_metric([reason], count)
        text = "A TenantProxy's condition: 1 True, 0 False, -1 Unknown."
        # `namespace` is what Prometheus gives to every series of the operator's pod: the operator's own.
        names = ["tenant_namespace", "tenant", "condition", "reason"]
        conditions = GaugeMetricFamily(f"{_PREFIX}condition", text, labels=names)
        for tenant, state in self.states.items():
            for kind, condition in (("Ready", state.ready), ("CredentialsReady", state.credentials)):
                conditions.add_metric([*tenant, kind, condition.reason], _VALUES[condition.status])
        yield from (tenants, stalled, conditions)


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
        self._tenants = _Tenants()
        self._registry.register(self._tenants)
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

    def tenant_changed(self, namespace: str, name: str, now: TenantState | None) -> None:
        """Show a TenantProxy as it is now; None: no more."""
        if now is None:
            self._tenants.states.pop((namespace, name), None)
        else:
            self._tenants.states[namespace, name] = now

    def set_leader(self, namespace: str | None, *, leads: bool) -> None:
        """Tell whether this process acts in a namespace, or in all (None)."""
        self._leader.labels(namespace or "*").set(leads)

    def watch_interrupted(self, plural: str) -> None:
        """Count an interruption of a watch."""
        self._interruptions.labels(plural).inc()
