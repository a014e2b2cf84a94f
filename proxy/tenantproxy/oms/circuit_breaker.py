"""The circuit breaker: a pause for an OMS that keeps failing. Without I/O; the clock is the caller's."""

from typing import Final, Literal

from tenantproxy.backoff import Backoff

FAILURES_TO_OPEN: Final = 20
FIRST_OPEN: Final = 5.0
"""Seconds for which it is open first, doubling to the longest while probes fail."""
LONGEST_OPEN: Final = 30.0

Admission = Literal["go", "probe", "refuse"]
State = Literal["closed", "half-open", "open"]


class CircuitBreaker:
    """Opens after a row of failures; then one probe at a time decides."""

    def __init__(self) -> None:
        self._failures = 0
        self._pauses = Backoff(FIRST_OPEN, LONGEST_OPEN, spread="none")
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """`open` also while no request has come to be the probe."""
        if self._open_until is None:
            return "closed"
        return "half-open" if self._probing else "open"

    def admit(self, now: float) -> Admission:
        """Return whether a request may go; the end of a `probe` must be reported, or the probe released."""
        if self._open_until is None:
            return "go"
        if self._probing or now < self._open_until:
            return "refuse"
        self._probing = True
        return "probe"

    def remaining(self, now: float) -> float:
        """Return the seconds that remain of the pause."""
        return max(0.0, (self._open_until or 0.0) - now)

    def succeeded(self) -> None:
        """Take an answer that shows the OMS at work."""
        self._failures = 0
        if self._open_until is None or not self._probing:
            return  # all is well; or it is of a request from before the opening, and the probe decides
        self._pauses.reset()
        self._open_until = None
        self._probing = False

    def failed(self, now: float) -> None:
        """Take a failure."""
        if self._open_until is not None:
            if self._probing:
                self._probing = False
                self._open_until = now + self._pauses.next()
            return
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = now + self._pauses.next()

    def release(self) -> None:
        """Take back the probe: it ended without asking the OMS; the next request is the probe."""
        self._probing = False
