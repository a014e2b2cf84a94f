"""Bytes that are not HTTP, from clients without a token."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from support.proxy.running import SEARCH_PATH

_GARBAGE = b"\x00\x01 not HTTP \r\n" * 64
_LONG_GARBAGE = b"\x00\x01 not HTTP " * 8192 * 40
_CHUNKED = f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n".encode()


async def bytes_after_a_parse_error(port: int, connections: int, mib_per_second: float) -> None:
    """Go on sending, at a pace, behind what can't be parsed; connect again when closed."""

    async def send(writer: asyncio.StreamWriter) -> None:
        await _pour(writer, _GARBAGE, mib_per_second / connections)

    await _again_and_again(port, connections, send)


async def bytes_after_a_malformed_chunk(port: int, connections: int, mib_per_second: float) -> None:
    """Break the framing of a body whose refusal has been sent, and go on sending."""

    async def send(writer: asyncio.StreamWriter) -> None:
        for data in (_CHUNKED, b"-1"):
            writer.write(data)
            await asyncio.sleep(0.05)  # each arrives alone
        await _pour(writer, _LONG_GARBAGE[: 64 * 1024], mib_per_second / connections)

    await _again_and_again(port, connections, send)


async def much_garbage_in_one_go(port: int, connections: int) -> None:
    """Have so much in the server's socket that it reads many times before it can answer."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(_LONG_GARBAGE)
        await writer.drain()
        await asyncio.sleep(0.05)

    await _again_and_again(port, connections, send)


async def _pour(writer: asyncio.StreamWriter, piece: bytes, mib_per_second: float) -> None:
    pace, start, sent = mib_per_second * 1024 * 1024, time.monotonic(), 0
    while True:
        writer.write(piece)
        await writer.drain()
        sent += len(piece)
        await asyncio.sleep(max(0.0, sent / pace - (time.monotonic() - start)))


async def _again_and_again(
    port: int, connections: int, send: Callable[[asyncio.StreamWriter], Awaitable[None]]
) -> None:
    async def one() -> None:
        while True:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await send(writer)
                finally:
                    writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(connections)))
