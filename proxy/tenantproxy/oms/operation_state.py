"""What one operation may ask of the OMS, and how the OMS does at it: none switches another one off."""

from collections.abc import Callable
from typing import Self

from tenantproxy.admission import Bulkhead, share
from tenantproxy.config import Upstream
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN, Admission, CircuitBreaker
from tenantproxy.oms.outcomes import Meaning, compile_outcomes, is_failure
from tenantproxy.operations import Operation
from tenantproxy.troubles import Trouble


class OperationState:
    """The bounds of one operation, and its circuit breaker, whose changes it tells."""

    def __init__(
        self,
        operation: Operation,
        path: str,
        timeout_seconds: float,
        clock: Callable[[], float],
        *,
        retries: int = 0,
        most: int | None = None,
        meaning: Meaning | None = None,
    ) -> None:
        """Be about an operation at this path; it may have `most` connections, if not all that there are."""
        self.operation = operation
        self.timeout_seconds = timeout_seconds
        self.path = path
        """At the OMS, with placeholders for what is in a request."""
        self.retries = retries
        self.bulkhead = None if most is None else Bulkhead(most)
        self.meaning = meaning
        self._circuit = CircuitBreaker()
        self._clock = clock
        self._trouble = Trouble(
            "circuit-open",
            f"the circuit is open: the OMS has failed {FAILURES_TO_OPEN} times in a row",
            "the circuit is closed: the OMS is at work again",
            clock=clock,
            operation=operation.name,
        )

    @classmethod
    def of(cls, upstream: Upstream, operation: Operation, clock: Callable[[], float]) -> Self:
        """Return that of a read, as it is configured."""
        endpoint = upstream.operations.of(operation)
        most = endpoint.max_connections
        if most is None and not operation.reads_one_order:
            most = share(upstream.max_connections)  # else slow searches would leave none for reads by id
        return cls(
            operation,
            endpoint.path.partition("?")[0],
            upstream.timeout_of(operation),
            clock,
            retries=upstream.retries if endpoint.retries is None else endpoint.retries,
            most=most,
            meaning=compile_outcomes(operation, endpoint.outcomes),
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
