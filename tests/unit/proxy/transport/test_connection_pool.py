"""The pool of connections to the OMS, over real sockets: its bound, whose turn it is, calls nobody waits for."""

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from support.proxy.http_clients import cancel, client, get, ticket
from support.proxy.oms import RawServer, answering, breaking, held_until, http
from support.waiting import PATIENCE, eventually
from tenantproxy.admission import Bulkhead
from tenantproxy.config import Tls
from tenantproxy.transport.base import UpstreamError, UpstreamResponse
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.connection_pool import MOST_WAITING
from tenantproxy.transport.dialer import CONNECT_TIMEOUT
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.keeping import Keeping
from tenantproxy.transport.resumption import ResumingContext
from tenantproxy.transport.tls import TlsFiles

OK = http(200, b"ok")
LONG = 30.0
"""Seconds until a deadline that no test awaits."""


def start(running: HttpClient, count: int, caller: str | None = None) -> list[asyncio.Task[bytes]]:
    return [
        asyncio.create_task(get(running, f"/{caller}-{number}", caller=caller, seconds=LONG))
        for number in range(count)
    ]


async def settle() -> None:
    """Let tasks that were started get as far as they can without the server."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_waits_gets_the_next_place(oms: RawServer) -> None:
    """Beyond the bound requests wait, and are served in turn; a cancelled one gives its turn away."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=2) as running:
        reading = start(running, 8)
        await oms.reached(2)
        await cancel(reading[0], reading[5])
        release.set()
        results = await asyncio.gather(*reading, return_exceptions=True)
        assert [result for result in results if result == b"ok"] == [b"ok"] * 6
        assert oms.most_concurrent == oms.connections == 2


async def test_room_is_what_is_free_or_a_short_queue(oms: RawServer) -> None:
    """Where nothing is free there is room for few more: their connection is one on its way back."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=2) as running:
        assert running.room() == 2
        reading = start(running, 1)
        await oms.reached(1)
        assert running.room() == 1
        reading += start(running, 1)
        await settle()
        assert running.room() == MOST_WAITING, "one is being connected"
        reading += start(running, MOST_WAITING + 3)
        await oms.reached(2)
        assert running.room() == -3
        await cancel(*reading[-5:])
        assert running.room() == 2
        release.set()
        await asyncio.gather(*reading, return_exceptions=True)
        assert running.room() == 2


async def test_who_lacks_a_share_takes_no_room(oms: RawServer) -> None:
    """Requests that wait for their caller's or bulkhead's own wait for no connection of others."""
    release, searches = asyncio.Event(), Bulkhead(1)
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=4) as running:
        slow = within(running, searches, 2)
        await oms.reached(1)
        assert running.room() == 3
        crowd = start(running, 9, "crowd")
        await oms.reached(4)
        assert running.room() == MOST_WAITING
        other = start(running, 2, "other")
        await settle()
        assert running.room() == MOST_WAITING - 2
        release.set()
        await asyncio.gather(*slow, *crowd, *other)


async def test_waiting_is_in_turn(oms: RawServer) -> None:
    """With one connection, requests reach the server in the order in which they were made."""
    oms.play = answering(OK)
    async with client(oms.url, connections=1) as running:
        await asyncio.gather(*(running.request("GET", f"/{number}", {}) for number in range(6)))
    assert [request.target for request in oms.received] == [f"/{number}" for number in range(6)]


async def test_idle_connections_are_closed(oms: RawServer) -> None:
    """Of connections that are not needed any more few are kept, or none, as the client wants it."""
    for spare in (0, 2):
        release = asyncio.Event()
        oms.play = held_until(release, answering(OK))
        async with client(oms.url, keeping=Keeping(0.2, spare)) as running:
            reading = start(running, 5)
            await oms.reached(5)
            release.set()
            await asyncio.gather(*reading)
            await eventually(lambda: len(running._pool._connections) <= spare)  # noqa: B023 - it ends within
            assert len(running._pool._idle) == spare
        await eventually(lambda: oms.open == 0)


@pytest.mark.parametrize(("spare", "kept"), [(0, 2), (1, 2), (4, 4)])
async def test_idle_connections_that_are_needed(oms: RawServer, spare: int, kept: int) -> None:
    """Those used within the time stay, and so many others, those used last."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, keeping=Keeping(60.0, spare)) as running:
        reading = start(running, 5)
        await oms.reached(5)
        release.set()
        await asyncio.gather(*reading)
        idle = [*running._pool._idle]
        for connection in idle[:3]:
            connection.idle_since -= 60.0
        running._pool._close_idle()
        assert running._pool._idle == idle[5 - kept :]


async def test_idle_connections_of_other_tls_files(oms: RawServer) -> None:
    """After a rotation those that nobody uses are closed, too."""
    oms.play = answering(OK)
    async with client(oms.url) as running:
        await get(running)
        running._pool._idle[0].context = ResumingContext()  # as if that was before
        running._pool._close_idle()
        assert not running._pool._connections


@pytest.mark.parametrize(
    ("keep_alive", "connections"),
    [("timeout=0", 3), ("Timeout = 0, max=100", 3), ("timeout=5, max=100", 1), ("max=100", 1), ("nonsense", 1)],
)
async def test_what_the_server_says_of_its_time(oms: RawServer, keep_alive: str, connections: int) -> None:
    """A connection that the server is about to close is not used."""
    oms.play = answering(http(200, b"ok", keep_alive=keep_alive))
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [b"ok"] * 3
    assert oms.connections == connections


async def test_a_connection_grows_old(oms: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is busy all the time, too, finds out that a name has another address now."""
    monkeypatch.setattr("tenantproxy.transport.connection.MAX_AGE", 0.0)
    oms.play = answering(OK)
    async with client(oms.url) as running:
        assert [await get(running) for _ in range(3)] == [b"ok"] * 3
    assert oms.connections == 3


async def test_a_dead_connection_is_not_followed_by_another_one(oms: RawServer) -> None:
    """Where a kept connection brought no answer, the request is sent again on a new one, not on its like."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url) as running:
        reading = start(running, 3)
        await oms.reached(3)
        release.set()
        await asyncio.gather(*reading)
        oms.play = breaking(b"")
        with pytest.raises(UpstreamError, match="disconnected"):
            await get(running)
        oms.play = answering(OK)
        assert await get(running) == b"ok"
        assert oms.connections == 4


async def test_the_kernel_watches_connections(oms: RawServer) -> None:
    """What has forgotten a connection on the way says nothing, so it is asked, and has to acknowledge."""
    oms.play = answering(OK)
    async with client(oms.url) as running:
        await get(running)
        (kept,) = running._pool._idle
        assert kept._transport is not None
        tcp = kept._transport.get_extra_info("socket")
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        assert [tcp.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [30, 10, 2, 2000]


# ---- ahead of requests


async def test_a_connection_ahead_of_requests(oms: RawServer) -> None:
    """It serves the first request; it is made once, whatever becomes of it."""
    oms.play = breaking(OK)
    async with client(oms.url) as running:
        await running.warm_up()
        await eventually(lambda: oms.connections == 1)
        assert await get(running) == b"ok"
        await running.warm_up()
        assert (oms.connections, len(oms.received)) == (1, 1)


async def test_a_connection_ahead_of_requests_that_fails() -> None:
    """Who asked for it is told; it takes no place."""
    async with client("http://127.0.0.1:1", connections=1) as running:
        with pytest.raises(UpstreamError, match="connect"):
            await running.warm_up()
        await running.warm_up()
        assert (running._pool._in_use, running._pool._connecting) == ({}, {})


async def test_who_waits_at_the_end_is_told(oms: RawServer) -> None:
    """When the client is closed, nobody goes on waiting for a connection."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=1) as running:
        reading = start(running, 3)
        await oms.reached(1)
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*reading, return_exceptions=True)
    assert all(isinstance(result, UpstreamError) for result in results)


# ---- between operations


def within(running: HttpClient, bulkhead: Bulkhead | None, count: int) -> list[asyncio.Task[UpstreamResponse]]:
    return [
        asyncio.create_task(
            running.request("GET", "/search" if bulkhead else "/order", {}, ticket=ticket(caller, bulkhead))
        )
        for caller in map(str, range(count))
    ]


async def test_a_bulkhead_leaves_connections_to_others(oms: RawServer) -> None:
    """Requests within it wait for each other, not others for them; when all has ended, its places are free."""
    release, searches = asyncio.Event(), Bulkhead(2)
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=4) as running:
        slow = within(running, searches, 4)
        await oms.reached(2)
        quick = within(running, None, 2)
        await oms.reached(4)
        assert [request.target for request in oms.received].count("/search") == searches.connections == 2
        await cancel(slow[3])
        release.set()
        await asyncio.gather(*slow[:3], *quick)
        assert searches.connections == 0


async def test_a_search_that_nobody_waits_for_keeps_its_place(oms: RawServer) -> None:
    """Until the server has answered, or its time has passed, it counts within its bulkhead."""
    release, searches = asyncio.Event(), Bulkhead(1)
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=4) as running:
        asking = running.request("GET", "/1", {}, ticket=ticket("a", searches), drain_seconds=LONG)
        gone = asyncio.create_task(asking)
        await oms.reached(1)
        await cancel(gone)
        (waiting,) = within(running, searches, 1)
        await settle()
        assert (searches.connections, len(oms.received)) == (1, 1)
        release.set()
        assert (await waiting).body == b"ok"
        assert searches.connections == 0


async def test_a_connection_that_fails_gives_its_place_back() -> None:
    """Where no connection is made, none is counted."""
    searches = Bulkhead(1)
    async with client("http://127.0.0.1:1", connections=2) as running:
        results = await asyncio.gather(*within(running, searches, 2), return_exceptions=True)
    assert [isinstance(result, UpstreamError) for result in results] == [True] * 2
    assert searches.connections == 0


# ---- between callers


async def test_the_caller_with_the_fewest_is_next(oms: RawServer) -> None:
    """One caller's crowd does not hold up another one's few."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=1) as running:
        crowd = start(running, 6, "crowd")
        await oms.reached(1)
        few = start(running, 2, "few")
        await settle()
        release.set()
        await asyncio.gather(*crowd, *few)
    order = [request.target.split("-")[0] for request in oms.received]
    assert order == ["/crowd", *("/crowd", "/few") * 2, *["/crowd"] * 3]


async def test_one_caller_leaves_connections_to_others(oms: RawServer) -> None:
    """A caller has at most three quarters, also when nobody else asks; without names there is no such bound."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(OK))
    async with client(oms.url, connections=4) as running:
        crowd = start(running, 8, "crowd")
        await oms.reached(3)
        other = start(running, 1, "other")
        await oms.reached(4)
        assert oms.received[-1].target == "/other-0"
        release.set()
        await asyncio.gather(*crowd, *other)
        assert oms.connections == 4
        release.clear()
        nameless = start(running, 8)
        await oms.reached(4)
        release.set()
        await asyncio.gather(*nameless)


# ---- callers that are gone


async def test_a_call_whose_caller_is_gone_keeps_its_place(oms: RawServer) -> None:
    """Whatever is cancelled, the server never has more to do than it may; its late answer meets nobody."""
    release = asyncio.Event()
    oms.play = held_until(release, answering(http(200, b"late")))
    async with client(oms.url, connections=4) as running:
        for _ in range(5):
            storm = start(running, 20, "storm")
            await oms.reached(3)
            await settle()
            await cancel(*storm)
        assert (oms.most_concurrent, len(oms.received)) == (3, 3)
        other = asyncio.create_task(get(running, caller="other", seconds=LONG))
        await oms.reached(4)
        release.set()
        assert await other == b"late"
        oms.play = answering(OK)
        assert await asyncio.gather(*start(running, 8, "storm")) == [b"ok"] * 8
        assert oms.connections == 4


async def test_who_waited_long_leaves_the_server_its_time(oms: RawServer) -> None:
    """A call that was sent late, and timed out soon, keeps its place for as long as any other may take."""
    release, answered = asyncio.Event(), asyncio.Event()
    oms.play = held_until(answered, answering(OK))
    told: asyncio.Queue[int | None] = asyncio.Queue()
    async with client(oms.url, connections=1) as running:
        first = asyncio.create_task(get(running, seconds=LONG))
        await oms.reached(1)
        second = running.request(
            "GET", "/x", {}, ticket=ticket(None), drain_seconds=LONG, on_drained=told.put_nowait
        )
        waiting = asyncio.create_task(second)
        await settle()
        oms.play = held_until(release, answering(OK))
        answered.set()
        await first
        await eventually(lambda: len(oms.received) == 2)
        await cancel(waiting)
        third = asyncio.create_task(get(running, seconds=LONG))
        await settle()
        assert (oms.most_concurrent, len(oms.received)) == (1, 2)
        release.set()
        assert await third == b"ok"
        assert (told.get_nowait(), oms.connections) == (200, 1)


async def test_its_place_is_free_at_the_deadline(oms: RawServer) -> None:
    """A server that never answers gives the place back when the timeout ends."""
    oms.play = held_until(asyncio.Event())
    told: asyncio.Queue[int | None] = asyncio.Queue()
    async with client(oms.url, connections=1) as running:
        deadline = asyncio.get_running_loop().time() + 0.2
        call = running.request("GET", "/x", {}, ticket=ticket(None), drain_seconds=0.2, on_drained=told.put_nowait)
        reading = asyncio.create_task(call)
        await oms.reached(1)
        await cancel(reading)
        oms.play = answering(OK)
        assert await get(running) == b"ok"
        assert asyncio.get_running_loop().time() >= deadline
        assert (told.get_nowait(), oms.connections) == (None, 2)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(OK, 200), (http(503), 503), (b"", None), (http(200, b"x" * 1001), None), (b"no HTTP", None)],
    ids=["200", "503", "no answer", "too large", "no HTTP"],
)
async def test_what_came_of_it_is_told(oms: RawServer, answer: bytes, status: int | None) -> None:
    """The breaker learns how a call went, also when its caller is gone: by then nobody else can tell."""
    release = asyncio.Event()

    async def play(_request: object, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(answer)
        if not answer:
            writer.close()

    oms.play = play
    told: asyncio.Queue[int | None] = asyncio.Queue()
    async with client(oms.url, connections=1) as running:
        call = running.request(
            "GET", "/x", {}, ticket=ticket(None), drain_seconds=LONG, on_drained=told.put_nowait
        )
        reading = asyncio.create_task(call)
        await oms.reached(1)
        await cancel(reading)
        assert told.empty()
        release.set()
        async with asyncio.timeout(PATIENCE):
            assert await told.get() == status
        oms.play = answering(OK)
        assert await get(running) == b"ok"


class Held(AbstractResolver):
    """Resolves to the loopback when the test says so."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        await self.release.wait()
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_who_waits_for_a_connection_at_the_end_is_told(oms: RawServer) -> None:
    """Neither does anybody go on waiting for one that was on its way."""
    async with client(f"http://oms.example:{oms.port}", connections=2, resolver=Held()) as running:
        reading = start(running, 4)
        await settle()
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*reading, return_exceptions=True)
    assert all(isinstance(result, UpstreamError) for result in results)


async def test_connecting_goes_on_without_its_request(oms: RawServer) -> None:
    """Requests that are cancelled at once don't connect again and again: what was begun serves the next ones."""
    oms.play = answering(OK)
    resolver = Held()
    async with client(f"http://oms.example:{oms.port}", connections=2, resolver=resolver) as running:
        for _ in range(10):
            storm = start(running, 5)
            await settle()
            await cancel(*storm)
        assert resolver.asked == 2
        resolver.release.set()
        assert await asyncio.gather(*start(running, 4)) == [b"ok"] * 4
        assert (resolver.asked, oms.connections) == (2, 2)


@pytest.mark.virtual_time
@pytest.mark.parametrize("seconds", [CONNECT_TIMEOUT, 5.0])
async def test_connecting_has_a_time(seconds: float) -> None:
    """As long as the client's owner wants it, from the name to the end of TLS."""
    running = HttpClient(
        "http://oms.example",
        max_connections=1,
        max_response_bytes=1,
        policy=Policy(),
        tls=TlsFiles(Tls(), Path("/none")).oms,
        resolver=Held(),
        connect_timeout=seconds,
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(UpstreamError, match="connect-timeout"):
        await running.request("GET", "/", {})
    assert loop.time() - began == pytest.approx(seconds, abs=0.01)
    await running.close()
