"""A real forward proxy on loopback: it makes tunnels, relays plain requests, and misbehaves on demand."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Self
from urllib.parse import urlsplit

from support.certificates import Pair
from support.proxy.oms import Received, answering, http, read_request
from support.proxy.tls_server import TlsServer

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\nVia: MARKED-HEADER\r\n\r\n"
_PIECE: Final = 65536

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


class ForwardProxyServer:
    """Resolves every name to the loopback, so that names that exist nowhere lead to the test's servers."""

    def __init__(self, *, credential: str | None = None, pair: Pair | None = None) -> None:
        """`credential`: USER:PASSWORD that is demanded; `pair`: it is itself spoken to over TLS."""
        self.received: list[Received] = []
        self.connections = 0
        self.reply: Reply | None = None
        """Instead of what it would do with a request."""
        self.established = ESTABLISHED
        self.credential = credential
        self.context: ssl.SSLContext | None = TlsServer(answering(b""), pair).context if pair else None
        self.client_certificates: list[object] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.context)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        """What it was asked for, in order."""
        return [f"{request.method} {request.target}" for request in self.received]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.client_certificates.append(writer.get_extra_info("peercert"))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while (request := await read_request(reader)) is not None:
                self.received.append(request)
                if not await self._serve(request, reader, writer):
                    break
        self._tasks.discard(task)
        writer.transport.abort()

    async def _serve(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Do what a request asks for; return whether another one may follow."""
        if self.reply is not None:
            await self.reply(writer)
            await writer.drain()
            return False
        if self.credential is not None:
            right = f"Basic {base64.b64encode(self.credential.encode()).decode()}"
            if request.headers.get("proxy-authorization") != right:
                writer.write(http(407, b"{}", proxy_authenticate='Basic realm="MARKED-REALM"'))
                await writer.drain()
                return True
        if request.method == "CONNECT":
            port = int(request.target.rpartition(":")[2])
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(self.established)
            await _pass_on(reader, writer, onward_reader, onward_writer)
            return False
        await _relay(request, writer)
        return True


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    onward_reader: asyncio.StreamReader,
    onward_writer: asyncio.StreamWriter,
) -> None:
    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(_PIECE):
                sink.write(piece)
                await sink.drain()
        sink.transport.abort()

    try:
        await asyncio.gather(copy(reader, onward_writer), copy(onward_reader, writer))
    finally:
        onward_writer.transport.abort()


async def _relay(request: Received, writer: asyncio.StreamWriter) -> None:
    """Send a request in absolute form on, without what is meant for the proxy itself (RFC 9110 section 7.6.1)."""
    target = urlsplit(request.target)
    reader, onward = await asyncio.open_connection("127.0.0.1", target.port or 80)
    path = target.path + (f"?{target.query}" if target.query else "")
    headers = {name: value for name, value in request.headers.items() if not name.startswith("proxy-")}
    head = "".join(f"{name}: {value}\r\n" for name, value in (headers | {"connection": "close"}).items())
    onward.write(f"{request.method} {path} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in answer.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    writer.write(answer + await reader.readexactly(length))
    await writer.drain()
    onward.transport.abort()


def saying(*pieces: bytes, pause: float = 0.0) -> Reply:
    """Return a reply of these bytes."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return reply


async def nothing(_writer: asyncio.StreamWriter) -> None:
    """Say nothing until the client goes away, or the server ends."""
    await asyncio.Event().wait()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Send headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        await writer.drain()
