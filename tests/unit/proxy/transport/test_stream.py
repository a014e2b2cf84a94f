"""An answer that is read as it comes; lines, silence and TLS: `unit/proxy/kube/test_client.py`."""

import asyncio
import contextlib
import gc

import pytest

from support.apiserver.scripts import STREAM_HEAD, chunk, silent, stream
from support.proxy.http_clients import cancel, client
from support.proxy.oms import RawServer, Received, answering, http
from support.waiting import PATIENCE, eventually
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.connection import MAX_FRAMING_BYTES, MAX_HEAD_BYTES


async def read(running: HttpClient) -> bytes:
    async with asyncio.timeout(PATIENCE):
        with contextlib.closing(await running.open("/", {})) as answer:
            pieces = []
            while piece := await answer.piece(PATIENCE):
                pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("body", [b"", b"ok"])
async def test_a_short_answer(oms: RawServer, body: bytes) -> None:
    """One that is whole before it is read is no other, and each has a connection of its own."""
    oms.play = answering(http(200, body))
    async with client(oms.url, connections=1) as running:
        assert [await read(running) for _ in range(2)] == [body] * 2
    assert oms.connections == 2


async def test_no_bound_but_time(oms: RawServer) -> None:
    """More comes than an answer may have that is kept."""
    piece = b"x" * 100_000
    oms.play = stream(*[piece] * 20)
    async with client(oms.url, max_response_bytes=1000) as running:
        assert await read(running) == piece * 20


async def test_another_status_is_kept_whole(oms: RawServer) -> None:
    """It says what is wrong."""
    oms.play = answering(http(403, b"why"))
    async with client(oms.url) as running:
        with contextlib.closing(await running.open("/", {})) as opened:
            assert opened.answer is not None
            assert (opened.answer.status, opened.answer.body) == (403, b"why")


async def test_another_status_is_bounded(oms: RawServer) -> None:
    """As every answer that is kept."""
    oms.play = answering(http(403, b"x" * 1001))
    async with client(oms.url, max_response_bytes=1000) as running:
        with pytest.raises(UpstreamError, match="too-large"):
            await read(running)


async def test_framing_is_bounded(oms: RawServer) -> None:
    """A server can't go on with chunk extensions and no body."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(b"x") + b"1;" + b"e" * (MAX_HEAD_BYTES + MAX_FRAMING_BYTES + 1000))
        await silent(writer)

    oms.play = play
    async with client(oms.url) as running:
        with pytest.raises(UpstreamError, match="http"):
            await read(running)


@pytest.mark.parametrize("head", [STREAM_HEAD, b"HTTP/1.1 103 Early Hints\r\n"], ids=["body", "head"])
async def test_who_gives_up_closes_it(oms: RawServer, head: bytes) -> None:
    """Whether it has begun or not; nothing is said of the answer that nobody reads to its end."""
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:  # until the connection is gone
            writer.write(chunk(b"x") if head == STREAM_HEAD else b"A: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    oms.play = play
    async with client(oms.url) as running:
        reading = asyncio.create_task(read(running))
        await oms.reached(1)
        await cancel(reading)
        del reading
        await eventually(lambda: oms.open == 0)
    gc.collect()
    assert said == []
