"""A token bucket, without I/O."""


class RateLimit:
    """Permits `most` at once, and as many again over `seconds`; the clock is the caller's."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = float(most)
        self._per_second = most / seconds
        self._left = self._most
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take one and return 0; where none is left, return in how many seconds there will be one."""
        if self._at is not None:
            self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._per_second
        self._left -= 1.0
        return 0.0
