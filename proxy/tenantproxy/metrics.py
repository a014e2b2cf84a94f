"""The proxy's Prometheus metrics. Names are an interface; every series has the label `tenant`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client.metrics import Counter, Gauge, disable_created_metrics
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
from prometheus_client.registry import CollectorRegistry

from tenantproxy import __version__
from tenantproxy.config import Tenant
from tenantproxy.errors import FieldProblem
from tenantproxy.exposition import text_format
from tenantproxy.series import Counters, Exemplify, Histograms

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
_MAX_POINTERS: Final = 50
"""Distinct pointers of violations; further ones are counted as `other`."""
_MAX_STATUSES: Final = 20
"""Distinct `status-NNN` of a server; further ones are counted as `status-other`."""
_CIRCUIT: Final = {"closed": 0, "half-open": 1, "open": 2}

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS: Final = "application/openmetrics-text"
OPEN_CONTENT_TYPE: Final = f"{OPEN_METRICS}; version=1.0.0; charset=utf-8"


class Metrics:
    """The metrics of one proxy process; what each request counts are plain `series`."""

    def __init__(self, tenant: Tenant) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self._tenant = tenant.name
        own = ("tenant", tenant.name)
        self._requests = Counters("tenantproxy_requests", "Requests answered.", own, ("route", "code"))
        self._registry.register(self._requests)
        self._durations = self._histogram(
            "request_duration_seconds", "From the request's head to the answer.", "route"
        )
        self.in_flight = 0
        """Requests being answered, until the response is sent."""
        gauge = self._gauge("requests_in_flight", "Requests being answered, until the response is sent.")
        gauge.labels(self._tenant).set_function(lambda: self.in_flight)
        self._upstream_durations = self._histogram(
            "upstream_request_duration_seconds", "One call of the OMS.", "operation"
        )
        self._upstream_errors = self._counter(
            "upstream_errors", "Calls of the OMS without a usable response.", "reason"
        )
        self._rejected = self._counter(
            "rejected_requests", "Requests refused before the OMS was called.", "reason"
        )
        self._incomplete = self._counter(
            "incomplete_searches", "Searches answered without all pages of the OMS.", "reason"
        )
        self._cancelled = self._counter(
            "cancelled_requests", "Requests whose client disconnected before the response.", "route"
        )
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
        self._violations = self._counter(
            "mapping_violations", "Violations of the contract in the OMS's answers.", "pointer"
        )
        self._spans = self._counter("trace_spans", "Spans of traces.", "outcome")
        self._circuits = self._gauge("circuit_state", "0 closed, 1 half-open, 2 open.", "operation")
        self._pointers = _Few(_MAX_POINTERS, "other")
        self._oms_statuses = _Few(_MAX_STATUSES, "status-other")
        self._token_statuses = _Few(_MAX_STATUSES, "status-other")
        self._gauge("build_info", "1.", "version", "tenant_id").labels(self._tenant, __version__, tenant.id).set(1)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return text_format(self._registry)

    @property
    def has_exemplars(self) -> bool:
        """Whether there is more to say than Prometheus' text format can."""
        return self._durations.exemplify is not None

    def open_exposition(self) -> bytes:
        """Return all metrics in OpenMetrics' text format, with exemplars."""
        page: bytes = open_metrics(self._registry)  # type: ignore[no-untyped-call]
        return page

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.increment(route, status)
        self._durations.observe(route, seconds)

    def upstream_called(self, operation: str, seconds: float) -> None:
        """Count a call of the OMS, however it ended."""
        self._upstream_durations.observe(operation, seconds)

    def upstream_failed(self, reason: str) -> None:
        """Count a call of the OMS without a usable response."""
        if reason.startswith("status-"):
            reason = self._oms_statuses.label(reason)
        self._upstream_errors.labels(self._tenant, reason).inc()

    def rejected(self, reason: str) -> None:
        """Count a request that was refused before the OMS was called."""
        self._rejected.labels(self._tenant, reason).inc()

    def may_cut(self, reasons: Iterable[str]) -> None:
        """Show for which reasons a search may be answered without all pages, from the first scrape on."""
        for reason in reasons:
            self._incomplete.labels(self._tenant, reason)

    def search_cut(self, reason: str) -> None:
        """Count a search that was answered without all pages."""
        self._incomplete.labels(self._tenant, reason).inc()

    def cancelled(self, route: str) -> None:
        """Count a request whose client disconnected before the response."""
        self._cancelled.labels(self._tenant, route).inc()

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

    def contract_violated(self, violations: Sequence[FieldProblem]) -> None:
        """Count violations by pointer, list indexes left out."""
        for violation in violations:
            pointer = "/".join("*" if part.isdigit() else part for part in violation.field.split("/"))
            self._violations.labels(self._tenant, self._pointers.label(pointer)).inc()

    def show_circuit(self, operation: str, state: Callable[[], str]) -> None:
        """Show the state of an operation's circuit breaker, read at each scrape."""
        self._circuits.labels(self._tenant, operation).set_function(lambda: _CIRCUIT[state()])

    def exemplify(self, exemplar: Exemplify) -> None:
        """Let each latency have an exemplar, of what is recorded of its request; before the first one."""
        self._durations.exemplify = self._upstream_durations.exemplify = exemplar

    def spans(self, outcome: str, count: int) -> None:
        """Count spans that were sent, or lost; from any thread."""
        self._spans.labels(self._tenant, outcome).inc(count)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tenantproxy_{name}", text, ("tenant", *labels), registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"tenantproxy_{name}", text, ("tenant", *labels), registry=self._registry)

    def _histogram(self, name: str, text: str, label: str) -> Histograms:
        histograms = Histograms(f"tenantproxy_{name}", text, ("tenant", self._tenant), label, _BUCKETS)
        self._registry.register(histograms)
        return histograms


class _Few:
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
