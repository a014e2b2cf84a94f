"""Time limits by one clock that ticks as long as there are any.

`asyncio.timeout` costs each request a timer of the event loop, which is nearly always taken back. These share one.
"""

import asyncio
from types import TracebackType
from typing import Final

TICK: Final = 0.05
"""Seconds by which a limit may come late."""


class Deadlines:
    """The time limits of one event loop; the times are the loop's."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._ticking = False

    def at(self, when: float) -> "Deadline":
        """Return a context that raises TimeoutError at a time, once what runs in it has been cancelled."""
        return Deadline(self, when)

    def add(self, deadline: "Deadline") -> None:
        """Watch one."""
        self._running.add(deadline)
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK, self._tick)

    def remove(self, deadline: "Deadline") -> None:
        """Watch it no more."""
        self._running.discard(deadline)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for deadline in [each for each in self._running if each.when <= now]:
            self._running.discard(deadline)
            deadline.pass_()
        self._ticking = bool(self._running)
        if self._ticking:
            loop.call_later(TICK, self._tick)


class Deadline:
    """One of them, for the task that enters it."""

    __slots__ = ("_cancelled_before", "_deadlines", "_has_passed", "_task", "when")

    def __init__(self, deadlines: Deadlines, when: float) -> None:
        self.when = when
        self._deadlines = deadlines
        self._has_passed = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever has a time limit runs in a task
        self._task = task
        self._cancelled_before = task.cancelling()
        self._deadlines.add(self)

    def pass_(self) -> None:
        """Cancel what runs."""
        self._has_passed = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadlines.remove(self)
        if not self._has_passed:
            return
        # As `asyncio.timeout`: who was cancelled by others, too, stays so.
        others = self._task.uncancel() > self._cancelled_before
        if not others and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error
