"""The HTTP client towards the OMS: framing, reuse, bounds, cancellation, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.oms import RawServer, answering, breaking, held_until, http
from tenantproxy import http_client
from tenantproxy.config import Tls
from tenantproxy.egress import Policy
from tenantproxy.http_client import HttpClient
from tenantproxy.http_connection import MAX_HEAD_BYTES
from tenantproxy.tls import TlsFiles
from tenantproxy.upstream import UpstreamError

OK = http(200, b"ok")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.asynccontextmanager
async def client(url: str, *, connections: int = 10) -> AsyncIterator[HttpClient]:
    running = HttpClient(
        url,
        max_connections=connections,
        max_response_bytes=1000,
        policy=Policy(allow_private_networks=True),
        tls=TlsFiles(Tls(), Path("/none")).oms,
    )
    try:
        yield running
    finally:
        await running.close()


async def get(running: HttpClient) -> bytes:
    return (await running.request("GET", "/x", {})).body


ANSWERS = {
    "content length": (OK, b"ok"),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;a=b\r\nk\r\n0\r\nT: x\r\n\r\n",
        b"ok",
    ),
    "no content": (b"HTTP/1.1 204 X\r\n\r\n", b""),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
    "early hints first": (b"HTTP/1.1 103 X\r\nLink: </x>\r\nContent-Length: 9\r\n\r\n" * 2 + OK, b"ok"),
    "header names in any case": (OK.replace(b"content-length", b"CONTENT-length"), b"ok"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_framings_are_understood_and_connections_reused(oms: RawServer, name: str) -> None:
    """Each way to frame an answer is read to its end, and the connection serves again."""
    answer, body = ANSWERS[name]
    oms.play = answering(answer)
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [body] * 3
        assert oms.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_connections_that_end_are_not_reused(oms: RawServer, answer: bytes) -> None:
    """A server that closes after its answer gets a new connection for the next request."""
    oms.play = breaking(answer)
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [b"ok"] * 3
        assert oms.connections == 3


async def test_an_answer_may_end_with_its_connection(oms: RawServer) -> None:
    """Without a length, the end of the connection is the end of the body."""
    oms.play = breaking(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok")
    async with client(oms.url) as running:
        assert await get(running) == b"ok"


@pytest.mark.parametrize("more", [OK, b"garbage", b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"])
async def test_a_second_answer_is_nobodys(oms: RawServer, more: bytes) -> None:
    """What follows an answer unasked is never taken for the answer to the next request."""
    oms.play = answering(OK + more, http(200, b"second"))
    async with client(oms.url) as running:
        assert await get(running) == b"ok"
        assert await get(running) == b"second"
        assert oms.connections == 2


async def test_bytes_while_idle_end_the_connection(oms: RawServer) -> None:
    """A server that speaks unasked, a moment later, loses its connection."""

    async def late(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(http(200, b"unasked"))

    oms.play = late
    async with client(oms.url) as running:
        assert await get(running) == b"ok"
        await asyncio.sleep(0.2)
        assert await get(running) == b"ok"
        assert oms.connections == 2


REFUSED = {
    "switching protocols": (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "http"),
    "endless interim answers": (b"HTTP/1.1 103 X\r\n\r\n" * 20 + OK, "http"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEAD_BYTES // 3), "http"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "http"),
    "length and chunks": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "http"),
    "folded header": (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "http"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "http"),
    "too large by its length": (http(200, b"x" * 1001), "too-large"),
    "too large in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n",
        "too-large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_bad_answers_are_refused(oms: RawServer, name: str) -> None:
    """An answer that can be read in two ways, or has no end, is no answer; the next request is not affected."""
    bad, reason = REFUSED[name]
    oms.play = answering(bad, OK)
    async with client(oms.url) as running:
        with pytest.raises(UpstreamError) as caught:
            await get(running)
        assert caught.value.reason == reason
        assert await get(running) == b"ok"


async def test_who_waits_gets_the_next_place(oms: RawServer) -> None:
    """Beyond the bound requests wait, and are served in turn; a cancelled one gives its place away."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=2) as running:
        reading = [asyncio.create_task(get(running)) for _ in range(8)]
        await asyncio.sleep(0.1)
        assert oms.concurrent == 2
        reading[0].cancel()
        reading[5].cancel()
        await asyncio.sleep(0.05)
        release.set()
        results = await asyncio.gather(*reading, return_exceptions=True)
        assert [result for result in results if result == b"ok"] == [b"ok"] * 6
        assert oms.most_concurrent <= 3


async def test_waiting_is_in_turn(oms: RawServer) -> None:
    """With one connection, requests reach the server in the order in which they were made."""
    oms.play = answering(OK)
    async with client(oms.url, connections=1) as running:
        await asyncio.gather(*(running.request("GET", f"/{number}", {}) for number in range(6)))
    assert [request.target for request in oms.received] == [f"/{number}" for number in range(6)]


async def test_cancelling_closes_the_connection(oms: RawServer) -> None:
    """An answer that comes late never meets another request."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(http(200, b"late"), OK))
    async with client(oms.url) as running:
        reading = asyncio.create_task(get(running))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        release.set()
        oms.play = answering(OK)
        assert await get(running) == b"ok"
        assert oms.connections == 2


async def test_idle_connections_are_closed(oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet proxy keeps no connections to the OMS."""
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 0.1)
    oms.play = answering(OK)
    async with client(oms.url) as running:
        await get(running)
        await asyncio.sleep(0.3)
        await get(running)
        assert oms.connections == 2


async def test_the_own_target_is_kept(oms: RawServer) -> None:
    """Without a path the configured URL is requested as it is: trailing slash and query too."""
    oms.play = answering(OK)
    for target in ("/oauth/token/", "/token?tenant=x", ""):
        async with client(oms.url + target) as running:
            await running.request("POST", "", {}, b"x")
        assert oms.received[-1].target == (target or "/")


async def test_line_breaks_never_get_into_a_head(oms: RawServer) -> None:
    """A header value with a line break is refused before anything is sent."""
    async with client(oms.url) as running:
        with pytest.raises(ValueError, match="line break"):
            await running.request("GET", "/x", {"X": "a\r\nEvil: b"})
    assert oms.received == []
