"""The proxy's Prometheus metrics. Names are an interface; every series has the label `tenant`."""

from collections.abc import Iterable, Sequence
from typing import Final

from tenantproxy.config import Tenant
from tenantproxy.errors import FieldProblem
from tenantproxy.process_metrics import MAX_STATUSES, Few, ProcessMetrics
from tenantproxy.series import Counters

_MAX_POINTERS: Final = 50
"""Distinct pointers of violations; further ones are counted as `other`."""


class Metrics(ProcessMetrics):
    """The metrics of one proxy process; what each request counts are plain `series`."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant)
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
        self._violations = self._counter(
            "mapping_violations", "Violations of the contract in the OMS's answers.", "pointer"
        )
        self._pointers = Few(_MAX_POINTERS, "other")
        self._oms_statuses = Few(MAX_STATUSES, "status-other")

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

    def contract_violated(self, violations: Sequence[FieldProblem]) -> None:
        """Count violations by pointer, list indexes left out."""
        for violation in violations:
            pointer = "/".join("*" if part.isdigit() else part for part in violation.field.split("/"))
            self._violations.labels(self._tenant, self._pointers.label(pointer)).inc()
