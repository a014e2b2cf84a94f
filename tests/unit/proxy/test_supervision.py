"""Background tasks are restarted."""

import asyncio
import logging

import pytest

from support.waiting import eventually
from tenantproxy.supervision import MAX_DOWN, Supervised

pytestmark = pytest.mark.virtual_time


class Work:
    """Fails as often as it is told to, then goes on."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.backs = 0
        self.now = 0.0
        self.is_back = asyncio.Event()
        self.supervised = Supervised("work", self.run, self.back, clock=lambda: self.now)

    async def run(self) -> None:
        if not self.failures:
            await asyncio.Event().wait()
        if failure := self.failures.pop(0):
            raise failure

    async def back(self) -> None:
        self.backs += 1
        self.is_back.set()


@pytest.mark.parametrize("failures", [(OSError(24, "MARKED"),), (ValueError(), None, OSError())], ids=str)
async def test_it_comes_back(failures: tuple[Exception | None, ...], caplog: pytest.LogCaptureFixture) -> None:
    """However it failed, or ended, it is run again until it goes on; both are logged once."""
    caplog.set_level(logging.WARNING)
    work = Work(*failures)
    running = asyncio.create_task(work.supervised.run())
    await work.is_back.wait()
    await asyncio.sleep(MAX_DOWN)
    assert (work.backs, work.supervised.healthy) == (1, True)
    assert [record.getMessage() for record in caplog.records] == [
        "work: failed; restarting",
        "work: recovered",
    ]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_is_unhealthy_when_it_stays_down() -> None:
    """Health ends with the bound, counted from the first failure, and comes back with it."""
    work = Work(*[OSError()] * 20)
    running = asyncio.create_task(work.supervised.run())
    await eventually(lambda: len(work.failures) <= 15)
    work.now = MAX_DOWN
    assert work.supervised.healthy
    work.now = MAX_DOWN + 0.1
    assert not work.supervised.healthy
    await work.is_back.wait()
    await asyncio.sleep(0)
    assert work.supervised.healthy
    running.cancel()


async def test_it_starts_without_being_called_back() -> None:
    """Who has never failed was never away."""
    work = Work()
    running = asyncio.create_task(work.supervised.run())
    await asyncio.sleep(MAX_DOWN)
    assert (work.backs, work.supervised.healthy) == (0, True)
    running.cancel()


async def test_its_end_is_not_lost_to_a_failure_of_the_same_moment() -> None:
    """Who is cancelled while the work fails ends, whichever of the two comes first."""
    for turns in range(1, 12):
        work = Work(*[OSError()] * 20)
        running = asyncio.create_task(work.supervised.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
