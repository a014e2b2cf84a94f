"""One connection: slices, pace, order, and what is left of it; under uvloop, as in production, and asyncio."""

import asyncio
import contextlib
import gc
import itertools
import random
import re
import socket
from collections.abc import AsyncIterator

import pytest

from support.blocking import send_then_read
from support.proxy.loops import Run
from support.waiting import eventually
from tenantproxy.problems import Problem
from tenantproxy.server import connection, http_server, request_reader, write_rate
from tenantproxy.server.connection import Connection
from tenantproxy.server.http_server import HttpServer
from tenantproxy.server.port import Handler
from tenantproxy.server.request import Request, read_body
from tenantproxy.server.request_reader import MAX_FRAMING_BYTES, SLICE_BYTES
from tenantproxy.server.response import Response

MIB = 1024 * 1024
LIMIT = 4 * MIB
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(handler: Handler, *, most: int = 100) -> AsyncIterator[tuple[HttpServer, int]]:
    """Serve on a free port."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(handler, on_problem=refusal, max_connections=most)
    await server.listen(bound)
    try:
        yield server, bound.getsockname()[1]
    finally:
        await server.drain(0.0)


def refusal(problem: Problem) -> Response:
    return Response(problem.status, problem.code.encode(), close=True)


def busy(server: HttpServer) -> int:
    """Return how many connections have a request."""
    return sum(each.busy for each in server.connections)


async def echo(request: Request) -> Response:
    """Answer with the body, or the code of what is wrong with it."""
    try:
        return Response(200, await read_body(request, LIMIT))
    except Problem as problem:
        return Response(problem.status, problem.code.encode())


class Releases:
    """Answers with so many bytes, and counts the answers and their releases."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.answers = 0
        self.released = 0
        self.event = asyncio.Event()
        self.held = 0.0
        """For how many seconds the last one was."""
        self._clock = asyncio.get_running_loop().time
        self._since = 0.0

    async def handle(self, _request: Request) -> Response:
        self.answers += 1
        self._since = self._clock()
        return Response(200, b"x" * self.size, release=self._release)

    def _release(self) -> None:
        self.released += 1
        self.held = self._clock() - self._since
        self.event.set()


def read_all(client: socket.socket) -> int:
    """Return how many bytes come until the end."""
    return sum(map(len, iter(lambda: client.recv(MIB), b"")))


def silent_client(port: int, data: bytes) -> socket.socket:
    """Return a client with a small buffer that has sent something and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(data)
    return client


def test_a_small_answer_is_released_at_once(run: Run) -> None:
    """It is in the socket's buffer before the handler's turn ends, read or not."""

    async def case() -> None:
        answers = Releases(10_000)
        async with serving(answers.handle) as (_, port):
            with silent_client(port, GET * 3):
                await eventually(lambda: (answers.answers, answers.released) == (3, 3))

    run(case)


def test_who_reads_nothing_is_cut_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is held for one or two windows of the pace, then the connection is gone; no other is answered."""
    monkeypatch.setattr(write_rate, "WRITE_RATE_WINDOW", 0.2)

    async def case() -> None:
        answers = Releases(16 * MIB)
        async with serving(answers.handle) as (server, port):
            with silent_client(port, GET * 20) as client:
                await answers.event.wait()
                assert answers.held >= write_rate.WRITE_RATE_WINDOW
                await eventually(lambda: not server.connections)
                assert (answers.answers, answers.released) == (1, 1)
                with pytest.raises(ConnectionError):
                    read_all(client)

    run(case)


@pytest.mark.parametrize("kind", ["answers that are not read", "bodies that do not come"])
def test_who_keeps_a_request_waiting_makes_room(run: Run, kind: str) -> None:
    """Where there are too many connections those go, too, whose client is to take or to send something."""

    async def case() -> None:
        answers = Releases(16 * MIB)
        unread = kind == "answers that are not read"
        data = GET if unread else b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
        async with serving(answers.handle if unread else echo, most=2) as (server, port):
            clients = [silent_client(port, data) for _ in range(2)]
            await eventually(lambda: busy(server) == 2)
            if unread:
                await eventually(lambda: answers.answers == 2)
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await eventually(lambda: busy(server) == 1)
            assert len(server.connections) == 2
            writer.close()
            for client in clients:
                client.close()

    run(case)


class CountedWindows(write_rate.MinimumWriteRate):
    """A pace whose windows end when the test says so, not by a clock."""

    latest: "CountedWindows"

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport, loop)
        CountedWindows.latest = self
        self.sending = transport

    def end_window(self) -> None:
        self._timer.cancel()
        self._check()

    def taken(self) -> int:
        """Return how many bytes the client has taken since the window began."""
        return self._unsent - write_rate._unsent(self.sending)


def test_who_falls_behind_the_pace_is_cut_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the answer takes; the pace is that of each window."""
    monkeypatch.setattr(connection, "MinimumWriteRate", CountedWindows)
    monkeypatch.setattr(write_rate, "WRITE_RATE_WINDOW", 3600.0)
    monkeypatch.setattr(write_rate, "MIN_WRITE_RATE", MIB / 3600)

    async def case() -> None:
        answers = Releases(16 * MIB)
        async with serving(answers.handle) as (server, port):
            with silent_client(port, GET) as client:
                await eventually(lambda: answers.answers == 1)

                async def read(size: int) -> None:
                    before = CountedWindows.latest.taken()
                    await asyncio.to_thread(client.recv, size, socket.MSG_WAITALL)
                    await eventually(lambda: CountedWindows.latest.taken() - before >= size // 2)

                for _ in range(6):
                    await read(2 * MIB)
                    CountedWindows.latest.end_window()
                assert len(server.connections) == 1
                await read(MIB // 2)
                CountedWindows.latest.end_window()
                await eventually(lambda: not server.connections)
                assert (answers.answers, answers.released) == (1, 1)

    run(case)


def test_an_answer_to_who_is_gone_is_released(run: Run) -> None:
    """However the connection ends: by the client, before and while it is written, or by the drain."""

    async def case() -> None:
        answers = Releases(16 * MIB)
        async with serving(answers.handle) as (_, port):
            client = silent_client(port, GET)
            await eventually(lambda: answers.answers == 1)
            assert answers.released == 0
            client.close()
            await answers.event.wait()
            answers.event.clear()
            silent_client(port, GET).close()
            await answers.event.wait()
            client = silent_client(port, GET)
            await eventually(lambda: answers.answers == 3)
        assert (answers.answers, answers.released) == (3, 3)
        client.close()

    run(case)


def test_one_byte_chunks_leave_the_loop_its_turns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several connections together, one slice is parsed in a turn; the body's framing is refused in the end."""
    pieces: list[tuple[int, int]] = []
    turn = 0
    parse = Connection._parse

    def counting(self: Connection, data: bytes) -> None:
        if data:
            pieces.append((turn, len(data)))
        parse(self, data)

    monkeypatch.setattr(Connection, "_parse", counting)

    async def case() -> None:
        nonlocal turn
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with serving(echo) as (_, port):
            data = head + b"1\r\nx\r\n" * 200_000
            clients = [asyncio.create_task(asyncio.to_thread(send_then_read, port, [data])) for _ in range(4)]
            while not all(client.done() for client in clients):
                turn += 1
                await asyncio.sleep(0)
            for client in clients:
                assert (await client).endswith(b"malformed-request")

    run(case)
    assert max(length for _, length in pieces) <= SLICE_BYTES
    assert all(len(list(group)) == 1 for _, group in itertools.groupby(pieces, key=lambda piece: piece[0]))
    assert sum(length for _, length in pieces) <= 4 * (MAX_FRAMING_BYTES * 6 // 5 + 3 * SLICE_BYTES)
    pieces.clear()


def test_taking_a_chunk_costs_no_turn_of_the_parser(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each, aiohttp asks to go on reading; where nothing was paused there is nothing to do."""
    calls = 0
    parse = Connection._parse

    def counted(self: Connection, data: bytes) -> None:
        nonlocal calls
        calls += 1
        parse(self, data)

    monkeypatch.setattr(Connection, "_parse", counted)

    async def case() -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with serving(echo) as (_, port):
            data = head + b"1\r\nx\r\n" * 2000 + b"0\r\n\r\n"
            answer = await asyncio.to_thread(send_then_read, port, [data])
            assert answer.endswith(b"x" * 2000)
        assert calls <= 4 * (len(data) // SLICE_BYTES + 1)

    run(case)


def test_small_chunks_in_proportion_are_read(run: Run) -> None:
    """A body that comes in many small chunks is a body."""

    async def case() -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with serving(echo) as (_, port):
            data = head + (b"40\r\n" + b"x" * 64 + b"\r\n") * 2000 + b"0\r\n\r\n"
            answer = await asyncio.to_thread(send_then_read, port, [data])
            assert answer.endswith(b"x" * 128_000)

    run(case)


@pytest.mark.parametrize("behind", [0, 1, 100, 3000])
def test_who_goes_away_is_noticed_whatever_it_has_sent(run: Run, behind: int) -> None:
    """A handler is cancelled when its client has gone, with requests behind it that were not looked at, too."""

    async def case() -> None:
        begun, cancelled = asyncio.Event(), 0

        async def hanging(_request: Request) -> Response:
            nonlocal cancelled
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                raise
            raise AssertionError

        async with serving(hanging) as (server, port):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(GET)
                await begun.wait()
                client.sendall(GET[:2] * behind)
                await eventually(lambda: busy(server) == 1)
            await eventually(lambda: not server.connections)
            assert cancelled == 1

    run(case)


def test_what_a_handler_does_not_expect_is_answered(run: Run) -> None:
    """Its client gets an answer, and the connection ends; so it does where that can't be sent."""

    async def case() -> None:
        async def failing(request: Request) -> Response:
            if request.method == "GET":
                raise ValueError
            return Response(200, headers={"X": "\N{SNOWMAN}"})

        async with serving(failing) as (server, port):
            answer = await asyncio.to_thread(send_then_read, port, [GET])
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"internal-error")
            assert await asyncio.to_thread(send_then_read, port, [GET.replace(b"GET", b"PUT")]) == b""
            await eventually(lambda: not server.connections)

    run(case)


def test_who_is_idle_for_long_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `KEEP_ALIVE`, at the next look."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE", 0.2)
    monkeypatch.setattr(http_server, "_SWEEP", 0.1)

    async def case() -> None:
        async with serving(echo) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            assert (await reader.read()).count(b"HTTP/1.1 200 ") == 1
            writer.close()

    run(case)


@pytest.mark.parametrize("seed", range(8))
def test_pieces_of_any_size_give_the_same_answers(run: Run, seed: int) -> None:
    """Requests and bodies are answered in order, each with its own, however they are cut and paused."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    bodies = [chance.randbytes(chance.choice([0, 1, 100, SLICE_BYTES, 70_000, 300_000])) for _ in range(40)]
    data = b"".join(_posted(body, chunked=False) for body in bodies)
    data += GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    pieces = _cut(data, chance, chance.choice([0, 3, 100]))

    async def case() -> None:
        async def slow_echo(request: Request) -> Response:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
            return await echo(request)

        async with serving(slow_echo) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reading = asyncio.create_task(reader.read())
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            answers = await reading
            writer.close()
        for body in [*bodies, b""]:
            top, _, answers = answers.partition(b"\r\n\r\n")
            assert top.startswith(b"HTTP/1.1 200 ")
            assert b"Content-Length: %d\r\n" % len(body) in top + b"\r\n"
            assert answers.startswith(body)
            answers = answers[len(body) :]
        assert answers == b""

    run(case)


def test_an_idle_connection_keeps_nothing_of_its_requests(run: Run) -> None:
    """Neither their heads nor a parser, wherever a request was cut; only what has come beyond them."""
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"

    async def case() -> None:
        async with serving(echo) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def ask(*pieces: bytes) -> Connection:
                for piece in pieces[:-1]:
                    writer.write(piece)
                    await eventually(lambda: busy(server) == 1)
                writer.write(pieces[-1])
                await reader.readuntil(b"\r\n\r\nabcde" if pieces[0].startswith(b"POST") else b"\r\n\r\n")
                await eventually(lambda: busy(server) == 0)
                (connection,) = server.connections
                assert isinstance(connection, Connection)
                return connection

            for pieces in ((GET,), (post,), (post[:-5], b"abcde"), (post[:-2], b"d", b"e"), (b"\r\n" + GET,)) * 2:
                assert (await ask(*pieces))._parser is None, pieces
            kept = await ask(GET + GET[:20])
            assert kept._parser is not None
            await ask(GET[20:])
            assert (await ask(GET)) is kept
            writer.close()

    run(case)


def test_a_long_pipeline_that_needs_no_waiting(run: Run) -> None:
    """Each of its requests is begun by the event loop, not by the end of the one before: the stack stays flat."""

    async def case() -> None:
        count = 2000
        data = GET * count + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        async with serving(echo) as (_, port):
            answer = await asyncio.to_thread(send_then_read, port, [data])
            assert answer.count(b"HTTP/1.1 200 ") == count + 1

    run(case)


@pytest.mark.parametrize("seed", range(4))
def test_chunked_bodies_of_any_size(run: Run, seed: int) -> None:
    """One after another on a connection that goes on, however they are cut."""
    chance = random.Random(seed)  # noqa: S311 - no secret

    async def case() -> None:
        async with serving(echo) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for size in (0, 1, 100, SLICE_BYTES, 70_000):
                body = chance.randbytes(size)
                for piece in _cut(_posted(body, chunked=True), chance, chance.choice([0, 3, 30])):
                    writer.write(piece)
                    await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"Connection: close" not in head
                assert await reader.readexactly(size) == body
            writer.close()

    run(case)


@pytest.mark.parametrize(
    ("behind", "goes_on"), [(b"", True), (b"X: y\r\n", False), (b"Host: other\r\n", False)], ids=repr
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_a_trailer_ends_the_connection(run: Run, behind: bytes, goes_on: bool, bytewise: bool) -> None:  # noqa: FBT001
    """Aiohttp's parser would take it for the first header of the next request."""

    async def case() -> None:
        async with serving(echo) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                data = _posted(b"hello", chunked=True).removesuffix(b"\r\n") + behind + b"\r\n"
                for piece in map(bytes, zip(data, strict=False)) if bytewise else [data]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                answer = await reader.readuntil(b"hello")
                assert (b"Connection: close" not in answer) == goes_on
                if not goes_on:
                    assert await reader.read() == b""
                    break
            writer.close()

    run(case)


def _cut(data: bytes, chance: random.Random, cuts: int) -> list[bytes]:
    places = sorted(chance.randrange(len(data)) for _ in range(cuts))
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


def _posted(body: bytes, *, chunked: bool) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: x\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = (body[start : start + 5000] for start in range(0, len(body), 5000))
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def test_a_connection_that_sends_nothing_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never sent a request is closed soon, one that has is kept."""
    monkeypatch.setattr(connection, "FIRST_REQUEST_TIMEOUT", 1.0)

    async def case() -> None:
        async with serving(echo) as (_, port):
            used, used_writer = await asyncio.open_connection("127.0.0.1", port)
            used_writer.write(GET)
            await used.readuntil(b"\r\n\r\n")
            idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
            assert await idle.read() == b"", "and the time of the other, which began before, is over, too"
            used_writer.write(GET)
            assert (await used.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            for writer in (idle_writer, used_writer):
                writer.close()

    run(case)


def test_a_head_behind_a_request_has_its_time_limit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that began while a request was being answered is not waited for for ever."""
    monkeypatch.setattr(request_reader, "HEAD_TIMEOUT", 0.1)

    async def case() -> None:
        begun = asyncio.Event()

        async def slow(_request: Request) -> Response:
            begun.set()
            await asyncio.sleep(0.3)  # longer than a head may take
            return Response(200)

        async with serving(slow) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await begun.wait()
            writer.write(GET[:-2])
            assert re.findall(rb"HTTP/1.1 (\d+)", await reader.read()) == [b"200"]
            writer.close()

    run(case)


def test_a_refused_client_is_not_waited_for_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that neither sends nor closes is closed soon, and so is one that goes on sending."""
    monkeypatch.setattr(connection, "DISCARD_QUIET", 0.1)
    monkeypatch.setattr(connection, "DISCARD_TIMEOUT", 0.3)

    async def case() -> None:
        async with serving(echo) as (server, port):
            for endless in (False, True):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"\x00 not HTTP")
                assert (await reader.read()).startswith(b"HTTP/1.1 4")
                async with asyncio.timeout(request_reader.HEAD_TIMEOUT / 2):
                    while server.connections:
                        writer.write(b" " if endless else b"")
                        await asyncio.sleep(0.02)
                writer.close()

    run(case)


def test_nothing_behind_an_upgrade_is_parsed(run: Run) -> None:
    """What may not be HTTP is not taken for requests: the connection ends with the answer."""

    async def case() -> None:
        upgrade = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        async with serving(echo) as (_, port):
            answer = await asyncio.to_thread(send_then_read, port, [upgrade + GET + b"\x00" * MIB])
            assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"]
            assert b"Connection: close" in answer

    run(case)


def test_no_connection_is_left_behind(run: Run) -> None:
    """Nothing keeps a connection that is gone; not even the collector of cycles is needed."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ends = [
        b"",
        GET,
        GET * 40,
        GET[:-4],
        b"\x00 not HTTP" * 1000,
        chunked + b"2\r\n{}\r\n-1\r\n",
        chunked + b"2\r\n{}\r\n",
        chunked + b"1\r\nx\r\n" * 10_000,
        GET + b"X: " + b"y" * 100_000,
        GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ]

    async def case() -> None:
        async def hanging(request: Request) -> Response:
            reply = await echo(request)
            await asyncio.sleep(0.01)
            return reply

        async with serving(hanging) as (server, port):
            for reset, end in itertools.product([False, True], ends):
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0" if reset else b"\0" * 8
                    )
                    client.sendall(end)
                    await asyncio.sleep(0.03)
            await eventually(
                lambda: (
                    not server.connections and not any(isinstance(found, Connection) for found in gc.get_objects())
                )
            )

    gc.collect()
    gc.disable()
    try:
        run(case)
    finally:
        gc.enable()
