"""Whether reads can succeed, told without one."""

import asyncio
import socket
from pathlib import Path
from typing import Final

import pytest

from support.certificates import Authority
from support.operator.local import tenant_proxy
from support.proxy.oms import answering, documented, http, raw_server
from support.proxy.tls_server import TlsServer
from tenantproxy import config
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.local.reads import why_reads_fail
from tenantproxy_operator.local.state import TenantState
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

NOWHERE: Final = "http://127.0.0.1:1"
"""An admin port at which no proxy is."""
FETCHED: Final = b"tenantproxy_token_fetch_total"


def _config(url: str, **upstream: object) -> bytes:
    resource = TenantProxy.model_validate(tenant_proxy(url=url, upstream=upstream))
    return config.encode(render_config(resource, Settings()))


@pytest.fixture
def state(tmp_path: Path) -> TenantState:
    """Give a state with a credential."""
    state = TenantState(tmp_path, "tenants", "acme")
    state.seed({"username": "u", "password": "M4RKED"})
    return state


async def test_nothing_is_missing(state: TenantState) -> None:
    """The OMS's port is connected to, and nothing is sent there."""
    with socket.create_server(("127.0.0.1", 0)) as oms:
        assert (
            await why_reads_fail(_config(f"http://127.0.0.1:{oms.getsockname()[1]}/api"), state, NOWHERE) is None
        )
        connection, _ = oms.accept()
        assert connection.recv(100) == b""
        connection.close()


async def test_no_credential(tmp_path: Path) -> None:
    """The OMS is not even tried."""
    obstacle = await why_reads_fail(
        _config("http://127.0.0.1:9"), TenantState(tmp_path, "tenants", "acme"), NOWHERE
    )
    assert obstacle == (
        "credentials-not-configured",
        "no credential is set; add the Secret's manifest, or PUT /api/v1/proxy-config",
    )


@pytest.mark.parametrize(
    ("url", "upstream", "words"),
    [
        ("http://127.0.0.1:1/api", {}, "the OMS at 127.0.0.1:1 can't be reached (connect): nothing listens there"),
        ("http://127.0.0.1:1/api", {"allowPrivateNetworks": False}, "(egress): its address is private"),
        (
            "https://no-such-host.invalid",
            {},
            "the OMS at no-such-host.invalid:443 can't be reached (dns): its name",
        ),
    ],
)
async def test_oms_that_can_not_be_reached(
    state: TenantState, url: str, upstream: dict[str, object], words: str
) -> None:
    """The place, the reason as in metrics, and what to do."""
    obstacle = await why_reads_fail(_config(url, **upstream), state, NOWHERE)
    assert obstacle is not None
    assert words in obstacle.says
    assert f"({obstacle.reason})" in words


async def _speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a handshake as web servers do."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def test_oms_without_the_tls_that_its_url_promises(state: TenantState) -> None:
    """It speaks plain HTTP, or its certificate is not trusted; one that is trusted is no obstacle."""
    authority = Authority()
    plain = await asyncio.start_server(_speak_plainly, "127.0.0.1", 0)
    port = plain.sockets[0].getsockname()[1]
    async with plain, TlsServer(documented, authority.issue("127.0.0.1")) as oms:
        for url in (f"https://127.0.0.1:{port}", oms.url):
            obstacle = await why_reads_fail(_config(url), state, NOWHERE)
            assert obstacle is not None
            assert obstacle.reason == "tls"
            assert "(tls): it speaks no TLS, or its certificate is not trusted" in obstacle.says
        state.write_tls({"ca": {"ca.crt": authority.pem}})
        trusted = _config(oms.url, tls={"caSecretRef": {"name": "acme-ca"}})
        assert await why_reads_fail(trusted, state, NOWHERE) is None
        assert oms.received == []


async def test_forward_proxy(state: TenantState) -> None:
    """Behind one, only a request would tell."""
    upstream = {"forwardProxy": {"url": "http://127.0.0.1:1"}}
    assert await why_reads_fail(_config("https://no-such-host.invalid", **upstream), state, NOWHERE) is None


@pytest.mark.parametrize(
    ("metrics", "reason", "words"),
    [
        (FETCHED + b'{outcome="connect",tenant="acme"} 1.0\n', "token-unavailable", "(connect)"),
        (
            FETCHED + b'{outcome="status-404",tenant="acme"} 2.0\ntenantproxy_credentials_accepted{} 0.0\n',
            "token-unavailable",
            "(status-404)",
        ),
        (
            b'tenantproxy_credentials_accepted{tenant="acme"} 0.0\n',
            "upstream-rejected-credentials",
            "set the right",
        ),
    ],
)
async def test_what_the_proxy_has_found_out(state: TenantState, metrics: bytes, reason: str, words: str) -> None:
    """A tenant is not ready with a credential that was rejected, or gets no token; nobody tries it for that."""
    async with raw_server(answering(http(200))) as oms, raw_server(answering(http(200, metrics))) as admin:
        obstacle = await why_reads_fail(_config(oms.url), state, admin.url)
    assert obstacle is not None
    assert obstacle.reason == reason
    assert words in obstacle.says


@pytest.mark.parametrize(
    "metrics",
    [
        b"",
        b"no metrics",
        b'tenantproxy_credentials_accepted{tenant="acme"} 1.0\n',
        FETCHED
        + b'{outcome="timeout",tenant="acme"} 1.0\n'
        + FETCHED
        + b'{outcome="success",tenant="acme"} 1.0\n',
    ],
)
async def test_a_proxy_that_knows_of_nothing(state: TenantState, metrics: bytes) -> None:
    """A token that came at last is one."""
    async with raw_server(answering(http(200))) as oms, raw_server(answering(http(200, metrics))) as admin:
        assert await why_reads_fail(_config(oms.url), state, admin.url) is None
