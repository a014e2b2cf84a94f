"""Time limits that share a clock hold as those of asyncio do, but for a tick."""

import asyncio
from collections.abc import Sequence

import pytest

from support.virtual_time import VirtualTimeLoop
from tenantproxy.deadlines import TICK, Deadlines

pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


async def limited(deadlines: Deadlines, seconds: float, work: float) -> float:
    """Return when work of so many seconds has ended, or raise TimeoutError."""
    with deadlines.at(now() + seconds):
        await asyncio.sleep(work)
    return now()


async def test_what_takes_too_long_ends() -> None:
    """At its time, or a tick later at most; never before."""
    deadlines = Deadlines()
    begun = now()
    with pytest.raises(TimeoutError):
        await limited(deadlines, 1.02, 3)
    assert 1.02 <= now() - begun <= 1.02 + TICK


async def test_what_ends_in_time_goes_on() -> None:
    """Also shortly before the last moment."""
    assert await limited(Deadlines(), 1.0, 0.99) == 0.99
    assert await limited(Deadlines(), 1.0, 0.01) == 1.0


async def test_each_has_its_own() -> None:
    """Many run at the same time, and each ends at its own."""
    deadlines = Deadlines()
    results = await asyncio.gather(
        *(limited(deadlines, limit, work) for limit, work in [(3, 9), (1, 9), (2, 1), (1, 0.5), (0, 9)]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [TimeoutError, TimeoutError, float, float, TimeoutError]
    assert 3 <= now() <= 3 + TICK


async def test_the_clock_stands_while_there_is_none() -> None:
    """What is over leaves nothing that wakes the process; the next one starts the clock again."""
    deadlines = Deadlines()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    await limited(deadlines, 60, 1)
    await asyncio.sleep(TICK)
    assert not loop._scheduled  # type: ignore[attr-defined]
    with pytest.raises(TimeoutError):
        await limited(deadlines, 1, 9)


@pytest.mark.parametrize("happens", [["cancelled"], ["too late", "cancelled"], ["cancelled", "too late"]], ids=str)
async def test_who_is_cancelled_stays_so(happens: Sequence[str]) -> None:
    """A caller that goes away ends its request also where its time is over at the same moment."""
    deadline = Deadlines().at(now() + 9)

    async def work() -> None:
        with deadline:
            await asyncio.sleep(99)

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    for each in happens:
        (deadline.pass_ if each == "too late" else task.cancel)()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_other_errors_pass() -> None:
    """An error that comes instead of the cancellation is what its caller gets, and nothing is left of that."""

    async def work() -> None:
        with Deadlines().at(now() + 1):
            try:
                await asyncio.sleep(9)
            finally:
                raise KeyError

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    assert isinstance(task.exception(), KeyError)
    assert task.cancelling() == 0
