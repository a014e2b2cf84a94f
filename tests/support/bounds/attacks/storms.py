"""Clients that send their next request as soon as they are answered, on thousands of connections."""

import asyncio
import contextlib
import itertools
import resource
from collections.abc import Callable

from support.proxy.running import GET_PATH

_AT_ONCE = 100
_BAD_ID = GET_PATH.rpartition("/")[0] + "/%20"


class _Client(asyncio.Protocol):
    """One connection: whatever comes is an answer; where it ends, there is another one."""

    def __init__(self, request: Callable[[], bytes], ended: Callable[[], object]) -> None:
        self._request = request
        self._ended = ended
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request())

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        assert self._transport is not None
        self._transport.write(self._request())

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._ended()


async def storm(port: int, connections: int, token: str | None) -> None:
    """Ask for what the proxy refuses by itself, with one token, or with ever other ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < (wanted := connections + 100):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    numbers = itertools.count()

    def request() -> bytes:
        bearer = token or f"fresh.{next(numbers)}.token"
        return f"GET {_BAD_ID} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()

    places = asyncio.Semaphore(connections)
    opening = asyncio.Semaphore(_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def connect() -> None:
        async with opening:
            with contextlib.suppress(OSError):
                await loop.create_connection(lambda: _Client(request, places.release), "127.0.0.1", port)
                return
        places.release()

    async with asyncio.TaskGroup() as group:
        while True:
            await places.acquire()
            group.create_task(connect())
