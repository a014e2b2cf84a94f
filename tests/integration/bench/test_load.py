"""The benchmark's clients and OMS (bench/peers/load): what they count, and what they wait for."""

import asyncio
import contextlib
import http.client
import json
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench import payloads
from bench.peers.clients import Found, Group, Request, load, watched_load
from bench.peers.oms import TOKEN_PATH, Oms, oms
from bench.processes import BenchError
from support.waiting import eventually

GET = Request("GET", "/")


@asynccontextmanager
async def server(answer: Callable[[int], bytes], *, seconds: float = 0.0) -> AsyncIterator[int]:
    """Answer each request, by its number, after some time; an empty answer closes the connection."""
    count = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(seconds)
                count += 1
                if not (content := answer(count)):
                    return
                writer.write(content)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    started = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with started:
        yield started.sockets[0].getsockname()[1]


def ask(of: Oms, method: str, path: str, headers: dict[str, str], body: str | None = None) -> tuple[int, bytes]:
    """Return an OMS's answer."""
    connection: http.client.HTTPConnection = http.client.HTTPConnection("127.0.0.1", urlsplit(of.url).port)
    if of.ca is not None:
        context = ssl.create_default_context(cafile=str(of.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", urlsplit(of.url).port, context=context)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def test_answers_are_counted_by_what_they_are() -> None:
    """Those of 200 and of 503 have latencies; other statuses, wrong lengths and lost connections are counted."""
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 1\r\nConnection: close\r\n\r\na",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
    async with server(lambda number: answers[(number - 1) % len(answers)]) as port:
        group = Group(connections=1, count=12, requests=[Request("GET", "/", length=2)])
        (found,) = await asyncio.to_thread(load, port, group, seconds=5.0, warmup=0.0)
    assert (found.ok.count, found.overloaded.count, found.other) == (2, 2, {"404": 2})
    assert found.errors == {"length": 2, "closed": 2, "head": 2}
    assert found.reconnects == 7  # after each error, and after each "Connection: close", but the last one


async def one_at_a_time(**options: float) -> Found:
    """Return what clients see of a server that gives 20 answers a second, where 100 are asked for."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with server(lambda _: answer, seconds=0.05) as port:
        group = Group(connections=1, rate=100, arrivals="even", requests=[GET], **options)  # type: ignore[arg-type]
        (found,) = await asyncio.to_thread(load, port, group, seconds=1.0, warmup=0.0)
        return found


async def test_waiting_for_a_connection_counts() -> None:
    """In an open loop, latency begins when a request was due, and arrivals don't wait for answers."""
    found = await one_at_a_time()
    assert found.arrivals == pytest.approx(100, abs=1)
    assert found.ok.count + found.unsent == found.arrivals
    assert found.ok.max > 10 * found.ok_since_sent.p50 >= 0.5


async def test_what_finds_no_room_to_wait_is_dropped() -> None:
    """As many requests wait as may; the wait is bounded by them."""
    found = await one_at_a_time(waiting=2)
    assert found.dropped + found.unsent + found.ok.count == found.arrivals
    assert found.dropped > found.ok.count
    assert found.ok.p50 < 0.5


async def test_groups_are_counted_apart() -> None:
    """Groups run side by side, each with its own requests."""
    async with server(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        groups = [
            Group(name=name, connections=2, count=count, requests=[GET]) for name, count in (("a", 5), ("b", 9))
        ]
        found = await asyncio.to_thread(load, port, *groups, seconds=5.0, warmup=0.0)
    assert [(each.name, each.ok.count) for each in found] == [("a", 5), ("b", 9)]


async def test_so_many_at_a_time_take_all_connections_by_turns() -> None:
    """Each is used as often as the others, and no more requests are under way than that."""
    used: list[int] = []
    under_way = [0]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, count = len(used), 0
        used.append(0)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                count += 1
                under_way.append(under_way[-1] + 1)
                await asyncio.sleep(0.005)
                under_way.append(under_way[-1] - 1)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        used[number] = count
        writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as started:
        group = Group(connections=6, at_a_time=2, count=24, requests=[GET])
        (found,) = await asyncio.to_thread(
            load, started.sockets[0].getsockname()[1], group, seconds=5.0, warmup=0.0
        )
        await eventually(lambda: sum(used) == 24)
    assert found.ok.count == 24
    assert max(under_way) == 2
    assert min(used) >= 3


async def test_cpu_time_is_told_of_the_measured_time() -> None:
    """That of the clients, and of processes that are watched; one that idles has used next to none."""
    busy = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    idle = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        async with server(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
            group = Group(connections=1, requests=[GET])
            done = await asyncio.to_thread(watched_load, port, group, pids=(busy.pid, idle.pid), seconds=0.5)
    finally:
        for process in (busy, idle):
            process.kill()
            await process.wait()
    clients, spinning, sleeping = done.cpu
    assert 0 < clients < 0.5
    assert 0.02 < spinning <= 0.6
    assert sleeping < 0.02


def test_a_wrong_plan_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """A mistake is told by its field."""
    with pytest.raises(BenchError):
        load(1, Group(connections=1, arrivals="odd", requests=[GET]), seconds=1.0)
    assert "groups[0]: arrivals: poisson or even" in capfd.readouterr().err


@pytest.mark.parametrize("tls", [False, True])
def test_the_oms_answers_who_may_read(tmp_path: Path, tls: bool) -> None:  # noqa: FBT001
    """It gives tokens, takes them and Basic, and refuses what a proxy should not send."""
    with oms(tmp_path, tls=tls, requests="1") as running:
        form = "grant_type=client_credentials&client_id=a&client_secret=b"
        status, content = ask(running, "POST", TOKEN_PATH, {}, form)
        token = json.loads(content)["access_token"]
        assert status == 200
        tenant = {"Tenant-Id": payloads.TENANT}
        asked = ("GET", payloads.GET_PATH)
        for authorization in (f"Bearer {token}", "Basic eDp5"):
            answer = ask(running, *asked, tenant | {"Authorization": authorization})
            assert answer == (200, payloads.encoded(payloads.order()))
        assert ask(running, *asked, tenant | {"Authorization": "Bearer other"})[0] == 401
        assert ask(running, *asked, {"Authorization": "Basic eDp5"})[0] == 400
        counts = json.loads(ask(running, "GET", "/counts", {})[1])
    assert counts["tokens"] == 1
    assert counts["full_handshakes"] + counts["resumed_handshakes"] == (counts["connections"] - 1 if tls else 0)
