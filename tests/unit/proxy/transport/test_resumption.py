"""TLS sessions that new connections resume, with OpenSSL's own server: when they do, and when they must not."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.certificates import HERE, Authority
from support.proxy.forward_proxy import ForwardProxyServer
from support.proxy.http_clients import client, get
from support.proxy.oms import answering, http
from support.proxy.tls_server import TlsServer, closing
from support.waiting import eventually
from tenantproxy.config import Tls
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.transport import resumption, tls
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.egress import GuardedResolver, Policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.no_proxy import NoProxy
from tenantproxy.transport.tls import TlsFiles

OK = http(200, b"ok")
OWN = Authority("the OMS's own CA")
PAIR = OWN.issue(*HERE)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TlsFiles:
    """Return the files of a tenant with an own CA and a client certificate; changes are seen at once."""
    monkeypatch.setattr(tls, "CHECK_SECONDS", 0.0)
    write_keys(tmp_path / "ca", {"ca.crt": OWN.pem})
    write_keys(tmp_path / "client", OWN.issue("client").tls_keys)
    return TlsFiles(Tls(ca=True, client_certificate=True), tmp_path)


@contextlib.asynccontextmanager
async def closing_server(*, client_ca: str | None = None) -> AsyncIterator[TlsServer]:
    """Run a server with which each request takes a connection of its own."""
    async with TlsServer(closing(OK), PAIR, client_ca=client_ca) as server:
        yield server


def resumed(server: TlsServer) -> tuple[int, int]:
    """Return how many connections there were, and how many of them resumed a session."""
    return server.connections, server.context.session_stats()["hits"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("client_ca", [None, OWN.pem], ids=["", "client certificate"])
async def test_all_connections_but_the_first(
    files: TlsFiles, version: ssl.TLSVersion, client_ca: str | None
) -> None:
    """With either version, with a client certificate or without."""
    async with closing_server(client_ca=client_ca) as server:
        server.context.maximum_version = version
        async with client(server.url, tls=files) as running:
            assert [await get(running) for _ in range(4)] == [b"ok"] * 4
        assert resumed(server) == (4, 3)


@pytest.mark.parametrize("kind", ["ca", "client"])
async def test_not_after_a_rotation(files: TlsFiles, tmp_path: Path, kind: str) -> None:
    """Another CA, or another certificate of ours, begins anew."""
    changed = {"ca": {"ca.crt": OWN.pem * 2}, "client": OWN.issue("client").tls_keys}
    async with closing_server(client_ca=OWN.pem) as server, client(server.url, tls=files) as running:
        await get(running)
        write_keys(tmp_path / kind, changed[kind])
        assert [await get(running) for _ in range(2)] == [b"ok"] * 2
        assert resumed(server) == (3, 1)


async def test_not_with_another_host(files: TlsFiles) -> None:
    """A session was verified for one name."""
    async with closing_server() as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")) * 2:
            async with client(url, tls=files) as running:
                await get(running)
        assert resumed(server) == (4, 2)


async def test_few_hosts(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant's admin who sets one token endpoint after the other leaves little behind."""
    monkeypatch.setattr(resumption, "_MAX_HOSTS", 1)
    async with closing_server() as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")) * 2:
            async with client(url, tls=files) as running:
                await get(running)
        assert resumed(server) == (4, 0)


async def test_not_for_long(files: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every now and then the server has to show its certificate; a resumed session makes that no later."""
    async with closing_server() as server, client(server.url, tls=files) as running:
        await get(running)
        context = files.oms.current()
        first = context._sessions["127.0.0.1"]
        await get(running)
        assert (resumed(server), context._sessions["127.0.0.1"]) == ((2, 1), first)
        monkeypatch.setattr(resumption, "SESSION_SECONDS", -1.0)
        await get(running)
        assert resumed(server) == (3, 1)
        assert context._sessions["127.0.0.1"].verified_at > first.verified_at


async def test_a_certificate_that_is_trusted_no_more(files: TlsFiles) -> None:
    """Where the server does not know the session, its certificate is checked as ever."""
    async with closing_server() as server, client(server.url, tls=files) as running:
        await get(running)
        port = server.port
        async with TlsServer(closing(OK), Authority("another CA").issue(*HERE)) as other:
            running._dialer._port = other.port
            with pytest.raises(UpstreamError, match="tls"):
                await get(running)
            assert other.received == []
        running._dialer._port = port
        assert await get(running) == b"ok"


async def test_a_server_that_breaks_off_where_a_session_is_resumed(files: TlsFiles) -> None:
    """The connection is made once more without; one that fails without a session fails."""
    refusals = 0
    ended = 0

    async def front(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refusals, ended
        if refusals > 0:
            refusals -= 1
            writer.transport.abort()
            return
        answers, requests = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pass_on(reader, requests), pass_on(answers, writer))
        ended += 1

    async with closing_server() as server, await asyncio.start_server(front, "127.0.0.1", 0) as fronting:
        url = f"https://127.0.0.1:{fronting.sockets[0].getsockname()[1]}"
        async with client(url, tls=files) as running:
            refusals = 1
            with pytest.raises(UpstreamError):
                await get(running)
            assert await get(running) == b"ok"
            refusals = 1
            assert await get(running) == b"ok"
            assert (refusals, resumed(server)) == (0, (2, 0))
            assert await get(running) == b"ok"
            assert resumed(server) == (3, 1)
        await eventually(lambda: ended == server.connections)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_through_a_tunnel(files: TlsFiles) -> None:
    """TLS is with the server itself, whatever is on the way."""
    async with TlsServer(closing(OK), OWN.issue("oms.example")) as server, ForwardProxyServer() as forward_proxy:
        way_out = ForwardProxy(
            forward_proxy.url,
            no_proxy=NoProxy(()),
            resolver=GuardedResolver(Policy(allow_private_networks=True)),
            tls=files.forward_proxy,
        )
        url = f"https://oms.example:{server.port}"
        async with client(url, tls=files, policy=Policy(), forward_proxy=way_out) as running:
            assert [await get(running) for _ in range(3)] == [b"ok"] * 3
        assert (resumed(server), len(forward_proxy.received)) == ((3, 2), 3)


async def test_nothing_is_remembered_of_a_connection_without_an_answer(files: TlsFiles) -> None:
    """With TLS 1.3 a server refuses a client certificate when the handshake is over for the client."""
    async with TlsServer(answering(OK), PAIR, client_ca=Authority("another CA").pem) as server:
        async with client(server.url, tls=files) as running:
            with pytest.raises(UpstreamError):
                await get(running)
        assert files.oms.current()._sessions == {}
