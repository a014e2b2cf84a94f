"""Events of many MB at a relay: those of other stores don't wait for them, and memory is bounded."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from support.commands import ServeProcess
from support.proxy.oms import RawServer, answering, http, raw_server
from support.proxy.relay_process import PICKUP, relay, resident, send
from support.proxy.relaying import NOW, login, signed
from tenantproxy.poslog.sending.events import Event, poslog_event
from tenantproxy.poslog.sending.samples import sample

MOST_WAIT: Final = 0.05
"""Seconds that a small event waits for a large one, in 99 of 100 cases."""


@pytest.fixture
async def oms() -> AsyncIterator[RawServer]:
    """Run an OMS that takes all events."""
    async with raw_server(answering(http(204))) as server:
        yield server


async def test_large_events_let_small_ones_through(oms: RawServer, tmp_path: Path) -> None:
    """PosLogs of 5 MB are read beside the event loop, one at a time, in bounded memory."""
    line = b"<LineItem><Sale><ItemID>40001</ItemID><Quantity>1</Quantity></Sale></LineItem>"
    poslog = sample("pickup", order="CO-1", business_unit="store-1", number=1, end=NOW)
    large = poslog.replace(b"</RetailTransaction>", line * 66_000 + b"</RetailTransaction>", 1)
    assert len(large) > 5_000_000
    event = poslog_event(large, "zlib", event_id="5", now=NOW, business_day="2026-11-30")
    async with relay(tmp_path, oms.url, limits={"maxEventBytes": 16 * 1024 * 1024}) as running:
        usual = await _waits(running, lambda count: count == 50)
        before = resident(running)
        sending = asyncio.create_task(_in_a_row(running.api, [event] * 3))
        waits = await _waits(running, lambda _: sending.done())
        assert sending.result() == [204] * 3
        assert len(waits) > 20
        assert _p99(waits) <= _p99(usual) + MOST_WAIT
        assert resident(running, "VmHWM") - before <= 128


async def _in_a_row(url: str, given: list[Event]) -> list[int]:
    return [await send(url, event) for event in given]


async def _waits(running: ServeProcess, is_enough: Callable[[int], bool]) -> list[float]:
    """Send small events, one after the other, and return how long each has waited for its answer."""
    headers = {**login(), **signed(PICKUP.body)}
    waits: list[float] = []
    async with aiohttp.ClientSession() as session:
        while not is_enough(len(waits)):
            begin = time.perf_counter()
            async with session.post(f"{running.api}/events", data=PICKUP.body, headers=headers) as response:
                assert response.status == 204
            waits.append(time.perf_counter() - begin)
            await asyncio.sleep(0.003)
    return waits


def _p99(waits: list[float]) -> float:
    return sorted(waits)[len(waits) * 99 // 100 - 1]
