"""A real TLS server on the loopback, with certificates that a test may change while it runs."""

import asyncio
import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self

from support.certificates import Pair
from support.proxy.oms import Play, RawServer, Received, answering
from support.waiting import PATIENCE

_PIECE: Final = 65536


class TlsServer(RawServer):
    """A `RawServer` behind TLS."""

    def __init__(self, play: Play, pair: Pair, *, client_ca: str | None = None) -> None:
        """`client_ca`: only clients with a certificate of this CA are served."""
        super().__init__(play)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.present(pair)
        if client_ca is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=client_ca)

    def present(self, pair: Pair) -> None:
        """Use another certificate for new connections."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "pair.pem")
            path.write_text(pair.certificate + pair.key)
            self.context.load_cert_chain(path)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.context)
        return self

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


def closing(answer: bytes) -> Play:
    """Return a play that ends the connection after each answer, so that each request takes a new handshake."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        await writer.drain()
        writer.close()

    return play


@contextlib.asynccontextmanager
async def mute_server(pair: Pair) -> AsyncIterator[str]:
    """Run a server that begins an answer, "x" and a newline, and then neither sends nor reads; yield its URL.

    It takes one connection, which must be closed when this is left.

    Raises:
        TimeoutError: The connection is still open half a minute later, or none came.

    """
    tls = TlsServer(answering(), pair).context
    given_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        serving = asyncio.create_task(asyncio.to_thread(_begin_an_answer, listener, tls, given_up))
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            given_up.set()
            await serving


def _begin_an_answer(listener: socket.socket, tls: ssl.SSLContext, given_up: threading.Event) -> None:
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True) as connection:
        connection.recv(_PIECE)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx\n\r\n")
        given_up.wait()
        connection.settimeout(PATIENCE)
        while socket.socket.recv(connection, _PIECE):  # beneath TLS, which would answer
            pass


class Peers:
    """A play that remembers the serial numbers of the clients' certificates."""

    def __init__(self, play: Play) -> None:
        self.serials: list[int] = []
        self._play = play

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert")
        self.serials.append(int(certificate["serialNumber"], 16))
        await self._play(request, writer)
