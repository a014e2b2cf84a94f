"""What came of a call that failed is let go at once, not when the garbage collector comes to it."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from support.proxy import hostile_answers, tokens
from support.proxy.oms import RawServer, Received, http
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.transport.base import UpstreamResponse

ANSWERS = {
    "an error": http(500, b"{}"),
    "no JSON": http(200, b"{"),
    "not as the contract wants it": http(200, b'{"customerOrder":{}}'),
    "another order": http(200, hostile_answers.order("right", "CO-2", size=2000)),
    "too dense": http(200, hostile_answers.order("dense-discounts", "CO-1")),
    "refused in the thread": http(200, hostile_answers.order("items-of-another-type", "CO-1")),
}


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Switch the garbage collector off: what is freed is freed since nothing holds it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


FAILURES = {
    "closed": b"",
    "no HTTP": b"junk\r\n\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
    "too large": b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n",
}


def tracebacks() -> int:
    """Return how many there are, each of which holds a frame, and what that had in hand."""
    return sum(isinstance(each, TracebackType) for each in gc.get_objects())


def held() -> int:
    """Return the number of an OMS's answers that are in memory."""
    return sum(isinstance(each, UpstreamResponse) for each in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_nothing_holds_it(oms: RawServer, tmp_path: Path, answer: bytes) -> None:
    """Twelve callers of such answers would else keep some forty in memory."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    oms.play = play
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 502
        await eventually(held, lambda number: number == 0)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("failure", [*FAILURES, "not there"])
async def test_nothing_holds_a_call_without_an_answer(oms: RawServer, tmp_path: Path, failure: str) -> None:
    """Nor an error that has come through its frames."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(FAILURES[failure])
        await writer.drain()
        writer.close()

    oms.play = play
    url = oms.url if failure in FAILURES else "http://127.0.0.1:1"
    async with running_proxy(proxy_config(url), tmp_path, BASIC) as proxy:
        assert (await proxy.get()).status == 502
        before = tracebacks()
        for _ in range(3):
            assert (await proxy.get()).status == 502
        await eventually(tracebacks, lambda number: number <= before)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_nothing_holds_a_trial_without_an_answer(oms: RawServer, tmp_path: Path, failure: bytes) -> None:
    """Nor one of the credential beside the reads."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(failure)
        await writer.drain()
        writer.close()

    async def try_out() -> None:
        answer = await proxy.put({}, query="?dryRun=true", headers=tokens.admin())
        assert answer.status == 200, answer.json

    oms.play = play
    access = tokens.access(tmp_path, mode="trusted")
    async with running_proxy(proxy_config(oms.url, access=access), tmp_path, BASIC) as proxy:
        await try_out()
        before = tracebacks()
        for _ in range(3):
            await try_out()
        await eventually(tracebacks, lambda number: number <= before)
