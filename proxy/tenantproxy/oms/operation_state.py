"""What one operation may ask of the OMS, and how the OMS does at it: none switches another one off."""

from collections.abc import Callable

from tenantproxy.admission import Bulkhead, share
from tenantproxy.config import Upstream
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, Admission, CircuitBreaker
from tenantproxy.oms.outcomes import compile_outcomes, is_failure
from tenantproxy.operations import Operation
from tenantproxy.troubles import Trouble


class OperationState:
    """The bounds of one operation, and its circuit breaker, whose changes it tells."""

    def __init__(self, upstream: Upstream, operation: Operation, clock: Callable[[], float]) -> None:
        self.operation = operation
        endpoint = upstream.operations.of(operation)
        self.timeout_seconds = upstream.timeout_of(operation)
        self.path = endpoint.path.partition("?")[0]
        """At the OMS, with placeholders for what is in a request."""
        self.retries = upstream.retries if endpoint.retries is None else endpoint.retries
        most = endpoint.max_connections
        if most is None and not operation.reads_one_order:
            most = share(upstream.max_connections)  # else slow searches would leave none for reads by id
        self.bulkhead = None if most is None else Bulkhead(most)
        self.meaning = compile_outcomes(operation, endpoint.outcomes)
        self._circuit = CircuitBreaker()
        self._clock = clock
        self._trouble = Trouble(
            "circuit-open",
            f"the circuit is open: the OMS has failed {FAILURES_TO_OPEN} times in a row",
            "the circuit is closed: the OMS is at work again",
            clock=clock,
            operation=operation.name,
        )

    def state(self) -> str:
        """Return the state of its circuit."""
        return self._circuit.state

    def admit(self) -> Admission:
        """Return whether a request may go; the end of a `probe` must be recorded, or the probe released."""
        return self._circuit.admit(self._clock())

    def remaining(self) -> float:
        """Return the seconds that remain of the circuit's pause."""
        return self._circuit.remaining(self._clock())

    def release(self) -> None:
        """Take back the probe: it ended without asking the OMS; the next request is the probe."""
        self._circuit.release()

    def record(self, status: int | None, meaning: str | None = None, reason: str | None = None) -> None:
        """Tell the circuit breaker how a call ended, also one whose caller had gone; None: no answer came."""
        if is_failure(status, meaning):
            self.failed(f"status-{status}" if reason is None else reason)
        else:
            self._circuit.succeeded()
            if self._trouble.lasts and self._circuit.state == "closed":
                self._trouble.ends()

    def failed(self, reason: str) -> None:
        """Take a failure."""
        before = self._circuit.state
        self._circuit.failed(self._clock())
        if before != "open" and self._circuit.state == "open":
            self._trouble.begins(reason)
