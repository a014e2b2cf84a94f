"""A client's end is the end of its connections, whatever the other side does."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import aiohttp
import pytest

from support.certificates import HERE, Authority
from tenantproxy.connector import Connector

BEGINNING = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server_tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    pair = authority.issue(*HERE)
    path = tmp_path / "pair.pem"
    path.write_text(pair.certificate + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def begin_an_answer(listener: socket.socket, tls: ssl.SSLContext, ended: threading.Event) -> None:
    """Begin an endless answer, then be silent; fail if the connection is open when the client has ended."""
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True) as connection:
        connection.recv(65536)
        connection.sendall(BEGINNING)
        assert ended.wait(30)
        connection.settimeout(5)
        while socket.socket.recv(connection, 65536):  # beneath TLS, which would answer
            pass


async def test_connection_that_is_being_closed(authority: Authority, server_tls: ssl.SSLContext) -> None:
    """A watch that is given up waits for the server's end of TLS; not after the client's end."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(asyncio.to_thread(begin_an_answer, listener, server_tls, ended))
        connector = Connector(ssl=ssl.create_default_context(cadata=authority.pem))
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
            async with session.get(url) as answer:
                assert await answer.content.readany() == b"x"
        ended.set()
        await serving
