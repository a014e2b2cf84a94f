"""Requests that wait for their turn at a port: begun in order, refused, left, drained."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Hashable
from pathlib import Path

import pytest

from support.proxy.log_lines import log_lines
from support.proxy.loops import Run
from support.proxy.oms import RawServer
from support.proxy.running import BASIC, GET_PATH, proxy_config, running_proxy
from support.waiting import PATIENCE, eventually
from tenantproxy import entrance
from tenantproxy.entrance import MAX_WAITING_BYTES, REQUESTS_PER_TURN
from tenantproxy.problems import Problem
from tenantproxy.server.http_server import HttpServer
from tenantproxy.server.port import Queue
from tenantproxy.server.request import Request
from tenantproxy.server.response import Response

MANY = REQUESTS_PER_TURN * 4


class Served:
    """A port, what it has begun to answer, and whose clients were gone before."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gone: list[str] = []
        self.port = 0
        self.room = MANY
        queue = Queue(_caller_of, self._note_gone, lambda: self.room)
        self.server = HttpServer(self._handle, on_problem=_refusal, max_connections=MANY, queue=queue)

    async def _handle(self, request: Request) -> Response:
        if request.refused:
            return Response(503)
        self.begun.append(request.raw_path)
        return Response(200, request.raw_path.encode())

    def _note_gone(self, request: Request) -> None:
        self.gone.append(request.raw_path)

    @contextlib.asynccontextmanager
    async def clients(self, count: int) -> AsyncIterator[list[socket.socket]]:
        """Connect so many clients, and wait until they are accepted."""
        with contextlib.ExitStack() as closing:
            made = [
                closing.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))
                for _ in range(count)
            ]
            await eventually(lambda: len(self.server.connections) >= min(count, MANY))
            yield made


def _caller_of(request: Request) -> Hashable:
    return request.headers.get("Authorization")


def _refusal(problem: Problem) -> Response:
    return Response(problem.status, close=True)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    served = Served()
    bound = socket.create_server(("127.0.0.1", 0), backlog=2 * MANY)
    await served.server.listen(bound)
    served.port = bound.getsockname()[1]
    try:
        yield served
    finally:
        await served.server.drain(0.0)


def get(path: str, caller: str = "a", more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {caller}\r\n{more}\r\n".encode()


async def answer(client: socket.socket) -> tuple[int, bool, str]:
    """Return an answer's status, whether it is the connection's last one, and its body."""
    received = await asyncio.to_thread(client.recv, 65536)
    head, _, body = received.decode().partition("\r\n\r\n")
    return int(head.split()[1]), "Connection: close" in head, body


def test_all_begin_in_the_order_in_which_they_came(run: Run) -> None:
    """More than begin in one turn are answered, and none before an earlier one of its caller."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            for number, client in enumerate(clients):
                client.sendall(get(f"/{number}"))
            answers = [await answer(client) for client in clients]
            assert answers == [(200, False, f"/{number}") for number in range(MANY)]
            assert sorted(served.begun) == sorted(f"/{number}" for number in range(MANY))

    run(case)


def test_where_there_is_no_room_all_begin_in_pauses(run: Run) -> None:
    """By the loop's timers, in order, and without an end to wait for."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            served.room = 0
            for number, client in enumerate(clients):
                client.sendall(get(f"/{number}"))
            assert [await answer(client) for client in clients] == [(200, False, f"/{n}") for n in range(MANY)]

    run(case)


def test_who_is_late_is_refused_and_may_ask_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal ends no connection, and the next request on it waits for a turn of its own."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            monkeypatch.setattr(entrance, "MAX_WAIT", -1.0)  # whoever waits, waits too long
            for client in clients:
                client.sendall(get("/"))
            statuses = [(await answer(client))[:2] for client in clients]
            assert statuses.count((200, False)) == len(served.begun) >= REQUESTS_PER_TURN
            assert statuses.count((503, False)) == MANY - len(served.begun) > 0
            monkeypatch.undo()
            for client in clients:
                client.sendall(get("/again"))
            assert [await answer(client) for client in clients] == [(200, False, "/again")] * MANY

    run(case)


async def _all_wait(served: Served, clients: list[socket.socket], caller: str, patch: pytest.MonkeyPatch) -> None:
    """Send a request on each connection, and see that they wait, until the patch is undone."""
    patch.setattr(entrance, "REQUESTS_PER_TURN", 0)
    patch.setattr(entrance, "MAX_WAIT", 3600.0)
    requests = [get(f"/{number}", caller) for number in range(len(clients))]
    for client, request in zip(clients, requests, strict=True):
        client.sendall(request)
    await eventually(lambda: len(served.begun) + _waiting(served) == len(clients))
    for number in [int(path[1:]) for path in served.begun]:  # there was still room for them
        assert (await answer(clients[number]))[0] == 200
        clients[number].sendall(requests[number])
    await eventually(lambda: _waiting(served) == len(clients))
    served.begun.clear()


def _waiting(served: Served) -> int:
    return sum(each.busy for each in served.server.connections)


def test_who_goes_away_meanwhile_frees_the_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is done for a request that nobody waits for; the others have their turn."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            await _all_wait(served, clients, "a", monkeypatch)
            clients[7].close()
            await eventually(lambda: served.gone == ["/7"])
            monkeypatch.undo()
            for number, client in enumerate(clients):
                if number != 7:
                    assert await answer(client) == (200, False, f"/{number}")
            assert "/7" not in served.begun

    run(case)


def test_pipelined_requests_wait_one_by_one(run: Run) -> None:
    """What came behind a request has a turn of its own, and its answer in its place."""

    async def case() -> None:
        async with serving() as served, served.clients(REQUESTS_PER_TURN) as clients:
            for client in clients:
                client.sendall(b"".join(get(f"/{number}") for number in range(5)))
            for client in clients:
                received = b""
                while received.count(b"HTTP/1.1 200") < 5:
                    received += await asyncio.to_thread(client.recv, 65536)
                assert re.findall(rb"\r\n\r\n/(\d)", received) == [b"0", b"1", b"2", b"3", b"4"]

    run(case)


def test_who_waits_at_a_drain_is_answered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the process waits for those that wait; theirs is the connection's last answer."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            await _all_wait(served, clients, "a", monkeypatch)
            draining = asyncio.create_task(served.server.drain(PATIENCE))
            await asyncio.sleep(0)
            monkeypatch.undo()
            for number, client in enumerate(clients):
                assert await answer(client) == (200, True, f"/{number}")
                client.close()
            await draining

    run(case)


def test_where_all_wait_a_crowd_makes_room_for_a_new_connection(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client's requests on all connections there may be shut nobody out."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            await _all_wait(served, clients, "storm", monkeypatch)
            async with served.clients(1) as (healthy,):
                await eventually(lambda: len(served.gone) == 1)
                healthy.sendall(get("/healthy", "healthy"))
                await eventually(lambda: _waiting(served) == MANY)
                monkeypatch.undo()
                assert await answer(healthy) == (200, False, "/healthy")
            assert served.gone[0] not in served.begun

    run(case)


def test_large_requests_do_not_pile_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound of bytes they are refused at once; others wait on."""

    async def case() -> None:
        async with serving() as served, served.clients(MANY) as clients:
            small, large = clients[: MANY - 20], clients[MANY - 20 :]
            await _all_wait(served, small, "small", monkeypatch)
            monkeypatch.setattr(entrance, "MAX_WAITING_BYTES", 100_000)
            for client in large:
                client.sendall(get("/large", "large", f"X: {'x' * 7_000}\r\n" * 8))
            refused = await asyncio.gather(*(answer(client) for client in large[1:]))
            assert [status for status, _, _ in refused] == [503] * 19
            monkeypatch.undo()
            assert await answer(large[0]) == (200, False, "/large")
            assert await answer(small[0]) == (200, False, "/0")

    assert MAX_WAITING_BYTES <= 16 * 1024 * 1024
    run(case)


def test_many_connections_are_accepted_in_a_turn(run: Run) -> None:
    """A turn of a busy loop takes its time: with one connection in each, most would wait to be accepted."""

    async def case() -> None:
        async with serving() as served:
            with contextlib.ExitStack() as closing:
                for _ in range(MANY):
                    closing.enter_context(socket.create_connection(("127.0.0.1", served.port)))
                turns = 0
                while len(served.server.connections) < MANY:
                    turns += 1
                    await asyncio.sleep(0)
                assert turns <= MANY / 4

    run(case)


async def test_what_a_refused_caller_sees(oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as every problem is: its code, when to come again, its own id; it is counted, and in the log."""
    monkeypatch.setattr(entrance, "MAX_WAIT", -1.0)
    with log_lines() as lines:
        async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
            connections = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(MANY)]
            for number, (_, writer) in enumerate(connections):
                writer.write(f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\nCorrelation-Id: id-{number}\r\n\r\n".encode())
            heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in connections]
            refused = [number for number, head in enumerate(heads) if head.startswith(b"HTTP/1.1 503 ")]
            assert 0 < len(refused) <= MANY - REQUESTS_PER_TURN
            assert len(oms.received) == MANY - len(refused)
            for number in refused:
                head, reader = heads[number].decode(), connections[number][0]
                assert f"\r\nCorrelation-Id: id-{number}\r\n" in head
                assert "\r\nRetry-After: 1\r\n" in head
                assert "\r\nContent-Type: application/problem+json\r\n" in head
                body = json.loads(await reader.readexactly(int(head.partition("Content-Length: ")[2].split()[0])))
                assert (body["code"], body["correlationId"]) == ("overloaded", f"id-{number}")
            for _, writer in connections:
                writer.close()
            assert await proxy.metric('tenantproxy_rejected_requests_total{reason="late"}') == len(refused)
            assert await proxy.metric('tenantproxy_requests_total{code="503",route="other"}') == len(refused)
    told = [line["correlationId"] for line in lines.of("tenantproxy.request") if line.get("reason") == "late"]
    assert sorted(told) == sorted(f"id-{number}" for number in refused)
