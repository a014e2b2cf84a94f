"""What is done over and over, and must not be done hot where it does not help."""

import asyncio
import math
from collections.abc import Callable

from tenantproxy.backoff import Backoff


class Pace:
    """Holds back what is to be done again soon after the last time."""

    def __init__(self, stable: float, backoff: Backoff | None = None) -> None:
        """Prepare; what lasted for `stable` seconds makes earlier failures forgotten."""
        self._stable = stable
        self._backoff = backoff or Backoff()
        self._last = -math.inf

    async def wait(self, held_back: Callable[[float], None]) -> None:
        """Return when it may be done; `held_back` is told of a pause before it, in seconds."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._last >= self._stable:
            self._backoff.reset()
        else:
            delay = self._backoff.next()
            held_back(delay)
            await asyncio.sleep(delay)
        self._last = loop.time()
