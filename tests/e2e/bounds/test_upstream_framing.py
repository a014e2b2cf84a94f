"""Responses of OMS and token endpoint with endless framing: all bytes of an exchange count."""

import asyncio

import pytest

from support.bounds.attacks.configs import put
from support.bounds.attacks.reads import read
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.oms import RawServer, Received, documented, raw_server

PIECE = 64 * 1024
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
# (what an answer begins with, what then comes without end)
ENDLESS = {
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Trailer: value\r\n"),
    "one trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: ", b"x" * 32),
    "a chunk extension": (CHUNKED + b"2;a=", b"x" * 32),
    "chunks of one byte": (CHUNKED, b"1\r\n \r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n"),
}


async def endless(begin: bytes, more: bytes, writer: asyncio.StreamWriter) -> None:
    """Write an answer without end, as fast as it is read."""
    writer.write(begin)
    piece = more * (PIECE // len(more))
    while not writer.is_closing():
        writer.write(piece)
        await writer.drain()


@pytest.mark.parametrize("name", ENDLESS)
async def test_answers_of_the_oms(oms: RawServer, proxy: ServeProcess, name: str) -> None:
    """Whoever asks for an answer without end costs little, and nobody else waits."""

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("/ENDLESS"):
            await endless(*ENDLESS[name], writer)
        else:
            await documented(request, writer)

    oms.play = play
    # So few a second that answers come in between: else the circuit opens, as it should.
    seen = await observe(proxy, read, tokens.machine_token(sub="other"), "ENDLESS", 2, 0.1, seconds=2.0)
    seen.assert_bounded(growth_mib=32)
    await back_to_rest(proxy)


@pytest.mark.parametrize("query", ["?validate=true", ""], ids=["tried", "stored"])
async def test_answers_of_a_token_endpoint(proxy: ServeProcess, query: str) -> None:
    """A token endpoint that never ends its trailers has no place to do so, whether it is tried or in use."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        await endless(*ENDLESS["trailers"], writer)

    async with raw_server(play) as idp:
        config = {"clientId": "c", "clientSecret": "s", "authUrl": f"{idp.url}/token"}
        body = {"type": "oauth2", "config": config}
        seen = await observe(proxy, put, tokens.admin(), body, query, seconds=2.0)
        seen.assert_bounded(growth_mib=32, served=1.0 if query else 0.0)
        assert idp.received
    await back_to_rest(proxy)
