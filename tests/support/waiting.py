"""Waiting for effects, within a bound that only a broken product reaches."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, cast, overload

PATIENCE: Final = 60.0
"""In seconds; beside other tests, on busy cores, half a minute is reached by a product that is well."""
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


@overload
async def eventually(
    check: Callable[[], Awaitable[T]],
    good: Callable[[T], object] = bool,
    *,
    within: float = PATIENCE,
    pause: float = _POLL_SECONDS,
    log: Callable[[], str] = lambda: "",
) -> T: ...
@overload
async def eventually(
    check: Callable[[], T],
    good: Callable[[T], object] = bool,
    *,
    within: float = PATIENCE,
    pause: float = _POLL_SECONDS,
    log: Callable[[], str] = lambda: "",
) -> T: ...
async def eventually(
    check: Callable[[], Awaitable[T] | T],
    good: Callable[[T], object] = bool,
    *,
    within: float = PATIENCE,
    pause: float = _POLL_SECONDS,
    log: Callable[[], str] = lambda: "",
) -> T:
    """Return the first result of `check` that is `good`; fail with the last one that is not, and a log's end."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + within
    while True:
        found = check()
        result = cast("T", await found if inspect.isawaitable(found) else found)
        if good(result):
            return result
        assert clock() < deadline, f"it stays {result!r}\n{log()[-4000:]}"
        await asyncio.sleep(pause)
