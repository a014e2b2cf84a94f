"""A connection to the OMS ahead of reads: when there is one, and what it is not."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from support.certificates import HERE, Authority
from support.proxy.http_clients import client, get
from support.proxy.oms import ORDER_ANSWER, RawServer, answering, http
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.proxy.tls_server import TlsServer
from support.waiting import eventually
from tenantproxy.config import Tls
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.oms import warm_up
from tenantproxy.transport import tls
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.tls import TlsFiles


@contextlib.asynccontextmanager
async def kept_warm(running: HttpClient, may_connect: Callable[[], bool]) -> AsyncIterator[None]:
    """Do so until the block ends."""
    task = asyncio.create_task(warm_up.keep_warm(running, may_connect))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Looks:
    """What may be done, and how often that was asked."""

    def __init__(self) -> None:
        self.allowed = True
        self.count = 0

    def __call__(self) -> bool:
        self.count += 1
        return self.allowed

    async def more(self, count: int = 3) -> None:
        before = self.count
        await eventually(lambda: self.count >= before + count)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr(warm_up, "LOOK_SECONDS", 0.005)
    return Looks()


async def test_at_start(oms: RawServer, tmp_path: Path) -> None:
    """It is no call, and no login; the first read has it."""
    oms.play = answering(ORDER_ANSWER)
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        await eventually(lambda: oms.connections == 1)
        assert oms.received == []
        assert (await proxy.get()).status == 200


async def test_once(oms: RawServer, looks: Looks) -> None:
    """Where the OMS closes it, it is not made again: who asks for nothing leaves the OMS alone."""
    async with client(oms.url) as running, kept_warm(running, looks):
        await eventually(lambda: oms.connections == 1)
        running._pool.drop_idle()
        await looks.more()
        assert oms.connections == 1


async def test_not_where_nothing_may_be_asked(oms: RawServer, looks: Looks) -> None:
    """It waits until there is a credential, and the OMS is not held."""
    looks.allowed = False
    async with client(oms.url) as running, kept_warm(running, looks):
        await looks.more()
        assert oms.connections == 0
        looks.allowed = True
        await eventually(lambda: oms.connections == 1)


async def test_after_a_rotation(tmp_path: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was made with other files is closed, and there is another one for the next read."""
    monkeypatch.setattr(tls, "CHECK_SECONDS", 0.0)
    authority = Authority()
    write_keys(tmp_path / "ca", {"ca.crt": authority.pem})
    async with (
        TlsServer(answering(http(200, b"ok")), authority.issue(*HERE)) as oms,
        client(oms.url, tls=TlsFiles(Tls(ca=True), tmp_path)) as running,
        kept_warm(running, looks),
    ):
        await looks.more()  # each ends before the next one begins
        await get(running)
        write_keys(tmp_path / "ca", {"ca.crt": authority.pem * 2})
        await looks.more()
        await eventually(lambda: len(oms.received) == 1 and oms.open == 1 and oms.connections > 1)
        made = oms.connections
        await get(running)
        assert oms.connections == made


async def test_an_oms_that_is_not_there(looks: Looks, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried once, and told to nobody but in debug lines."""
    caplog.set_level(logging.DEBUG, "tenantproxy")
    async with client("http://127.0.0.1:1") as running, kept_warm(running, looks):
        await looks.more()
    assert [(line.levelname, line.message) for line in caplog.records] == [
        ("DEBUG", "no connection to the OMS ahead of reads: connect")
    ]
