"""The way through a forward proxy, over real sockets: tunnels, their refusals, and what never comes through."""

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.certificates import HERE, Authority, Pair
from support.proxy.forward_proxy import ESTABLISHED, ForwardProxyServer, Reply, endless, nothing, saying
from support.proxy.http_clients import client, get
from support.proxy.oms import RawServer, answering, http
from support.proxy.tls_server import Peers, TlsServer
from support.waiting import PATIENCE
from tenantproxy.config import Tls
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.transport import dialer
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.egress import GuardedResolver, Policy
from tenantproxy.transport.forward_proxy import MAX_CONNECT_HEAD_BYTES, ForwardProxy
from tenantproxy.transport.no_proxy import NoProxy
from tenantproxy.transport.tls import TlsFiles

CA = Authority("the OMS's own CA")
OMS = CA.issue("oms.example")
CLIENT = CA.issue("client")
OK = http(200, b"ok")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no busy machine be taken for a forward proxy that does not answer."""
    monkeypatch.setattr(dialer, "CONNECT_TIMEOUT", PATIENCE)


@pytest.fixture(name="tls")
def files(tmp_path: Path) -> TlsFiles:
    write_keys(tmp_path / "tls" / "ca", {"ca.crt": CA.pem})
    write_keys(tmp_path / "tls" / "client", CLIENT.tls_keys)
    return TlsFiles(Tls(ca=True, client_certificate=True), tmp_path / "tls")


@contextlib.asynccontextmanager
async def behind(
    server: ForwardProxyServer | str,
    oms: RawServer,
    tls: TlsFiles,
    *,
    no_proxy: tuple[str, ...] = (),
    credentials: Path | None = None,
    policy: Policy | None = None,
    way: Policy | None = None,
    host: str = "oms.example",
) -> AsyncIterator[HttpClient]:
    """Run a client for an OMS that only a forward proxy can resolve."""
    way_out = ForwardProxy(
        server if isinstance(server, str) else server.url,
        no_proxy=NoProxy(no_proxy),
        resolver=GuardedResolver(way or Policy(allow_private_networks=True)),
        tls=tls.forward_proxy,
        credentials=credentials,
    )
    scheme = "https" if isinstance(oms, TlsServer) else "http"
    url = f"{scheme}://{host}:{oms.port}"
    async with client(url, tls=tls, policy=policy or Policy(), forward_proxy=way_out) as running:
        yield running


async def reason(running: HttpClient) -> str:
    with pytest.raises(UpstreamError) as caught:
        await get(running)
    return caught.value.reason


@pytest.mark.parametrize("pair", [None, CA.issue(*HERE)], ids=["http", "https"])
async def test_a_tunnel(tls: TlsFiles, pair: Pair | None) -> None:
    """TLS is with the OMS itself, client certificate included, and the tunnel serves the next request, too."""
    peers = Peers(answering(OK))
    async with TlsServer(peers, OMS, client_ca=CA.pem) as oms, ForwardProxyServer(pair=pair) as server:
        if server.context is not None:  # ask for a certificate
            server.context.verify_mode = ssl.CERT_OPTIONAL
            server.context.load_verify_locations(cadata=CA.pem)
        async with behind(server, oms, tls) as running:
            assert [await get(running, f"/{number}") for number in range(3)] == [b"ok"] * 3
        assert server.targets == [f"CONNECT oms.example:{oms.port}"]
        assert server.received[0].headers == {"host": f"oms.example:{oms.port}"}
        assert [request.target for request in oms.received] == ["/0", "/1", "/2"]
        assert oms.received[0].headers["host"] == f"oms.example:{oms.port}"
        assert oms.connections == 1
        assert peers.serials == [CLIENT.serial] * 3
        assert not any(server.client_certificates)  # ours is for the OMS alone


async def test_plain_http(tls: TlsFiles, oms: RawServer, tmp_path: Path) -> None:
    """Without TLS the forward proxy gets the request itself, in absolute form, and its credential with each."""
    oms.play = answering(OK)
    write_keys(tmp_path / "fp", {"username": "user", "password": "pä:ss"})
    async with ForwardProxyServer(credential="user:pä:ss") as server:
        async with behind(server, oms, tls, credentials=tmp_path / "fp") as running:
            assert [await get(running, "/x?y=z") for _ in range(2)] == [b"ok"] * 2
        assert server.targets == [f"GET http://oms.example:{oms.port}/x?y=z"] * 2
        assert server.received[0].headers["host"] == f"oms.example:{oms.port}"
        assert [request.target for request in oms.received] == ["/x?y=z"] * 2
        assert "proxy-authorization" not in oms.received[0].headers


async def test_a_credential(tls: TlsFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is for the forward proxy alone, and a changed one counts for the next connection."""
    async with TlsServer(answering(OK), OMS) as oms, ForwardProxyServer(credential="user:right") as server:
        async with behind(server, oms, tls, credentials=tmp_path / "fp") as running:
            assert await reason(running) == "forward-proxy-auth"  # there is none
            write_keys(tmp_path / "fp", {"username": "user", "password": "M4RKED"})
            assert await reason(running) == "forward-proxy-auth"
            write_keys(tmp_path / "fp", {"username": "user", "password": "right"})
            assert await get(running) == b"ok"
        assert ["proxy-authorization" in request.headers for request in server.received] == [False, True, True]
        assert all("proxy-authorization" not in request.headers for request in oms.received)
        assert oms.connections == 1
    assert "M4RKED" not in caplog.text
    assert "the forward proxy's credential can't be read: No such file or directory" in caplog.text


async def test_a_credential_that_plain_http_needs(tls: TlsFiles, oms: RawServer) -> None:
    """A 407 is the forward proxy's, and no response of the OMS."""
    async with ForwardProxyServer(credential="user:right") as server, behind(server, oms, tls) as running:
        assert await reason(running) == "forward-proxy-auth"
    assert oms.received == []


async def test_what_is_beside_it(tls: TlsFiles, oms: RawServer) -> None:
    """A destination in `noProxy`, and any on loopback, is called directly."""
    oms.play = answering(OK)
    async with ForwardProxyServer() as server:
        async with client(f"http://127.0.0.1:{oms.port}", tls=tls) as running:
            assert await get(running) == b"ok"
        local = Policy(allow_private_networks=True)
        async with behind(server, oms, tls, policy=local, host="127.0.0.1") as running:
            assert await get(running) == b"ok"
        async with behind(server, oms, tls, no_proxy=("example",)) as running:
            assert await reason(running) == "dns"  # we resolve it ourselves, and it does not exist
        assert server.connections == 0


REFUSALS: dict[str, tuple[Reply, str]] = {
    "denied": (saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), "forward-proxy-denied"),
    "redirect": (saying(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\n\r\n"), "forward-proxy-denied"),
    "interim": (saying(b"HTTP/1.1 100 Continue\r\n\r\n"), "forward-proxy-denied"),
    "not reached": (saying(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), "forward-proxy-gateway"),
    "unauthenticated": (saying(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n"), "forward-proxy-auth"),
    "unauthorized": (saying(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), "forward-proxy-auth"),
    "nothing": (nothing, "forward-proxy-timeout"),
    "half a head": (saying(ESTABLISHED[:-2], pause=PATIENCE), "forward-proxy-timeout"),
    "closed": (saying(), "forward-proxy-invalid"),
    "closed in the head": (saying(ESTABLISHED[:-2]), "forward-proxy-invalid"),
    "no HTTP": (saying(b"SSH-2.0-x\r\n\r\n"), "forward-proxy-invalid"),
    "HTTP/2": (saying(b"HTTP/2 200\r\n\r\n"), "forward-proxy-invalid"),
    "a status of four digits": (saying(b"HTTP/1.1 2000 OK\r\n\r\n"), "forward-proxy-invalid"),
    "a head that never ends": (endless, "forward-proxy-invalid"),
    "a head that is too large": (
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_CONNECT_HEAD_BYTES + b"\r\n\r\n"),
        "forward-proxy-invalid",
    ),
    "a response behind the head": (saying(ESTABLISHED + http(200, b"SMUGGLED")), "forward-proxy-invalid"),
    "one a little later": (saying(ESTABLISHED, http(200, b"SMUGGLED"), pause=0.01), "tls"),
    "closed behind the head": (saying(ESTABLISHED), "connect"),
}


@pytest.mark.parametrize(("reply", "expected"), REFUSALS.values(), ids=REFUSALS)
async def test_no_tunnel(tls: TlsFiles, reply: Reply, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its reason, within seconds; the OMS is sent nothing, and nothing is taken for its response."""
    async with TlsServer(answering(OK), OMS) as oms, ForwardProxyServer() as server:
        server.reply = reply
        async with behind(server, oms, tls) as running:
            if expected == "forward-proxy-timeout":
                monkeypatch.setattr(dialer, "CONNECT_TIMEOUT", 0.5)
            assert await reason(running) == expected
            monkeypatch.setattr(dialer, "CONNECT_TIMEOUT", PATIENCE)
            server.reply = None
            assert await get(running) == b"ok"
        assert len(oms.received) == 1


async def test_another_server_behind_it(tls: TlsFiles) -> None:
    """A forward proxy that connects to somebody else can't prove to be the OMS, and gets no request."""
    async with TlsServer(answering(OK), CA.issue("other.example")) as other, ForwardProxyServer() as server:
        async with behind(server, other, tls) as running:
            assert await reason(running) == "tls"
        assert other.received == []


async def test_a_407_of_the_oms(tls: TlsFiles) -> None:
    """What comes through the tunnel is the OMS's own response, whatever its status."""
    async with (
        TlsServer(answering(http(407)), OMS) as oms,
        ForwardProxyServer() as server,
        behind(server, oms, tls) as running,
    ):
        assert (await running.request("GET", "/x", {})).status == 407


async def test_it_can_not_be_reached(tls: TlsFiles) -> None:
    """Nor may it be where nothing may be; the reason is never one of the OMS's."""
    async with TlsServer(answering(OK), OMS) as oms:
        for url in ("http://127.0.0.1:1", "http://no-such-name.invalid:3128", "http://169.254.169.254:3128"):
            async with behind(url, oms, tls) as running:
                assert await reason(running) == "forward-proxy-connect"
        async with ForwardProxyServer(pair=Authority("unknown").issue(*HERE)) as server:
            async with behind(server, oms, tls) as running:
                assert await reason(running) == "forward-proxy-connect"
            assert server.received == []
        async with (
            ForwardProxyServer() as server,
            behind(server, oms, tls, way=Policy(deny=["127.0.0.0/8"])) as running,
        ):
            assert await reason(running) == "forward-proxy-connect"


@pytest.mark.parametrize(
    ("host", "policy"),
    [
        ("10.0.0.1", Policy()),
        ("169.254.169.254", Policy(allow_private_networks=True)),
        ("metadata.google.internal", Policy()),
        ("2130706433", Policy()),
        ("idp.example", Policy(trust_names=False)),
        ("10.1.0.1", Policy(trust_names=False)),
    ],
)
async def test_what_it_is_not_asked_for(
    tls: TlsFiles, host: str, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """The guard refuses what can be told by the host alone, before anybody is connected to."""
    caplog.set_level(logging.DEBUG)
    async with TlsServer(answering(OK), OMS) as oms, ForwardProxyServer() as server:
        async with behind(server, oms, tls, policy=policy, host=host) as running:
            assert await reason(running) == "egress"
        assert server.connections == 0


async def test_names_that_are_listed(tls: TlsFiles) -> None:
    """A name whose meaning only the forward proxy knows needs somebody's word for it: HOST, or HOST:PORT."""
    async with TlsServer(answering(OK), OMS) as oms, ForwardProxyServer() as server:
        for listed in ("oms.example", f"OMS.example:{oms.port}"):
            policy = Policy(trust_names=False, private_hosts=[listed])
            async with behind(server, oms, tls, policy=policy) as running:
                assert await get(running) == b"ok"
        policy = Policy(trust_names=False, private_hosts=["oms.example:1"])
        async with behind(server, oms, tls, policy=policy) as running:
            assert await reason(running) == "egress"
