"""Attacks on memory and connections: bounded, and well-behaved clients are served meanwhile."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.oms import RawServer, answering, http
from support.proxy.running import GET_PATH, SEARCH_PATH

MAX_GROWTH_MIB = 48.0
SECONDS = 3.0
"""Of an attack, all of which has begun within the first."""
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

Attack = Callable[[int], Awaitable[None]]
"""Attacks the proxy at a port until it is cancelled or done."""


def rss_mib(proxy: ServeProcess) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{proxy.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def _dripping(port: int, data: bytes, more: bytes = b"") -> None:
    """Open a connection, send some, then a little now and then; open another when it is closed."""
    while True:
        with contextlib.suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(data)
                while not reader.at_eof():
                    await asyncio.sleep(0.5)
                    writer.write(more)
                    await writer.drain()
            finally:
                writer.close()


async def header_floods(port: int) -> None:
    flood = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 8000) for n in range(500))
    await asyncio.gather(*(_dripping(port, flood, b"X: y\r\n") for _ in range(50)))


async def pipelined_header_floods(port: int) -> None:
    get = f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tokens.machine_token()}\r\n\r\n".encode()
    flood = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 8000) for n in range(500))
    data = get + b"GET / HTTP/1.1\r\n" + flood
    await asyncio.gather(*(_dripping(port, data, b"X: y\r\n") for _ in range(50)))


async def huge_bodies(port: int) -> None:
    head = f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {tokens.machine_token()}\r\nTransfer-Encoding: chunked\r\n\r\n"
    await asyncio.gather(*(_dripping(port, head.encode() + CHUNK * 8, CHUNK * 4) for _ in range(40)))


async def many_tokens_and_ids(port: int) -> None:
    async with aiohttp.ClientSession() as session:

        async def ask(number: int) -> None:
            for kind in range(200):
                token = tokens.machine_token(jti=f"{number}-{kind}") if kind % 4 else f"a.{number}.{kind}"
                url = f"http://127.0.0.1:{port}/api/v1/business-units/B{number}/customer-orders/C{kind}"
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url, headers=tokens.bearer(token)) as answer:
                        await answer.read()

        await asyncio.gather(*(ask(number) for number in range(8)))


@pytest.mark.parametrize(
    "attack",
    [
        header_floods,
        pipelined_header_floods,
        huge_bodies,
        many_tokens_and_ids,
    ],
    ids=lambda attack: attack.__name__,
)
async def test_attack_is_bounded(proxy: ServeProcess, attack: Attack) -> None:
    """Memory stays within bounds, and each request of a well-behaved client is answered soon."""
    before = rss_mib(proxy)
    port = int(proxy.api.rpartition(":")[2])
    attacking = asyncio.ensure_future(attack(port))
    slowest, most, served = 0.0, before, 0
    headers = tokens.bearer(tokens.machine_token())
    end = time.monotonic() + SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            start = time.monotonic()
            async with session.get(proxy.api + GET_PATH, headers=headers) as answer:
                assert answer.status == 200
            slowest = max(slowest, time.monotonic() - start)
            most = max(most, rss_mib(proxy))
            served += 1
            await asyncio.sleep(0.02)
    attacking.cancel()
    await asyncio.gather(attacking, return_exceptions=True)
    name = getattr(attack, "__name__", "")
    figures = f"{before:.0f} MiB at rest, {most:.0f} at most; {served} served, slowest {slowest * 1000:.0f} ms"
    print(f"{name}: {figures}")  # noqa: T201 - the numbers are part of the evidence
    assert most - before < MAX_GROWTH_MIB
    assert '"error"' not in proxy.log


async def test_an_endless_answer_is_cut_off(proxy: ServeProcess, oms: RawServer) -> None:
    """An answer of 64 MiB costs no more memory than the bound of one of 8."""
    oms.play = answering(http(200, b" " * (64 * 1024 * 1024)))
    before = rss_mib(proxy)
    async with aiohttp.ClientSession() as session:
        for _ in range(5):
            async with session.get(proxy.api + GET_PATH, headers=tokens.bearer(tokens.machine_token())) as answer:
                assert (await answer.json(content_type=None))["code"] == "upstream-error"
    assert rss_mib(proxy) - before < MAX_GROWTH_MIB
