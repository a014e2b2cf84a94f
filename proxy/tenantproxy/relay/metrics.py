"""The relay's Prometheus metrics. Names are an interface; every series has the label `tenant`."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

from prometheus_client.metrics import Histogram

from tenantproxy.config import Tenant
from tenantproxy.process_metrics import BUCKETS, MAX_STATUSES, Few, ProcessMetrics
from tenantproxy.relay.verification import SignedOver
from tenantproxy.series import Counters

Outcome = Literal["delivered", "failed", "irrelevant", "refused", "test"]
"""What came of an event.

The OMS has taken it, or has not, or could not be asked; it concerns no order; it was refused before it was read;
it was a test of the webhook.
"""
_LAGS: Final = (1.0, 2.5, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 1500.0, 3600.0, 14400.0, 86400.0)
"""Seconds; ExternalEvents' last retry comes after 1500."""


class RelayMetrics(ProcessMetrics):
    """The metrics of one relay process."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant)
        own = ("tenant", tenant.name)
        self._events = Counters("tenantproxy_poslog_events", "Events answered.", own, ("outcome", "reason"))
        self._registry.register(self._events)
        self._event_durations = self._histogram(
            "poslog_event_duration_seconds", "From an event's head to the answer.", "outcome"
        )
        self.in_flight = 0
        """Events that are not answered yet."""
        gauge = self._gauge("poslog_events_in_flight", "Events that are not answered yet.")
        gauge.labels(self._tenant).set_function(lambda: self.in_flight)
        self._signatures = self._counter("poslog_signatures", "Signatures that were right.", "over")
        for over in get_args(SignedOver):
            self._signatures.labels(self._tenant, over)
        self._deliveries = self._counter("poslog_deliveries", "Events that the OMS was given.", "result")
        self._delivery_durations = self._plain("delivery_duration_seconds", "One call of the OMS.", BUCKETS)
        self._lags = self._plain("lag_seconds", "How old an event was when the OMS took it.", _LAGS)
        self._stopped = self._gauge("poslog_stopped", "1: the OMS wants no more events (410).")
        self._paused = self._gauge("poslog_paused", "1: the OMS has asked for a pause.")
        self._keys = self._gauge(
            "poslog_key_missing", "1: the Secret lacks this key, or it can't be used; events are refused.", "key"
        )
        self._statuses = Few(MAX_STATUSES, "status-other")

    def answered(self, outcome: Outcome, reason: str, seconds: float) -> None:
        """Count an event that is answered; the reason is empty where all went well."""
        if reason.startswith("status-"):
            reason = self._statuses.label(reason)
        self._events.increment(outcome, reason)
        self._event_durations.observe(outcome, seconds)

    def signed(self, over: SignedOver) -> None:
        """Count a right signature."""
        self._signatures.labels(self._tenant, over).inc()

    def delivery_ended(self, result: str) -> None:
        """Count an event that the OMS was given: its status, or why there was no answer."""
        if result.startswith("status-"):
            result = self._statuses.label(result)
        self._deliveries.labels(self._tenant, result).inc()

    def delivered(self, lag: float | None) -> None:
        """Take in how old an event was when the OMS took it, in seconds; None: it does not say."""
        if lag is not None:
            self._lags.labels(self._tenant).observe(lag)

    def upstream_called(self, _operation: str, seconds: float) -> None:
        """Count a call of the OMS, however it ended."""
        self._delivery_durations.labels(self._tenant).observe(seconds)

    def show_holds(self, *, stopped: Callable[[], bool], paused: Callable[[], bool]) -> None:
        """Show whether the OMS wants no events, for good or for a while, read at each scrape."""
        self._stopped.labels(self._tenant).set_function(lambda: int(stopped()))
        self._paused.labels(self._tenant).set_function(lambda: int(paused()))

    def show_keys(self, keys: Iterable[str], is_missing: Callable[[str], bool]) -> None:
        """Show of each key that is needed whether it is missing, read at each scrape."""
        for key in keys:
            self._keys.labels(self._tenant, key).set_function(lambda key=key: int(is_missing(key)))  # type: ignore[misc]

    def _plain(self, name: str, text: str, bounds: tuple[float, ...]) -> Histogram:
        found = Histogram(f"tenantproxy_poslog_{name}", text, ("tenant",), buckets=bounds, registry=self._registry)
        found.labels(self._tenant)
        return found
