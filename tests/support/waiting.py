"""Waiting for effects, within a bound that only a broken product reaches."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

PATIENCE: Final = 30.0
_POLL_SECONDS: Final = 0.02

T = TypeVar("T")


def until(
    check: Callable[[], bool],
    *,
    within: float = PATIENCE,
    pause: float = _POLL_SECONDS,
    what: Callable[[], str] = lambda: "",
) -> None:
    """Wait until `check` holds, asking after each pause (seconds); fail with `what` it is about."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, what()
        time.sleep(pause)


async def eventually(
    check: Callable[[], Awaitable[T]],
    good: Callable[[T], object] = bool,
    *,
    within: float = PATIENCE,
    log: Callable[[], str] = lambda: "",
) -> T:
    """Return the first result of `check` that is `good`; fail with the last one that is not, and a log's end."""
    deadline = time.monotonic() + within
    while not good(result := await check()):
        assert time.monotonic() < deadline, f"it stays {result!r}\n{log()[-4000:]}"
        await asyncio.sleep(_POLL_SECONDS)
    return result
