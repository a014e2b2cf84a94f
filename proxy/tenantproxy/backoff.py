"""How long to wait before something that failed is tried again."""

import random
from typing import Final

_MOST_FAILURES: Final = 30
"""Further ones change nothing: any longest delay is reached."""


class Delays:
    """Seconds to wait before the next try: between the shortest and a bound that doubles up to the longest.

    So wide a spread because thousands of proxies lose the API server at the same moment.
    """

    def __init__(self, shortest: float = 1.0, longest: float = 30.0) -> None:
        self._shortest = shortest
        self._longest = longest
        self._failures = 0

    def reset(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def next(self) -> float:
        """Return how long to wait now; one more failure is counted."""
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        bound = min(self._shortest * 2.0**self._failures, self._longest)
        return random.uniform(self._shortest, bound)  # noqa: S311 - a spread, no secret
