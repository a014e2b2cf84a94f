"""How long to wait before something that failed is tried again."""

import random
from typing import Final

_SHORTEST: Final = 1.0
_LONGEST: Final = 30.0
_MOST_FAILURES: Final = 5
"""Further ones change nothing: the longest delay is reached."""


class Delays:
    """Seconds to wait before the next try: from 1 to a bound that doubles from 2 to 30, evenly spread.

    So wide a spread because thousands of proxies lose the API server at the same moment.
    """

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def next(self) -> float:
        """Return how long to wait now; one more failure is counted."""
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        return random.uniform(_SHORTEST, min(2.0**self._failures, _LONGEST))  # noqa: S311 - a spread, no secret
