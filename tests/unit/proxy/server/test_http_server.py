"""Connections: slow ones, broken ones, and the drain."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.proxy.oms import ORDER_ANSWER, RawServer, answering, held_until
from support.proxy.running import BASIC, GET_PATH, SEARCH_PATH, RunningProxy, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.app import Proxy
from tenantproxy.credentials.stores.files import FileStore, write_keys
from tenantproxy.lifecycle import Given
from tenantproxy.server import request, request_reader
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

GET = f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture
async def proxy(oms: RawServer, tmp_path: Path) -> AsyncIterator[RunningProxy]:
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as running:
        yield running


async def test_pipelined_requests_are_answered_in_order(proxy: RunningProxy, oms: RawServer) -> None:
    """Several requests in one packet get their own answers, one after the other."""
    other = GET.replace(b"CO-1", b"-bad")
    answer = await proxy.raw(GET + other + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"400", b"200"]
    assert len(oms.received) == 2


async def test_connections_stay_open(proxy: RunningProxy, oms: RawServer) -> None:
    """A client keeps its connection, and so do we towards the OMS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    for _ in range(3):
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: close" not in head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
    writer.close()
    assert len(oms.received) == 3
    assert oms.connections <= 2  # the first read does not wait for the connection that is made ahead of it


async def test_expect_continue_is_answered(proxy: RunningProxy) -> None:
    """A client that asks first is told to go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(
        f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: 18\r\n\r\n".encode()
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b'{"customerId":"C"}')
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_http_1_0_is_answered_and_closed(proxy: RunningProxy) -> None:
    """An old client gets its answer and the end of the connection."""
    answer = await proxy.raw(f"GET {GET_PATH} HTTP/1.0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in answer


async def test_slow_heads_are_cut_off(proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that drips in does not hold a connection for ever."""
    monkeypatch.setattr(request_reader, "HEAD_TIMEOUT", 0.2)
    assert await proxy.raw(GET[:20]) == b""


async def test_slow_bodies_are_cut_off(
    proxy: RunningProxy, oms: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that drips in gets its 408."""
    monkeypatch.setattr(request, "BODY_TIMEOUT", 0.2)
    raw = f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    answer = await proxy.raw(raw.encode() + b'{"custo')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request-timeout"
    assert oms.received == []


async def refuses(port: int) -> bool:
    """Say whether new connections are refused."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return True
    writer.close()
    return False


async def test_drain_ends_what_is_in_flight(oms: RawServer, tmp_path: Path) -> None:
    """A drain refuses new connections, lets running requests end, and those that come, and closes idle ones."""
    release = asyncio.Event()
    write_keys(tmp_path / "credentials", BASIC)
    config = proxy_config(oms.url)
    tls = TlsFiles(config.upstream.tls, tmp_path)
    store = FileStore(tmp_path / "credentials")
    proxy = Proxy(config, validate_config(config), Given(store, tls, tmp_path))
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port = sockets[0].getsockname()[1]
    await proxy.start(*sockets)
    idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
    oms.play = answering(ORDER_ANSWER)
    idle_writer.write(GET)  # the first one goes alone
    assert (await idle.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
    oms.play = held_until(release, answering(ORDER_ANSWER))
    late, late_writer = await asyncio.open_connection("127.0.0.1", port)
    busy, busy_writer = await asyncio.open_connection("127.0.0.1", port)
    busy_writer.write(GET)
    await oms.reached(1)
    draining = asyncio.create_task(proxy.drain(idle_grace=2.0))
    await eventually(lambda: refuses(port))
    late_writer.write(GET)
    await oms.reached(2)
    release.set()
    for reader in (busy, late):
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Connection: close" in answer
    assert b"HTTP/1.1" not in await idle.read()  # only the end of that answer
    await draining
    for writer in (idle_writer, late_writer, busy_writer):
        writer.close()


async def test_drain_is_bounded(oms: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not end in time is cut off."""
    monkeypatch.setattr("tenantproxy.lifecycle.DRAIN_TIMEOUT", 0.2)

    oms.play = held_until(asyncio.Event())
    async with running_proxy(proxy_config(oms.url, timeoutSeconds=20), tmp_path, BASIC) as proxy:
        reading = asyncio.create_task(proxy.raw(GET))
        await oms.reached(1)
    assert await reading == b""
