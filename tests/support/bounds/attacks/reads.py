"""Reads by clients with a token that don't read the response, or are malicious."""

import asyncio
import contextlib
import itertools
import socket

from support.proxy.running import GET_PATH


def _get(token: str, order: str) -> bytes:
    path = GET_PATH.rpartition("/")[0]
    return f"GET {path}/{order} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def never_read(port: int, token: str, order: str, connections: int) -> None:
    """Ask once a second on each connection, and read no answer; the kernel keeps little of them, either."""

    async def one() -> None:
        while True:
            with socket.socket() as asking, contextlib.suppress(ConnectionError):
                asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                asking.setblocking(False)  # noqa: FBT003 - the standard library's
                await asyncio.get_running_loop().sock_connect(asking, ("127.0.0.1", port))
                while True:
                    await asyncio.get_running_loop().sock_sendall(asking, _get(token, order))
                    await asyncio.sleep(1)

    await asyncio.gather(*(one() for _ in range(connections)))


async def go_away(port: int, token: str, connections: int, patience: float) -> None:
    """Ask, and reset the connection some seconds later."""
    order = (f"CO-{number}" for number in itertools.count())

    async def one() -> None:
        while True:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_get(token, next(order)))
                await asyncio.sleep(patience)
                writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(connections)))


async def read(port: int, token: str, order: str, connections: int, pause: float) -> None:
    """Ask for one order again and again, some seconds after each answer."""

    async def one() -> None:
        while True:
            with contextlib.suppress(ConnectionError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    while not reader.at_eof():
                        writer.write(_get(token, order))
                        head = await reader.readuntil(b"\r\n\r\n")
                        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                        await reader.readexactly(length)
                        await asyncio.sleep(pause)
                except asyncio.IncompleteReadError:
                    pass
                finally:
                    writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(connections)))
