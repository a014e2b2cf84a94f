"""The pause that an OMS asks for. Without I/O; the clock is the caller's."""

from typing import Final

LONGEST: Final = 60.0
"""Seconds: then a read asks again, however long a pause the OMS has named."""
UNAVAILABLE: Final = frozenset({503})
"""With what an OMS asks for one, of reads; each may also be told alone that there are too many (429)."""


class Pause:
    """A time without requests, that answers with these statuses and `Retry-After` ask for."""

    def __init__(self, longest: float = LONGEST, statuses: frozenset[int] = UNAVAILABLE) -> None:
        self.statuses = statuses
        self._longest = longest
        self._until = 0.0

    def begin(self, now: float, seconds: float) -> None:
        """Make no request for so many seconds; a pause that ends later stays."""
        self._until = max(self._until, now + min(seconds, self._longest))

    def remaining(self, now: float) -> float:
        """Return the seconds that remain of it."""
        return max(0.0, self._until - now)
