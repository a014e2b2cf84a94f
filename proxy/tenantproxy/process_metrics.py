"""The metrics of any process of a tenant's, a proxy or a relay: its credential, and who it is.

Names are an interface; every series has the label `tenant`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.metrics import Counter, Gauge, disable_created_metrics
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
from prometheus_client.registry import CollectorRegistry

from tenantproxy import __version__
from tenantproxy.config import Tenant
from tenantproxy.exposition import text_format
from tenantproxy.series import Exemplify, Histograms

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
MAX_STATUSES: Final = 20
"""Distinct `status-NNN` of a server; further ones are counted as `status-other`."""
_CIRCUIT: Final = {"closed": 0, "half-open": 1, "open": 2}


class ProcessMetrics:
    """What is the same in all; what each request counts are plain `series`."""

    def __init__(self, tenant: Tenant) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self._tenant = tenant.name
        self._token_fetches = self._counter("token_fetch", "Token requests.", "outcome")
        self._token_expiry = self._gauge(
            "token_expiry_timestamp_seconds", "When the current access token expires, Unix time."
        )
        self._expiry = self._gauge("expiry_timestamp_seconds", "When what can't be renewed here expires.", "of")
        self._credentials = self._gauge("credentials_info", "1 for the type of the credential.", "type")
        self._accepted = self._gauge(
            "credentials_accepted", "1: the OMS accepted the credential last time, 0: it did not."
        )
        self._config_changes = self._counter("config_changes", "Changes of the credential.", "outcome")
        self._circuits = self._gauge("circuit_state", "0 closed, 1 half-open, 2 open.", "operation")
        self._spans = self._counter("trace_spans", "Spans of traces.", "outcome")
        self._token_statuses = Few(MAX_STATUSES, "status-other")
        self._latencies: list[Histograms] = []
        self._gauge("build_info", "1.", "version", "tenant_id").labels(self._tenant, __version__, tenant.id).set(1)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return text_format(self._registry)

    @property
    def has_exemplars(self) -> bool:
        """Whether there is more to say than Prometheus' text format can."""
        return any(latency.exemplify is not None for latency in self._latencies)

    def open_exposition(self) -> bytes:
        """Return all metrics in OpenMetrics' text format, with exemplars."""
        page: bytes = open_metrics(self._registry)  # type: ignore[no-untyped-call]
        return page

    def exemplify(self, exemplar: Exemplify) -> None:
        """Let each latency have an exemplar, of what is recorded of its request; before the first one."""
        for latency in self._latencies:
            latency.exemplify = exemplar

    def spans(self, outcome: str, count: int) -> None:
        """Count spans that were sent, or lost; from any thread."""
        self._spans.labels(self._tenant, outcome).inc(count)

    def token_fetched(self, outcome: str) -> None:
        """Count a token request."""
        if outcome.startswith("status-"):
            outcome = self._token_statuses.label(outcome)
        self._token_fetches.labels(self._tenant, outcome).inc()

    def token_expires(self, timestamp: float | None) -> None:
        """Show when the token expires, Unix time; None: it does not expire, or there is none."""
        if timestamp is None:
            self._token_expiry.clear()
        else:
            self._token_expiry.labels(self._tenant).set(timestamp)

    def credential_changed(
        self, kind: str | None, *, among: Iterable[str], expires_at: float | None = None
    ) -> None:
        """Show the type of the credential in use, of all there are, and its end; whether it works is not known."""
        for other in among:
            self._credentials.labels(self._tenant, other).set(1 if other == kind else 0)
        self._accepted.clear()
        self._token_expiry.clear()
        if expires_at is not None:
            self._expiry.labels(self._tenant, "credential").set(expires_at)
        else:
            self._expiry.remove(self._tenant, "credential")

    def show_expiries(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Show when certificates expire, Unix time by what they are, read at each scrape."""
        for of in read():
            self._expiry.labels(self._tenant, of).set_function(lambda of=of: read()[of])  # type: ignore[misc]

    def credential_accepted(self, *, accepted: bool) -> None:
        """Show whether the OMS accepted the credential."""
        self._accepted.labels(self._tenant).set(1 if accepted else 0)

    def config_changed(self, outcome: str) -> None:
        """Count a change of the credential, or an attempt at one."""
        self._config_changes.labels(self._tenant, outcome).inc()

    def show_circuit(self, operation: str, state: Callable[[], str]) -> None:
        """Show the state of an operation's circuit breaker, read at each scrape."""
        self._circuits.labels(self._tenant, operation).set_function(lambda: _CIRCUIT[state()])

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tenantproxy_{name}", text, ("tenant", *labels), registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"tenantproxy_{name}", text, ("tenant", *labels), registry=self._registry)

    def _histogram(self, name: str, text: str, label: str) -> Histograms:
        histograms = Histograms(f"tenantproxy_{name}", text, ("tenant", self._tenant), label, BUCKETS)
        self._registry.register(histograms)
        self._latencies.append(histograms)
        return histograms


class Few:
    """Bounds what a server can make of a label: after so many values the rest is one."""

    def __init__(self, most: int, rest: str) -> None:
        self._most = most
        self._rest = rest
        self._known: set[str] = set()

    def label(self, value: str) -> str:
        """Return a value, or what stands for the rest."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return self._rest
        self._known.add(value)
        return value
