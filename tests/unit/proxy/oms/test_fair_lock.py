"""The order in which callers get a lock."""

import asyncio

from support.waiting import PATIENCE
from tenantproxy.oms.fair_lock import FairLock


async def test_callers_take_turns() -> None:
    """Who asks for much waits for itself; the order of one caller's requests stays."""
    lock = FairLock()
    served: list[str] = []

    async def ask(caller: str, number: int) -> None:
        await lock.acquire(caller)
        served.append(f"{caller}{number}")
        await asyncio.sleep(0)
        lock.release()

    await lock.acquire("first")
    asking = [asyncio.create_task(ask("greedy", number)) for number in range(4)]
    await asyncio.sleep(0)
    asking += [asyncio.create_task(ask("modest", number)) for number in range(2)]
    await asyncio.sleep(0)
    lock.release()
    await asyncio.gather(*asking)
    assert served == ["greedy0", "modest0", "greedy1", "modest1", "greedy2", "greedy3"]


async def test_who_is_cancelled_keeps_nobody_waiting() -> None:
    """Whether the turn had been given to it or not."""
    lock = FairLock()
    await lock.acquire(None)
    gone, given, last = (asyncio.create_task(lock.acquire(None)) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    lock.release()
    given.cancel()
    async with asyncio.timeout(PATIENCE):
        await last
    lock.release()
    await lock.acquire(None)
