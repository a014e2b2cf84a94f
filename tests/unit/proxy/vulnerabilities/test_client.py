"""The corpus against the proxy as a client: whatever an OMS answers, each read gets its own order or a problem."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple, cast

import pytest
import pytest_asyncio

from support.proxy.running import BASIC, RunningProxy, proxy_config, running_proxy
from support.waiting import PATIENCE
from tenantproxy.config import Tls
from tenantproxy.transport import connection_pool, dialer
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.tls import TlsFiles
from unit.proxy.vulnerabilities import answer_chunks, answer_framing, answer_heads, answer_sequence
from unit.proxy.vulnerabilities.answers import ASKED, EXTRA, NEXT, order, whole
from unit.proxy.vulnerabilities.case import UNIT, Case

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = (*answer_framing.CASES, *answer_chunks.CASES, *answer_heads.CASES, *answer_sequence.CASES)


class Oms(asyncio.Protocol):
    """One connection of an OMS that answers one read as a case says, and all others as they should be."""

    attack: Case | None = None
    bytewise = False
    last: "Oms"
    """The connection that got the last request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""
        self._attacking: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" not in self._received:
            return
        Oms.last = self
        name = self._received.split(b" ", 2)[1].rpartition(b"/")[2].decode()
        self._received = b""
        if Oms.attack is not None and name == ASKED:
            self._attacking = asyncio.create_task(self._attack(Oms.attack))
        else:
            self._transport.write(whole(order(name)))

    def say(self, data: bytes) -> None:
        """Send what nobody asked for, at once."""
        self._transport.write(data)

    async def _attack(self, case: Case) -> None:
        for piece in _pieces(case.data) if Oms.bytewise else [case.data]:
            if self._transport.is_closing():
                return
            self._transport.write(piece)
            await asyncio.sleep(0)
        if case.closes:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.closed.set()


def _pieces(data: bytes) -> list[bytes]:
    """Return bytes one by one; of long ones only the first, and then the rest in pieces."""
    single = 2000
    rest = [data[at : at + 1000] for at in range(single, len(data), 1000)]
    return [data[at : at + 1] for at in range(min(single, len(data)))] + rest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy() -> AsyncIterator[RunningProxy]:
    # Each case is to show what becomes of its own connection, not that none is used again for a minute after it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection_pool, "NO_REUSE_SECONDS", 0.0)
        patch.setattr(dialer, "CONNECT_TIMEOUT", PATIENCE)
        async with _proxy() as running:
            yield running


@contextlib.asynccontextmanager
async def _proxy() -> AsyncIterator[RunningProxy]:
    server = await asyncio.get_running_loop().create_server(Oms, "127.0.0.1", 0)
    config = proxy_config(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", retries=0, timeoutSeconds=PATIENCE
    )
    with tempfile.TemporaryDirectory() as directory:
        async with server, running_proxy(config, Path(directory), BASIC) as running:
            yield running


class Got(NamedTuple):
    """What a read got: an order's id, or a problem's code."""

    what: str
    body: str


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_read_gets_its_own_answer(proxy: RunningProxy, case: Case, pieces: str) -> None:
    """The attacked read gets its order or a problem; a connection that holds more than that is not used again."""
    Oms.attack, Oms.bytewise = case, pieces == "bytes"
    outcome, connection = case.outcome
    attacked = await _read(proxy, ASKED)
    assert attacked.what == (ASKED if outcome == 200 else outcome)
    assert "MARKED" not in attacked.body
    Oms.attack = None
    first = Oms.last
    if connection == "closed":
        async with asyncio.timeout(PATIENCE):
            await first.closed.wait()
    for _ in range(2):
        got = await _read(proxy, NEXT)
        assert got.what == NEXT
        assert "MARKED" not in got.body
    if connection != "either":
        assert (Oms.last is first) == (connection == "kept")


async def test_what_lies_in_the_socket_is_nobodys_answer() -> None:
    """CVE-2026-48931: an unasked answer that has arrived, but was not read, when the connection is used again."""
    Oms.attack = None
    server = await asyncio.get_running_loop().create_server(Oms, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client(f"http://127.0.0.1:{port}") as running:
        assert (await running.request("GET", f"/{ASKED}", {})).body == order(ASKED)
        Oms.last.say(EXTRA)
        assert (await running.request("GET", f"/{NEXT}", {})).body == order(NEXT)


async def test_what_is_said_before_tls_is_no_answer() -> None:
    """CVE-2026-1642 of nginx: who is in between sends an answer before the handshake, and in the clear."""

    class Hasty(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            cast("asyncio.Transport", transport).write(whole(order(ASKED, "MARKED")))

    server = await asyncio.get_running_loop().create_server(Hasty, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client(f"https://127.0.0.1:{port}") as running:
        with pytest.raises(UpstreamError, match="tls"):
            await running.request("GET", f"/{ASKED}", {})


@contextlib.asynccontextmanager
async def client(url: str) -> AsyncIterator[HttpClient]:
    """Make what the proxy asks its OMS with."""
    tls = TlsFiles(Tls(), Path("/none")).oms
    policy = Policy(allow_private_networks=True)
    running = HttpClient(url, max_connections=1, max_response_bytes=10_000, policy=policy, tls=tls)
    try:
        yield running
    finally:
        await running.close()


async def _read(proxy: RunningProxy, name: str) -> Got:
    answer = await proxy.get(f"{UNIT.decode()}/customer-orders/{name}")
    document = json.loads(answer.body)
    if answer.status == 200:
        return Got(document["customerOrder"]["customerOrderId"], answer.body.decode())
    assert answer.status in (502, 504)
    return Got(document["code"], answer.body.decode())
