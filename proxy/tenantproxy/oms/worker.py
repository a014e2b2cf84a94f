"""Do heavy work in a thread, one piece after another, callers in turn."""

import asyncio
import functools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from tenantproxy.oms.fair_lock import FairLock

T = TypeVar("T")

_SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which the thread yields to the loop; CPython's own 5 ms add up, as uvloop asks at each event."""


class Worker:
    """A thread that starts with its first piece of work."""

    def __init__(self, name: str) -> None:
        set_interval = functools.partial(sys.setswitchinterval, _SWITCH_INTERVAL)
        self._turn = FairLock()
        self._thread = ThreadPoolExecutor(1, name, initializer=set_interval)

    async def run(self, caller: str | None, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise what it raises; None stands for no caller.

        If this is cancelled, work that waits for its turn is dropped; what has begun continues in its thread.
        """
        # The thread's own queue would keep what those hold who have gone.
        await self._turn.acquire(caller)
        working = asyncio.get_running_loop().run_in_executor(self._thread, work)
        working.add_done_callback(lambda _: self._turn.release())
        try:
            return await asyncio.shield(working)
        finally:
            del working  # its error's traceback holds this frame, and all that the work made
