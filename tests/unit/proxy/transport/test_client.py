"""The HTTP client for the OMS: framing, reuse, bounds, cancellation, over real sockets."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import HERE, Authority
from support.proxy.http_clients import cancel, client, get
from support.proxy.oms import RawServer, answering, breaking, held_until, http
from support.proxy.tls_server import TlsServer
from support.waiting import PATIENCE, eventually
from tenantproxy.admission import Admission
from tenantproxy.config import Tls
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import MAX_FRAMING_BYTES, MAX_HEAD_BYTES, MAX_HEADERS
from tenantproxy.transport.tls import TlsFiles

OK = http(200, b"ok")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
AUTHORITY = Authority("a CA")


ANSWERS = {
    "content length": (OK, b"ok"),
    "chunks": (
        CHUNKED + b"1\r\no\r\n1;a=b\r\nk\r\n0\r\nT: x\r\n\r\n",
        b"ok",
    ),
    "no content": (b"HTTP/1.1 204 X\r\n\r\n", b""),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
    "early hints first": (b"HTTP/1.1 103 X\r\nLink: </x>\r\nContent-Length: 9\r\n\r\n" * 2 + OK, b"ok"),
    "header names in any case": (OK.replace(b"content-length", b"CONTENT-length"), b"ok"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_framings_are_understood_and_connections_reused(oms: RawServer, name: str) -> None:
    """Each way to frame an answer is read to its end, and the connection serves again."""
    answer, body = ANSWERS[name]
    oms.play = answering(answer)
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [body] * 3
        assert oms.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_connections_that_end_are_not_reused(oms: RawServer, answer: bytes) -> None:
    """A server that closes after its answer gets a new connection for the next request."""
    oms.play = breaking(answer)
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [b"ok"] * 3
        assert oms.connections == 3


async def test_an_answer_may_end_with_its_connection(oms: RawServer) -> None:
    """Without a length, the end of the connection is the end of the body."""
    oms.play = breaking(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok")
    async with client(oms.url) as running:
        assert await get(running) == b"ok"


@pytest.mark.parametrize("more", [OK, b"garbage", b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"])
async def test_a_second_answer_is_nobodys(oms: RawServer, more: bytes) -> None:
    """What follows an answer unasked is never taken for the answer to the next request."""
    oms.play = answering(OK + more, http(200, b"second"))
    async with client(oms.url) as running:
        assert await get(running) == b"ok"
        assert await get(running) == b"second"
        assert oms.connections == 2


async def test_bytes_while_idle_end_the_connection(oms: RawServer) -> None:
    """A server that speaks unasked, a moment later, loses its connection."""
    answered = asyncio.Event()

    async def late(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await answered.wait()
        writer.write(http(200, b"unasked"))

    oms.play = late
    async with client(oms.url) as running:
        assert await get(running) == b"ok"
        idle = running._pool._idle[0]
        assert idle.reusable
        answered.set()
        await eventually(lambda: not idle.reusable)
        assert await get(running) == b"ok"
        assert oms.connections == 2


ENDLESS = MAX_HEAD_BYTES + MAX_FRAMING_BYTES + 2000
REFUSED = {
    "switching protocols": (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "http"),
    "endless interim answers": (b"HTTP/1.1 103 X\r\n\r\n" * 20 + OK, "http"),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", "http"),
    "endless trailers": (CHUNKED + b"1\r\nx\r\n0\r\n" + b"X: y\r\n" * (ENDLESS // 6), "http"),
    "an endless trailer": (CHUNKED + b"1\r\nx\r\n0\r\nX: " + b"y" * ENDLESS, "http"),
    "an endless chunk extension": (CHUNKED + b"1;a=" + b"x" * ENDLESS, "http"),
    "an endless header": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * ENDLESS, "http"),
    "an endless reason": (b"HTTP/1.1 200 " + b"y" * ENDLESS, "http"),
    "a length of many digits": (OK.replace(b"length: 2", b"length: " + b"0" * 5000 + b"2"), "http"),
    "a length with a sign": (OK.replace(b"length: 2", b"length: +2"), "http"),
    "one length twice": (OK.replace(b"length: 2", b"length: 2\r\ncontent-length: 2"), "http"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEAD_BYTES // 3), "http"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "http"),
    "length and chunks": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "http"),
    "endless folds": (b"HTTP/1.1 200 OK\r\nX: a" + b"\r\n b" * (ENDLESS // 4), "http"),
    "an endless fold": (b"HTTP/1.1 200 OK\r\nX: a\r\n" + b" " * ENDLESS, "http"),
    "endless spaces behind a chunk's size": (CHUNKED + b"1" + b" " * ENDLESS, "http"),
    "spaces before a chunk's size": (CHUNKED + b" 1\r\nx\r\n0\r\n\r\n", "http"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "http"),
    "too large by its length": (http(200, b"x" * 1001), "too-large"),
    "too large in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n",
        "too-large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_bad_answers_are_refused(oms: RawServer, name: str) -> None:
    """An answer that can be read in two ways, or has no end, is no answer; the next request is not affected."""
    bad, reason = REFUSED[name]
    oms.play = answering(bad, OK)
    async with client(oms.url) as running:
        with pytest.raises(UpstreamError) as caught:
            await get(running)
        assert caught.value.reason == reason
        assert await get(running) == b"ok"


async def test_many_small_chunks_are_a_body(oms: RawServer) -> None:
    """An answer in chunks of a few bytes is read, but not one that is mostly framing."""
    tiny, small = (b"%x\r\n%s\r\n" % (size, b"x" * size) * (60_000 // size) for size in (1, 6))
    oms.play = answering(CHUNKED + small + b"0\r\n\r\n", CHUNKED + tiny + b"0\r\n\r\n")
    async with client(oms.url, max_response_bytes=60_000) as running:
        assert await get(running) == b"x" * 60_000
        with pytest.raises(UpstreamError, match="http"):
            await get(running)


async def test_of_a_repeated_header_the_last_counts_and_all_links_do(oms: RawServer) -> None:
    """Servers send a line for each link, in any case."""
    lines = b"\r\nlink: <a>\r\nX: 1\r\nLink: <b>\r\nx: \xe5\r\n\r\n"
    oms.play = answering(OK.replace(b"\r\n\r\n", lines))
    async with client(oms.url) as running:
        headers = (await running.request("GET", "/x", {})).headers
    assert (headers["link"], headers["x"]) == ("<a>, <b>", "\xe5")


async def test_a_trailer_is_no_header(oms: RawServer) -> None:
    """What comes behind the body says nothing of it."""
    trailers = b"Content-Type: text/html\r\nRetry-After: 99\r\n"
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Type: application/json\r\n\r\n")
    oms.play = answering(head + b"2\r\nok\r\n0\r\n" + trailers + b"\r\n")
    async with client(oms.url) as running:
        answer = await running.request("GET", "/x", {})
        assert answer.headers == {"transfer-encoding": "chunked", "content-type": "application/json"}


async def test_an_answer_without_room_is_given_up(oms: RawServer) -> None:
    """What can't be held is not read on; later reads find their room again."""
    oms.play = answering(http(200, b"x" * 500))
    admission = Admission(2, 100, max_bytes=600)
    async with client(oms.url) as running:
        first, second = admission.admit(None), admission.admit(None)
        assert len((await running.request("GET", "/x", {}, ticket=first)).body) == 500
        with pytest.raises(UpstreamError, match="overloaded"):
            await running.request("GET", "/x", {}, ticket=second)
        first.release()
        second.hold(0)
        assert len((await running.request("GET", "/x", {}, ticket=second)).body) == 500


async def test_without_a_deadline_cancelling_closes_the_connection(oms: RawServer) -> None:
    """An answer that comes late never meets another request."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(http(200, b"late"), OK))
    async with client(oms.url) as running:
        reading = asyncio.create_task(get(running))
        await oms.reached(1)
        await cancel(reading)
        release.set()
        oms.play = answering(OK)
        assert await get(running) == b"ok"
        assert oms.connections == 2


# ---- what came before it was asked for


class Unasked:
    """A server that answers "first", then does on its first connection what it is told; others get "second"."""

    def __init__(self, deed: bytes, tls: ssl.SSLContext | None) -> None:
        self._deed = deed
        self._tls = tls
        self._go = threading.Event()
        self._done = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def act(self) -> None:
        """Have it act, and return when it has, without a turn of the event loop in between."""
        self._go.set()
        assert self._done.wait(PATIENCE)

    def run(self) -> None:
        with self._accept() as first, self._listener:
            first.recv(65536)
            first.sendall(http(200, b"first"))
            self._go.wait(PATIENCE)
            if self._deed:
                first.sendall(self._deed)
            else:
                first.shutdown(socket.SHUT_RDWR)
            self._done.set()
            with self._accept() as second:
                second.recv(65536)
                second.sendall(http(200, b"second"))

    def _accept(self) -> socket.socket:
        accepted, _ = self._listener.accept()
        return self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted


@contextlib.contextmanager
def unasked(deed: bytes, tls: ssl.SSLContext | None) -> Iterator[Unasked]:
    server = Unasked(deed, tls)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        thread.join()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("deed", [http(200, b"unasked"), b"\r\n", b""], ids=["answer", "newline", "end"])
async def test_the_socket_is_looked_at_before_it_is_used_again(deed: bytes, secure: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """What came, or the end, also where the event loop has not seen it yet, is never met by a request."""
    write_keys(tmp_path / "ca", {"ca.crt": AUTHORITY.pem})
    tls = TlsFiles(Tls(ca=True), tmp_path)
    context = TlsServer(answering(), AUTHORITY.issue(*HERE)).context if secure else None
    with unasked(deed, context) as server:
        async with client(server.url, tls=tls) as running:
            assert await get(running) == b"first"
            server.act()
            assert await get(running) == b"second"


async def test_connections_over_tls_are_reused(tmp_path: Path) -> None:
    """Session tickets, which TLS 1.3 sends unasked, don't cost a connection."""
    write_keys(tmp_path / "ca", {"ca.crt": AUTHORITY.pem})
    async with (
        TlsServer(answering(OK), AUTHORITY.issue(*HERE)) as server,
        client(server.url, tls=TlsFiles(Tls(ca=True), tmp_path)) as running,
    ):
        for _ in range(20):
            assert await get(running) == b"ok"
        assert server.connections == 1


async def test_a_connection_that_is_not_trusted_is_used_no_more(oms: RawServer) -> None:
    """Who got another's answer says so: neither an idle connection nor an answer on its way is used then."""
    release = asyncio.Event()
    oms.play = answering(OK)
    async with client(oms.url, connections=1) as running:
        first = await running.request("GET", "/x", {})
        first.discard_connection()
        second = await running.request("GET", "/x", {})
        assert oms.connections == 2
        oms.play = held_until(release, answering(OK))
        reading = asyncio.create_task(get(running))
        await oms.reached(1)
        second.discard_connection()
        release.set()
        with pytest.raises(UpstreamError, match="disconnected"):
            await reading
        assert await get(running) == b"ok"
        assert oms.connections == 3


async def test_the_own_target_is_kept(oms: RawServer) -> None:
    """Without a path the configured URL is requested as it is: trailing slash and query too."""
    oms.play = answering(OK)
    for target in ("/oauth/token/", "/token?tenant=x", ""):
        async with client(oms.url + target) as running:
            await running.request("POST", "", {}, b"x")
        assert oms.received[-1].target == (target or "/")


@pytest.mark.parametrize("value", ["a\r\nEvil: b", "a\nEvil: b", "a\rEvil: b"])
async def test_line_breaks_never_get_into_a_head(oms: RawServer, value: str) -> None:
    """A header value with a line break is refused before anything is sent."""
    async with client(oms.url) as running:
        with pytest.raises(ValueError, match="line break"):
            await running.request("GET", "/x", {"X": value, "Y": "y"})
    assert oms.received == []


async def test_after_what_nobody_asked_for_no_connection_is_used_again(oms: RawServer) -> None:
    """A second answer that comes while the next request is on its way can't be told from the answer to that."""

    async def twice(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, b"own") * 2)

    oms.play = twice
    async with client(oms.url) as running:
        assert await get(running) == b"own"
        oms.play = answering(http(200, b"own"))
        for _ in range(3):
            assert await get(running) == b"own"
        assert oms.connections == 4


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
async def test_a_server_that_ends_an_idle_connection_by_a_408_is_no_such_one(
    oms: RawServer, version: bytes
) -> None:
    """Some servers say so before they close; that is an answer to nobody, and to no request either."""
    writers: list[asyncio.StreamWriter] = []

    async def play(_request: object, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(http(200, b"own"))

    oms.play = play
    async with client(oms.url) as running:
        await get(running)
        writers[0].write(http(408).replace(b"HTTP/1.1", version))
        writers[0].close()
        await eventually(lambda: not running._pool._idle[0].reusable)
        for _ in range(3):
            assert await get(running) == b"own"
        assert oms.connections == 2
