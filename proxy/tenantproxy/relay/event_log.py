"""The log of events: a line for each, of the requests' kind, which says what came of it, and not what is in it."""

from typing import Final

from tenantproxy.api.log_line import Line
from tenantproxy.api.request_log import RequestLog, milliseconds
from tenantproxy.observation import Observation
from tenantproxy.problems import Problem
from tenantproxy.relay.metrics import Outcome

EVENTS: Final = "events"
"""The route."""
_TAKEN: Final = 204


class EventObservation(Observation):
    """What is seen of one event."""

    __slots__ = ("caller_gone", "event_id", "method", "orders", "route")

    def __init__(self, correlation_id: str, method: str | None = None) -> None:
        super().__init__(correlation_id)
        self.method = method
        self.route = "other"
        """`events`, once it is one."""
        self.event_id: str | None = None
        """Once it was verified and read."""
        self.orders = 0
        """That it concerns."""
        self.caller_gone = False


class _EventLine(Line):
    """A line with what only an event has."""

    outcome: Outcome | None = None
    event_id: str | None = None
    orders: int | None = None


class EventLog(RequestLog):
    """Writes the lines; as many that are alike as of requests."""

    def event_ended(
        self, seen: EventObservation, outcome: Outcome, problem: Problem | None, *, begun: float, now: float
    ) -> None:
        """Write down what came of an event, also where nobody waits for the answer any more."""
        status = None if seen.caller_gone else _TAKEN if problem is None else problem.status
        code, reason = (None, None) if problem is None else (problem.code, problem.reason)
        if not self._is_on or not self._may_be_written((seen.route, status, code, reason), now):
            return
        self._lines.write(
            _EventLine(
                method=seen.method,
                route=seen.route,
                status=status,
                code=code,
                reason=None if reason == code else reason,
                duration_ms=milliseconds(now - begun),
                upstream_status=seen.upstream_status,
                upstream_ms=milliseconds(seen.upstream_seconds) if seen.calls else None,
                upstream_calls=seen.calls or None,
                caller_gone=True if seen.caller_gone else None,
                correlation_id=seen.correlation_id,
                outcome=outcome,
                event_id=seen.event_id,
                orders=seen.orders or None,
            )
        )
