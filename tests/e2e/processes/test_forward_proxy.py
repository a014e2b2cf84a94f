"""`tenantproxy serve` behind a forward proxy, which alone knows the names of OMS, token endpoint and issuer."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from support.certificates import HERE, Authority
from support.commands import ServeProcess, serve
from support.operator.local import running_local, secret, tenant_proxy, write
from support.proxy import tokens
from support.proxy.forward_proxy import ForwardProxyServer, nothing, saying
from support.proxy.oms import RawServer, answering, documented, http, token_answer
from support.proxy.running import BASIC, GET_PATH, PUT_PATH
from support.proxy.tls_server import TlsServer
from support.waiting import eventually
from tenantproxy.credentials.stores.files import write_keys

CA = Authority("a CA of the system")
FORWARD_PROXY = {"username": "squid", "password": "M4RKED-PROXY"}


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system trust our CA; what the environment says of forward proxies is of no effect."""
    path = tmp_path / "system.pem"
    path.write_text(CA.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")


class Outside(NamedTuple):
    """What is behind the forward proxy."""

    forward_proxy: ForwardProxyServer
    oms: RawServer
    idp: RawServer


@asynccontextmanager
async def outside(credential: str | None = None, *, tls: bool = False) -> AsyncIterator[Outside]:
    """Run all of it."""
    async with AsyncExitStack() as stack:
        pair = CA.issue(*HERE) if tls else None
        yield Outside(
            await stack.enter_async_context(ForwardProxyServer(credential=credential, pair=pair)),
            await stack.enter_async_context(TlsServer(documented, CA.issue("oms.example"))),
            await stack.enter_async_context(TlsServer(answering(token_answer("T0KEN")), CA.issue("idp.example"))),
        )


def config(around: Outside, *, hosts: tuple[str, ...] = ("idp.example",), **sections: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "tenant": {"id": tokens.TENANT, "name": "acme"},
        "upstream": {
            "url": f"https://oms.example:{around.oms.port}",
            "forwardProxy": {"url": around.forward_proxy.url, "credentials": True},
        },
        "auth": {"tokenEndpoint": {"allowHosts": hosts}},
        "access": {"mode": "trusted"},
        **sections,
    }


def oauth2(around: Outside) -> dict[str, str]:
    url = f"https://idp.example:{around.idp.port}/token"
    return {"clientId": "c", "clientSecret": "s", "authUrl": url}


@asynccontextmanager
async def serving(directory: Path, configuration: dict[str, Any]) -> AsyncIterator[ServeProcess]:
    option = ("--forward-proxy-credentials", str(directory / "forward-proxy"))
    async with serve(directory, configuration, *option) as proxy:
        yield proxy


async def get(proxy: ServeProcess, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(proxy.api + GET_PATH, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def metrics(proxy: ServeProcess) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{proxy.admin}/metrics") as response:
        return await response.text()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_orders_through_a_forward_proxy(tmp_path: Path, *, tls: bool) -> None:
    """Tokens and orders come through it, each over a tunnel of their own, and nothing of it gets anywhere else."""
    write_keys(tmp_path / "forward-proxy", FORWARD_PROXY)
    async with outside(":".join(FORWARD_PROXY.values()), tls=tls) as around:
        write_keys(tmp_path / "credentials", oauth2(around))
        async with serving(tmp_path, config(around)) as proxy:
            for _ in range(3):
                status, body = await get(proxy)
                assert (status, body["customerOrder"]["customerOrderId"]) == (200, "CO-1")
            exposed = await metrics(proxy) + proxy.log + json.dumps(body)
            assert "HTTPS_PROXY" not in exposed
        targets = Counter(around.forward_proxy.targets)
        assert targets.pop(f"CONNECT idp.example:{around.idp.port}") == 1
        # A connection ahead of reads, and the read that did not wait for it.
        assert targets.pop(f"CONNECT oms.example:{around.oms.port}") <= 2
        assert not targets
        sent = json.dumps([request.headers for server in (around.oms, around.idp) for request in server.received])
        assert "proxy-authorization" not in sent
        assert around.oms.received[0].headers["authorization"] == "Bearer T0KEN"
    for marked in ("M4RKED", "MARKED-HEADER", "c3F1aWQ6"):  # the last is `squid:` in base64
        assert marked not in exposed + sent


async def test_keys_of_issuers(tmp_path: Path) -> None:
    """They are fetched through it, too."""
    write_keys(tmp_path / "credentials", BASIC)
    publish = answering(http(200, json.dumps(tokens.jwks()).encode()))
    async with outside() as around, TlsServer(publish, CA.issue("issuer.example")) as issuer:
        keys = {"jwksUri": f"https://issuer.example:{issuer.port}/keys"}
        access = {"mode": "jwt", "issuers": tokens.issuers(**keys)}
        async with serving(tmp_path, config(around, access=access)) as proxy:
            assert (await get(proxy, **tokens.bearer(tokens.machine_token())))[0] == 200
        assert f"CONNECT issuer.example:{issuer.port}" in around.forward_proxy.targets


async def test_what_a_forward_proxy_may_do(tmp_path: Path) -> None:
    """Each failure is told: whose turn it is, by code; what it was, in `detail`, metric and log."""
    write_keys(tmp_path / "credentials", BASIC)
    async with outside("squid:right") as around:
        async with serving(tmp_path, config(around)) as proxy:
            server = around.forward_proxy
            await eventually(lambda: server.connections, lambda number: number == 1)  # tried ahead of reads
            seen = {}
            replies = {
                "forward-proxy-auth": None,
                "forward-proxy-denied": saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
                "forward-proxy-gateway": saying(b"HTTP/1.1 503 Unavailable\r\n\r\n"),
                "forward-proxy-invalid": saying(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nSMUGGLED"),
                "forward-proxy-timeout": nothing,
            }
            for reason, reply in replies.items():
                server.reply = reply
                status, body = await get(proxy)
                assert (status, reason in body["detail"]) == (502, True)
                seen[reason] = body["code"]
            assert seen == {
                "forward-proxy-auth": "forward-proxy-error",
                "forward-proxy-denied": "forward-proxy-error",
                "forward-proxy-gateway": "upstream-unreachable",
                "forward-proxy-invalid": "forward-proxy-error",
                "forward-proxy-timeout": "upstream-unreachable",
            }
            text = await metrics(proxy)
            for reason in replies:
                assert f'tenantproxy_upstream_errors_total{{reason="{reason}",tenant="acme"}} 1.0' in text
            # What a retry may mend is tried once more.
            assert [len(server.received), server.connections] == [8, 8]
            server.reply = None
            write_keys(tmp_path / "forward-proxy", {"username": "squid", "password": "right"})
            assert (await get(proxy))[0] == 200
        assert len(around.oms.received) == 1


async def test_a_tenant_can_not_look_behind_it(tmp_path: Path) -> None:
    """A token endpoint whose name only the forward proxy knows is one that the platform team has named."""
    write_keys(tmp_path / "credentials", BASIC)
    async with outside() as around:
        access = tokens.access(tmp_path, mode="trusted")
        async with serving(tmp_path, config(around, hosts=(), access=access)) as proxy:
            async with (
                aiohttp.ClientSession(headers=tokens.admin()) as session,
                session.put(proxy.api + PUT_PATH, json={"type": "oauth2", "config": oauth2(around)}) as response,
            ):
                assert response.status == 400
                (error,) = (await response.json(content_type=None))["errors"]
                assert error["pointer"] == "/config/authUrl"
                assert "list it in `auth.tokenEndpoint.allowHosts`" in error["detail"]
            write_keys(tmp_path / "credentials", oauth2(around))  # the same in the Secret
            await eventually(lambda: get(proxy), lambda found: found[1].get("code") == "credentials-invalid")
        assert set(around.forward_proxy.targets) <= {f"CONNECT oms.example:{around.oms.port}"}
        assert around.idp.received == []


async def test_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment counts, but a TenantProxy's own forward proxy wins; its Secret is followed."""
    monkeypatch.setenv("NO_PROXY", "idp.example")
    async with outside("squid:right") as own, outside() as everybodys:
        monkeypatch.setenv("HTTPS_PROXY", everybodys.forward_proxy.url)
        upstream = {"allowInsecure": False, "allowPrivateNetworks": False}
        url = f"https://oms.example:{own.oms.port}"
        forward_proxy = {"url": own.forward_proxy.url, "secretRef": {"name": "squid"}}
        manifests = [
            tenant_proxy("acme", url=url, upstream={**upstream, "forwardProxy": forward_proxy}),
            secret("acme"),
            tenant_proxy("bravo", url=url, upstream=upstream),
            secret("bravo"),
        ]

        def squid(password: str) -> dict[str, Any]:
            named = secret("acme", username="squid", password=password)
            return {**named, "metadata": {"name": "squid", "namespace": "tenants"}}

        file = write(tmp_path / "all.yaml", *manifests, squid("M4RKED-WRONG"))
        async with running_local(file, state=tmp_path / "run" / "state") as local:
            api = {(event := await local.event("ready"))["tenant"]: event["api"] for _ in range(2)}

            async def read(tenant: str) -> tuple[int, Any]:
                async with aiohttp.ClientSession() as session, session.get(api[tenant] + GET_PATH) as response:
                    return response.status, await response.json(content_type=None)

            assert (await read("bravo"))[0] == 200
            # A connection ahead of reads, and the read that did not wait for it.
            assert 1 <= len(everybodys.forward_proxy.targets) <= 2
            assert set(everybodys.forward_proxy.targets) == {f"CONNECT oms.example:{own.oms.port}"}
            assert (await read("acme"))[1]["code"] == "forward-proxy-error"
            write(file, *manifests, squid("right"))
            await eventually(lambda: read("acme"), lambda found: found[0] == 200, pause=0.1)
            assert len(own.forward_proxy.targets) > 1
            assert len(everybodys.forward_proxy.targets) <= 2
        assert "M4RKED" not in (tmp_path / "run" / "log").read_text() + str(local.events)
