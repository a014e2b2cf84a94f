"""How long to wait before something that failed is retried: exponential backoff with jitter."""

import random
from typing import Final, Literal

Spread = Literal["none", "half", "full"]
"""How much of a delay is random.

`none`: nothing. `half`: it is between half the bound and the bound. `full`: between half the first bound and the
bound, for where thousands of processes fail at the same moment.
"""

_MOST_DOUBLINGS: Final = 30
"""Further failures change nothing: any longest delay is reached."""


def delay(failures: int, first: float, longest: float, *, spread: Spread = "none") -> float:
    """Return the seconds to wait after so many failures in a row, at least one.

    They are bounded by `first` after the first failure, and by twice as many after each further one, up to
    `longest`.
    """
    bound = min(first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), longest)
    if spread == "none":
        return bound
    shortest = min(first / 2, bound) if spread == "full" else bound / 2
    return random.uniform(shortest, bound)  # noqa: S311 - a spread, no secret


class Backoff:
    """Counts the failures in a row and says how long to wait after each; see `delay`."""

    def __init__(self, first: float = 2.0, longest: float = 30.0, *, spread: Spread = "full") -> None:
        self._first = first
        self._longest = longest
        self._spread: Spread = spread
        self._failures = 0

    def reset(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def next(self) -> float:
        """Count one more failure and return how long to wait now, in seconds."""
        self._failures += 1
        return delay(self._failures, self._first, self._longest, spread=self._spread)
