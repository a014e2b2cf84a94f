"""Virtual time: an event loop whose clock jumps to the next timer as soon as there is nothing else to do.

A test marked `virtual_time` runs in it: pauses, retries and time limits of minutes take no time, are exact to the
microsecond, and no load of the machine changes their order. Threads of executors are waited for while the clock
stands. Sockets and processes have no place here: nothing tells whether they are about to answer.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, TypeVar, TypeVarTuple, Unpack

from support.waiting import PATIENCE

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")

_OWN_FILES: Final = 1
"""The loop's own socket, by which threads wake it."""


class _JumpingSelector(selectors.DefaultSelector):
    """Moves the clock instead of waiting."""

    now = 0.0
    threads = 0
    """How many calls in threads are being waited for."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, move the clock to the next timer, `timeout` from now."""
        if timeout is not None and timeout <= 0:
            return super().select(0)
        assert len(self.get_map()) == _OWN_FILES, "sockets and processes don't live in virtual time"
        if self.threads:
            ready = super().select(PATIENCE)
            assert ready, f"a thread did not end within {PATIENCE:.0f} s"
            return ready
        assert timeout is not None, "nothing can happen any more: all tasks wait, and there is no timer"
        self.now += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time."""
        return self._jumping.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Arguments]], _Result], *args: *_Arguments
    ) -> asyncio.Future[_Result]:
        """Run something in a thread; the clock stands meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._one_less)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Wait for the threads; in virtual time no limit would give them any."""
        self._jumping.threads += 1
        await super().shutdown_default_executor()

    def _one_less(self, _future: object) -> None:
        self._jumping.threads -= 1
