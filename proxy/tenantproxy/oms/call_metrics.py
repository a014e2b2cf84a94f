"""What counts the calls of the OMS, in a proxy or in a relay."""

from collections.abc import Callable
from typing import Protocol


class CallMetrics(Protocol):
    """What counts the calls."""

    def upstream_called(self, operation: str, seconds: float) -> None:
        """Count a call, however it ended."""
        ...

    def show_circuit(self, operation: str, state: Callable[[], str]) -> None:
        """Show the state of an operation's circuit breaker, read at each scrape."""
        ...
