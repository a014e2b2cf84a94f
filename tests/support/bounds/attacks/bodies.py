"""Requests whose parts cost more than they weigh, or never end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from support.proxy.running import GET_PATH, SEARCH_PATH


def _search(token: str, framing: str) -> bytes:
    head = f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Authorization: Bearer {token}\r\n{framing}\r\n\r\n".encode()


async def one_byte_chunks(port: int, connections: int, token: str) -> None:
    """Send bodies of chunks of one byte, MiBs at once."""
    data = _search(token, "Transfer-Encoding: chunked") + b"1\r\n \r\n" * 400_000
    await _again_and_again(port, connections, data)


async def numbers(port: int, connections: int, token: str) -> None:
    """Search by 64 KiB of numbers, one after the other."""
    body = b'{"n":[' + b",".join([b"1"] * 32_700) + b"]}"
    data = _search(token, f"Content-Length: {len(body)}") + body

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))

    await asyncio.gather(*(_connected(port, send) for _ in range(connections)))


async def heads_without_end(port: int, connections: int) -> None:
    """Send most of a large head, and no more."""
    lines = "".join(f"X-{number}: {'y' * 4000}\r\n" for number in range(15))
    await _held(port, connections, f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\n{lines}".encode())


async def bodies_without_end(port: int, connections: int, token: str) -> None:
    """Send most of a body, and no more."""
    await _held(port, connections, _search(token, "Content-Length: 65000") + b" " * 60_000)


async def pipelines(port: int, connections: int, token: str) -> None:
    """Have many requests in line behind one, and never read an answer."""
    get = f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    await _held(port, connections, get * 2000)


async def _held(port: int, connections: int, data: bytes) -> None:
    async def send(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        while not writer.transport.is_closing():  # noqa: ASYNC110 - nothing is read
            await asyncio.sleep(0.2)

    await asyncio.gather(*(_connected(port, send) for _ in range(connections)))


async def _again_and_again(port: int, connections: int, data: bytes) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()

    await asyncio.gather(*(_connected(port, send) for _ in range(connections)))


async def _connected(
    port: int, send: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> None:
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await send(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)
