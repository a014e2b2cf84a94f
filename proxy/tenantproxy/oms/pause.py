"""The pause that an OMS asks for. Without I/O; the clock is the caller's."""

from typing import Final

LONGEST: Final = 60.0
"""Seconds: then a request asks again, however long a pause the OMS has named."""


class Pause:
    """A time without requests."""

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self, now: float, seconds: float) -> None:
        """Make no request for so many seconds; a pause that ends later stays."""
        self._until = max(self._until, now + min(seconds, LONGEST))

    def remaining(self, now: float) -> float:
        """Return the seconds that remain of it."""
        return max(0.0, self._until - now)
