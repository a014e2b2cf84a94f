"""A queue of keys: one worker per key at a time, duplicates merged, failures retried with exponential backoff.

As client-go's workqueue: a key that is added while it is being handled is handled once more afterwards.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from tenantproxy.backoff import delay

K = TypeVar("K", bound=Hashable)

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 120.0


class RetryError(Exception):
    """The handling of a key has to be retried, after a pause that grows with each failure in a row."""

    def __init__(
        self, message: str, *, longest_pause: float = _LONGEST_PAUSE, shortest_pause: float = 0.0
    ) -> None:
        """Make the error; the pause before the next try is within these bounds, in seconds.

        `shortest_pause` is what the API server asked for, capped at `longest_pause`.
        """
        super().__init__(message)
        self.longest_pause = longest_pause
        self.shortest_pause = min(shortest_pause, longest_pause)


class WorkQueue(Generic[K]):
    """Keys to handle, each by at most one worker at a time."""

    def __init__(self) -> None:
        self._waiting: dict[K, None] = {}
        self._handling: dict[K, bool] = {}
        """Keys being handled; True: once more afterwards."""
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._added = asyncio.Semaphore(0)

    def __len__(self) -> int:
        """Return how many keys wait for a worker."""
        return len(self._waiting)

    @property
    def retrying(self) -> int:
        """How many keys failed the last time."""
        return len(self._failures)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being handled; keys that pause before a retry don't count."""
        return not self._waiting and not self._handling

    def has(self, test: Callable[[K], bool]) -> bool:
        """Tell whether a key that passes a test waits or is being handled."""
        return any(test(key) for keys in (self._waiting, self._handling) for key in keys)

    def add(self, key: K) -> None:
        """Have `key` handled soon; where it waits already, nothing changes."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._handling:
            self._handling[key] = True
        elif key not in self._waiting:
            self._waiting[key] = None
            self._added.release()

    async def run(self, workers: int, handle: Callable[[K, int], Awaitable[float | None]]) -> None:
        """Handle keys until cancelled; `handle` gets a key and how often in a row it has failed before.

        `handle` returns the seconds after which it wants to be called again, or None. It raises RetryError to be
        called again after a pause. It must not raise anything else.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(handle))

    async def _work(self, handle: Callable[[K, int], Awaitable[float | None]]) -> None:
        while True:
            await self._added.acquire()
            key = next(iter(self._waiting))
            del self._waiting[key]
            self._handling[key] = False
            try:
                later = await handle(key, self._failures.get(key, 0))
            except RetryError as error:
                self._retry_later(key, error)
            else:
                self._failures.pop(key, None)
                if later is not None:
                    self._add_later(key, later)
            finally:
                again = self._handling.pop(key)
            if again:
                self.add(key)

    def _retry_later(self, key: K, error: RetryError) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._add_later(key, max(pause(failures, error.longest_pause), error.shortest_pause))

    def _add_later(self, key: K, seconds: float) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._wake, key)

    def _wake(self, key: K) -> None:
        with contextlib.suppress(KeyError):
            del self._timers[key]
        self.add(key)


def pause(failures: int, longest: float = _LONGEST_PAUSE) -> float:
    """Return the seconds to wait after so many failures in a row: 0.5, doubling up to `longest`, with jitter."""
    return delay(failures, _FIRST_PAUSE, longest, spread="half")
