"""One client of the third side: what it does follows from its random numbers."""

import asyncio
import contextlib
import socket
import struct
from random import Random

_PATH = "/api/v1/business-units/BU-1/customer-orders"
_GARBAGE = (b"\x00\x01", b"GET / HTTP/1.1\r\n", b"\r\n\r\n", b"zz\r\n", b"POST", b"\x16\x03\x01", b"{" * 500)
_ANSWER_SECONDS = 4.0
"""For which a client that reads waits: longer than the OMS has."""


class Names:
    """Numbers the orders that are asked for, so that an answer tells whose it is."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"CO-{self._count}"


class Client:
    """Lives for one connection; what it sent, asked for and got is there to be judged."""

    def __init__(self, random: Random, names: Names, authorization: str) -> None:
        self._random = random
        self._names = names
        self._authorization = authorization
        self.sent = b""
        self.asked: list[str] = []
        self.received = b""

    async def live(self, port: int) -> None:
        """Do a few things on a connection, and end it in one of several ways."""
        try:
            bound = socket.socket()
            bound.setblocking(False)  # noqa: FBT003 - its only argument
            if self._random.random() < 0.3:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.get_running_loop().sock_connect(bound, ("127.0.0.1", port))
            self._reader, self._writer = await asyncio.open_connection(sock=bound, limit=4096)
        except OSError:
            return
        with contextlib.suppress(OSError):
            for _ in range(self._random.choice((0, 1, 1, 1, 2, 3))):
                await self._random.choice(
                    (self._ask, self._ask, self._ask_slowly, self._ask_at_once, self._begin, self._babble)
                )()
                await self._random.choice(
                    (
                        self._read,
                        self._read,
                        self._read,
                        self._read_slowly,
                        self._wait,
                        self._go_on,
                        self._read_nothing,
                    )
                )()
            await self._random.choice((self._close, self._reset, self._half_close))()
        self._writer.transport.abort()

    # ---- what it sends

    def _request(self) -> bytes:
        kind = self._random.random()
        token = self._random.choice(("", "Bearer x", "Basic x")) if kind < 0.15 else self._authorization
        authorization = f"Authorization: {token}\r\n" if token else ""
        if kind > 0.8:
            body = b'{"customerId":"C-1"}' * self._random.choice((1, 1, 5000))
            head = f"POST {_PATH}:search HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n"
            return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        name = self._names.next()
        self.asked.append(name)
        return f"GET {_PATH}/{name} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n".encode()

    async def _send(self, data: bytes) -> None:
        self._check_open()
        self.sent += data
        self._writer.write(data)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._writer.drain()

    def _check_open(self) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError

    async def _ask(self) -> None:
        await self._send(self._request())

    async def _ask_at_once(self) -> None:
        await self._send(b"".join(self._request() for _ in range(self._random.randint(2, 8))))

    async def _ask_slowly(self) -> None:
        request = self._request()
        at = self._random.randrange(len(request))
        await self._send(request[:at])
        await self._wait()
        await self._send(request[at:])

    async def _begin(self) -> None:
        request = self._request()
        await self._send(request[: self._random.randrange(len(request))])

    async def _babble(self) -> None:
        await self._send(self._random.choice(_GARBAGE))

    # ---- how it reads

    async def _wait(self) -> None:
        await asyncio.sleep(self._random.choice((0.0, 0.001, 0.01, 0.05)))

    async def _go_on(self) -> None:
        """Send on without reading."""

    async def _read(self) -> None:
        """Read until there is nothing more for a moment."""
        seconds = self._random.choice((0.05, 0.5))
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(seconds):
                    if not (chunk := await self._reader.read(65536)):
                        return
                    self.received += chunk

    async def _read_nothing(self) -> None:
        """Leave the answers where they are, for a good while."""
        if self._random.random() < 0.3:
            await asyncio.sleep(1)

    async def _read_slowly(self) -> None:
        for _ in range(self._random.randint(1, 5)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    self.received += await self._reader.read(self._random.choice((1, 100, 1000)))
            await self._wait()

    # ---- how it ends

    async def _close(self) -> None:
        self._writer.close()

    async def _reset(self) -> None:
        self._check_open()
        bound = self._writer.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _half_close(self) -> None:
        """Say that nothing more comes, and read what the proxy still has to say."""
        self._check_open()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                while chunk := await self._reader.read(65536):
                    self.received += chunk
