"""Where bodies are decompressed: small ones at once, large ones in a thread; and how they are counted."""

import asyncio
import gzip
import threading

import pytest

from support.proxy import hostile_answers
from tenantproxy.admission import Admission, Ticket
from tenantproxy.oms import decoding
from tenantproxy.oms.decoding import Decoder
from tenantproxy.oms.worker import Worker
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.content_coding import LIGHT_BYTES, decompressed

MIB = 1024 * 1024
SMALL = b'{"customerOrder": {}}'
LARGE = hostile_answers.order("right", "CO-1", size=500_000)


def response(body: bytes, coding: str = "gzip") -> UpstreamResponse:
    return UpstreamResponse(200, {"content-type": "application/json", "content-encoding": coding}, body)


def decoder(limit: int = MIB) -> Decoder:
    return Decoder(limit, Worker("decoding"))


def ticket(max_bytes: int = 8 * MIB) -> Ticket:
    return Admission(4, MIB, max_bytes).admit(None)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Return the threads in which bodies were decompressed."""
    seen: list[threading.Thread] = []

    def watched(body: bytes, coding: str, limit: int) -> bytes | None:
        seen.append(threading.current_thread())
        return decompressed(body, coding, limit)

    monkeypatch.setattr(decoding, "decompressed", watched)
    return seen


async def test_plain(threads: list[threading.Thread]) -> None:
    """What is not compressed stays the object that it was."""
    given = response(SMALL)
    assert await decoder().decoded(given, ticket()) is given
    assert not threads


async def test_small(threads: list[threading.Thread]) -> None:
    """An order of ordinary size is decompressed at once, and counted as what it is then."""
    held = ticket()
    got = await decoder().decoded(response(gzip.compress(SMALL)), held)
    assert (got.body, got.headers) == (SMALL, {"content-type": "application/json"})
    assert held.held == len(SMALL)
    assert threads == [threading.main_thread()]


async def test_large(threads: list[threading.Thread]) -> None:
    """Of a large body only the first part is made on the loop."""
    assert len(LARGE) > LIGHT_BYTES
    held = ticket()
    assert (await decoder().decoded(response(gzip.compress(LARGE)), held)).body == LARGE
    assert held.held == len(LARGE)
    assert [thread is threading.main_thread() for thread in threads] == [True, False]


async def test_many_at_once(threads: list[threading.Thread]) -> None:
    """Large bodies share one thread."""
    shared = decoder()
    given = [response(gzip.compress(LARGE)) for _ in range(3)]
    got = await asyncio.gather(*(shared.decoded(one, ticket()) for one in given))
    assert [one.body for one in got] == [LARGE] * 3
    assert len({thread for thread in threads if thread is not threading.main_thread()}) == 1


@pytest.mark.parametrize("limit", [1000, LIGHT_BYTES, 400_000])
async def test_too_large(limit: int) -> None:
    """A body that is larger than an answer may be is no answer."""
    with pytest.raises(UpstreamError) as caught:
        await decoder(limit).decoded(response(gzip.compress(LARGE)), ticket())
    assert caught.value.reason == "too-large"


async def test_no_room() -> None:
    """A body that there is no room for is refused."""
    with pytest.raises(UpstreamError) as caught:
        await decoder().decoded(response(gzip.compress(LARGE)), ticket(400_000))
    assert caught.value.reason == "overloaded"


async def test_damaged() -> None:
    """What can't be decompressed is the OMS's failure, and its connection is not used again."""
    discarded: list[bool] = []
    damaged = response(gzip.compress(SMALL)[:-1])._replace(discard_connection=lambda: discarded.append(True))
    with pytest.raises(Problem) as caught:
        await decoder().decoded(damaged, ticket())
    assert (caught.value.code, caught.value.reason) == ("upstream-error", "content-encoding")
    assert discarded
