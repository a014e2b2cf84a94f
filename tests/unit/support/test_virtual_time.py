"""Virtual time passes only where nothing else is left to do."""

import asyncio
import threading

import pytest

from support.virtual_time import VirtualTimeLoop


@pytest.mark.virtual_time
async def test_pauses_take_no_time() -> None:
    """Timers fire in their order, at their time."""
    clock = asyncio.get_running_loop().time
    seen: list[tuple[float, str]] = []

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        seen.append((clock(), name))

    await asyncio.gather(after(7200.0, "second"), after(3600.0, "first"))
    assert seen == [(3600.0, "first"), (7200.0, "second")]


@pytest.mark.virtual_time
async def test_the_clock_stands_while_a_thread_works() -> None:
    """What a thread does within a time limit is never too late, however long it takes."""
    gate = threading.Event()
    threading.Timer(0.05, gate.set).start()
    async with asyncio.timeout(0.001):
        await asyncio.to_thread(gate.wait)
    assert asyncio.get_running_loop().time() == 0.0


def test_a_standstill_fails() -> None:
    """Where nothing can ever happen the test fails instead of hanging."""
    loop = VirtualTimeLoop()
    with pytest.raises(AssertionError, match="nothing can happen any more"):
        loop.run_until_complete(asyncio.Event().wait())
    loop.close()


async def _listen() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    try:
        await asyncio.sleep(1.0)
    finally:
        server.close()


def test_sockets_are_refused() -> None:
    """Time would pass before their answers."""
    loop = VirtualTimeLoop()
    with pytest.raises(AssertionError, match="sockets and processes"):
        loop.run_until_complete(_listen())
    loop.close()
