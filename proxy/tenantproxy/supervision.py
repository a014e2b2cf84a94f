"""Restart a background task of the process when it fails, and report the process unhealthy while it stays down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tenantproxy.backoff import Backoff

_log = logging.getLogger(__name__)

MAX_DOWN: Final = 30.0
"""Seconds for which the task may be down before the process counts as unhealthy."""
_BACKOFF: Final = 1.0, 5.0
"""Bounds of the seconds before a restart: after the first failure, and at most."""
PROVEN: Final = 2.0
"""Seconds after which a restarted task that has not failed counts as back."""


class Supervised:
    """Runs `work`, which never returns, and restarts it when it fails; calls `back` once it runs again."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        back: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._work = work
        self._back = back
        self._clock = clock
        self._down_since: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether it runs, or has been down for no longer than `MAX_DOWN`."""
        return self._down_since is None or self._clock() - self._down_since <= MAX_DOWN

    async def run(self) -> None:
        """Run it until cancelled."""
        backoff = Backoff(*_BACKOFF)
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    working = group.create_task(self._run_work(), name=self._name)
                    if self._down_since is not None:
                        await asyncio.sleep(PROVEN)
                        await self._back()
                        self._down_since = None
                        backoff.reset()
                        _log.warning("%s: recovered", self._name)
                    await working
            except Exception as error:  # noqa: BLE001 - whatever it was, the work is restarted
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from None  # Python 3.11 loses it to an error of the same moment
                self._note(error)
            await asyncio.sleep(backoff.next())

    async def _run_work(self) -> None:
        await self._work()
        raise RuntimeError("ended")

    def _note(self, error: BaseException) -> None:
        """Log a failure, once until it is back."""
        if self._down_since is not None:
            return
        self._down_since = self._clock()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]  # of the first task that failed; the others were cancelled
        _log.error("%s: failed; restarting", self._name, exc_info=error)
