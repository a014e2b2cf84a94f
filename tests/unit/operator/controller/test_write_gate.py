"""No write leaves a process that may not write, and those that nobody answered are known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.proxy.oms import Play, RawServer, answering, held_until, http, raw_server
from support.waiting import PATIENCE
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import StatusError, UnreachableError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.controller.write_gate import NotLeadingError, WriteGate

PATH = "/apis/x/v1/namespaces/a/things/b"


class Leader:
    """Whose time is told."""

    def __init__(self) -> None:
        self.left = 60.0
        self.asked: list[str] = []
        self.now = 0.0
        self.gate = WriteGate(self.time_left, lambda: self.now)

    def time_left(self, namespace: str) -> float:
        self.asked.append(namespace)
        return self.left

    @asynccontextmanager
    async def client(self, play: Play) -> AsyncIterator[tuple[KubeClient, RawServer]]:
        async with raw_server(play) as server:
            client = KubeClient(KubeAccess(url=server.url), write_guard=self.gate.guard)
            try:
                yield client, server
            finally:
                await client.close()


async def test_a_leader_writes() -> None:
    """In the namespace of the path; what is answered, by an error too, is no reason to keep the Lease."""
    leader = Leader()
    async with leader.client(answering(http(200, b"{}"), http(409, b"{}"))) as (client, _):
        assert await client.request("PATCH", PATH, body=b"{}") == b"{}"
        with pytest.raises(StatusError):
            await client.request("PATCH", PATH, body=b"{}")
    assert set(leader.asked) == {"a"}
    assert leader.gate.all_answered(within=60)


async def test_others_only_read() -> None:
    """Nothing of a write is sent."""
    leader = Leader()
    leader.left = 0
    async with leader.client(answering(http(200, b"{}"))) as (client, server):
        await client.request("GET", PATH)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(NotLeadingError):
                await client.request(method, PATH, body=b"{}")
        assert [request.method for request in server.received] == ["GET"]
    assert leader.gate.all_answered(within=60)


async def test_last_look() -> None:
    """Time that is over between the first question and the sending, as where the process is stopped, is seen."""
    leader = Leader()
    gate, looks = leader.gate, iter([60.0, 60.0, 0.0])
    leader.gate = WriteGate(lambda _: next(looks), lambda: 0.0)
    async with leader.client(answering(http(200, b"{}"))) as (client, server):
        with pytest.raises(NotLeadingError):
            await client.request("PATCH", PATH, body=b"{}")
        assert server.received == []
    assert gate.all_answered(within=60)


async def test_write_ends_with_the_time() -> None:
    """One that nobody answers is given up by then; for so long the Lease is not to be released."""
    leader = Leader()
    leader.left = 0.2
    never = asyncio.Event()
    async with leader.client(held_until(never)) as (client, _):
        with pytest.raises(UnreachableError):
            await client.request("PATCH", PATH, body=b"{}")
    assert not leader.gate.all_answered(within=15)
    leader.now = 15.1
    assert leader.gate.all_answered(within=15)


async def test_close() -> None:
    """What is under way may end, nothing else begins; what does not end is waited for only so long."""
    leader = Leader()
    answer = asyncio.Event()
    async with leader.client(held_until(answer, answering(http(200, b"{}")))) as (client, server):
        writing = asyncio.create_task(client.request("PATCH", PATH, body=b"{}"))
        await server.reached(1)
        await leader.gate.close(0.05)
        assert not leader.gate.permits("a")
        assert not leader.gate.all_answered(within=15)
        with pytest.raises(NotLeadingError):
            await client.request("PATCH", PATH, body=b"{}")
        closing = asyncio.create_task(leader.gate.close(60))
        answer.set()
        assert await writing == b"{}"
        await closing
    assert leader.gate.all_answered(within=15)


async def test_connection_discards_what_has_not_left() -> None:
    """It is reset at its end: else a write that was given up could leave minutes later."""
    ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(http(200, b"{}"))
        try:
            await reader.read()
            ended.set_result(None)
        except ConnectionError as error:
            ended.set_result(error)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = KubeClient(KubeAccess(url=url), write_guard=Leader().gate.guard)
        await client.request("PATCH", PATH, body=b"{}")
        await client.close()
        assert isinstance(await asyncio.wait_for(ended, PATIENCE), ConnectionResetError)
