"""Each trouble of docs/troubleshooting.md with reads, PUTs and tokens, under `local`: doctor names it."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import yaml

from support import commands
from support.certificates import Authority
from support.operator.local import Local, running_local, secret, tenant_proxy, write
from support.proxy import tokens
from support.proxy.forward_proxy import ForwardProxyServer, nothing, saying
from support.proxy.idp import ON_LOOPBACK, oauth2
from support.proxy.oms import Play, RawServer, answering, documented, held_until, http, raw_server, token_answer
from support.proxy.running import GET_PATH, SEARCH_PATH
from support.proxy.tls_server import TlsServer
from support.waiting import PATIENCE, eventually
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy_operator.doctor.codes import CODES, TOKENS, WAY
from tenantproxy_operator.local.fleet import read_running

BODY: Final = {"type": "basic", "config": {"username": "u", "password": "p"}}
CRITERIA: Final = {"customerId": "C-1"}
JSON: Final = {"Content-Type": "application/json"}
ADMINS: Final = {"emails": [tokens.ADMIN_EMAIL]}
NO_KEYS: Final = "https://no-keys.example/"
ONLY_BY_A_BUG: Final = {"internal-error", "internal"}
"""tests/integration/doctor has those."""
SAID_BY_FINER_ONES: Final = {"token-unavailable"}


async def never(_request: object, _writer: object) -> None:
    await asyncio.Event().wait()


OF_TOKENS: Final[Mapping[str, Play]] = {
    **{
        word: answering(http(400, json.dumps({"error": word}).encode()))
        for word in ("invalid_request", "invalid_scope", "invalid_grant", "unauthorized_client")
    },
    "unsupported_grant_type": answering(http(400, b'{"error": "unsupported_grant_type"}')),
    "status-NNN": answering(http(404)),
    "redirect": answering(http(302, location="https://idp.example/login")),
    "not-json": answering(http(200, b"<html>", content_type="text/html")),
    "no-token": answering(http(200, b"{}")),
    "unusable-token": answering(token_answer("x" * 20_000)),
    "content-encoding": answering(http(200, b"x", content_encoding="br")),
    "too-large": answering(http(200, b" " * 70_000)),
    "timeout": never,
    "invalid_client": answering(http(401, b'{"error": "invalid_client"}')),
}
OF_READS: Final[Mapping[str, Play]] = {
    "upstream-error": answering(http(500)),
    "upstream-timeout": never,
    "upstream-rate-limited": answering(http(429)),
    "upstream-contract": answering(http(200, b'{"customerOrder": {}}')),
    "upstream-forbidden": answering(http(403)),
    "order-not-found": answering(http(404)),
}
OF_FORWARD_PROXIES: Final = {
    "forward-proxy-denied": saying(http(403)),
    "forward-proxy-gateway": saying(http(502)),
    "forward-proxy-timeout": nothing,
    "forward-proxy-invalid": saying(b"SSH-2.0\r\n\r\n"),
}


class Scene:
    """A running `local`, and what its tenants' proxies talk to."""

    def __init__(self, local: Local, state: Path, client: aiohttp.ClientSession) -> None:
        self.local = local
        self.state = state
        self.client = client
        self.apis = {each.name: each.api for each in read_running(state)}

    async def send(self, tenant: str, method: str = "GET", path: str = GET_PATH, **options: Any) -> int:
        """Return the status of an answer."""
        async with self.client.request(method, self.apis[tenant] + path, **options) as response:
            await response.read()
            return response.status

    async def put(self, tenant: str, body: Any = BODY, query: str = "", **claims: str) -> int:
        """PUT as an admin, or as who has other claims."""
        given = {"email": tokens.ADMIN_EMAIL} | claims
        headers = tokens.bearer(tokens.user_token(f"T-{tenant}", **given))
        return await self.send(tenant, "PUT", f"/api/v1/proxy-config{query}", json=body, headers=headers)

    async def raw(self, tenant: str, request: bytes) -> None:
        """Send bytes, and wait for what comes."""
        host, port = self.apis[tenant].removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await reader.read()
        writer.close()

    async def told(self) -> dict[str, set[str]]:
        """Return what doctor names, by the tenant."""
        where = ("--local", "--state-dir", str(self.state), "--json")
        status, out, err = await commands.run("tenantproxy-operator", "doctor", *where, timeout=PATIENCE)
        assert (status, err) == (1, "")
        found: dict[str, set[str]] = {}
        for each in json.loads(out)["findings"]:
            assert "kubectl" not in each["next"]
            found.setdefault(each["subject"].removeprefix("tenants/"), set()).add(each["id"])
        return found


class Servers:
    """What stands behind the proxies."""

    oms: RawServer
    """Of most tenants."""
    reads: RawServer
    """Of the tenant `reads`."""
    idp: RawServer
    forward: ForwardProxyServer


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        servers = Servers()
        for name in ("oms", "reads", "idp"):
            setattr(servers, name, await stack.enter_async_context(raw_server(documented)))
        servers.forward = await stack.enter_async_context(ForwardProxyServer())
        yield servers


@pytest.fixture
async def scene(tmp_path: Path, servers: Servers) -> AsyncIterator[Scene]:
    """Run `local` with a tenant for each group of troubles."""
    known = [*tokens.issuers(jwks=tokens.jwks())]
    known.append(known[0] | {"issuer": NO_KEYS, "jwksUri": "https://127.0.0.1:1/jwks"})
    del known[-1]["jwks"]
    issuers = tmp_path / "issuers.yaml"
    issuers.write_text(yaml.safe_dump(known))
    url, trusted = servers.oms.url, {"mode": "trusted", "admins": ADMINS}
    quick = {"tokenEndpoint": ON_LOOPBACK["tokenEndpoint"] | {"timeout": "1s"}}
    cors = {"allowedOrigins": ["https://a.example"]}
    async with AsyncExitStack() as stack:
        untrusted = await stack.enter_async_context(TlsServer(documented, Authority().issue("127.0.0.1")))
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # more do not fit into its queue
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        manifests = {
            "callers": tenant_proxy("callers", url=url, access={"mode": "jwt", "admins": ADMINS, "cors": cors}),
            "platform": tenant_proxy(
                "platform",
                url=url,
                access=trusted,
                auth={"management": "platform"},
                upstream={"operations": {"searchOrders": {"unsupported": True}}},
            ),
            "reads": tenant_proxy("reads", url=servers.reads.url, upstream={"timeout": "1s"}),
            "busy": tenant_proxy("busy", url=url, upstream={"maxConnections": 1}),
            "tokens": tenant_proxy("tokens", url=url, access=trusted, auth=quick),
            "none": tenant_proxy("none", url=url, access=trusted),
            "half": tenant_proxy("half", url=url),
            "dns": tenant_proxy("dns", url="http://nowhere.invalid"),
            "connect": tenant_proxy("connect", url="http://127.0.0.1:1"),
            "connect-timeout": tenant_proxy("connect-timeout", url=f"http://127.0.0.1:{full.getsockname()[1]}"),
            "tls": tenant_proxy("tls", url=untrusted.url),
            "egress": tenant_proxy(
                "egress", url=f"http://{socket.gethostname()}", upstream={"allowPrivateNetworks": False}
            ),
            "forward": tenant_proxy(
                "forward", url="https://oms.example", upstream={"forwardProxy": {"url": servers.forward.url}}
            ),
        }
        folder = tmp_path / "manifests"
        folder.mkdir()
        secrets = [secret(name) for name in manifests if name not in ("none", "half", "tokens")]
        write(folder / "all.yaml", *manifests.values(), *secrets)
        state = tmp_path / "run" / "state"
        options = ("--issuers", str(issuers))
        local = await stack.enter_async_context(running_local(folder, state=state, options=options))
        for _ in manifests:
            await local.event("ready")
        write_keys(state / "tenants" / "half" / "credentials", {"username": "u"})
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Scene(local, state, client)


async def as_callers(scene: Scene) -> set[str]:
    """Do what a proxy refuses, whoever its OMS is."""
    token = tokens.bearer(tokens.machine_token("T-callers"))
    late = b"Host: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"
    late = f"POST {SEARCH_PATH} HTTP/1.1\r\n".encode() + late % token["Authorization"].encode()
    slow = asyncio.create_task(scene.raw("callers", late))
    await scene.send("callers")
    await scene.send("callers", headers=tokens.bearer(tokens.machine_token("T-other")))
    await scene.send("callers", headers=tokens.bearer(tokens.machine_token("T-callers", iss=NO_KEYS)))
    origin = {"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}
    await scene.send("callers", "OPTIONS", headers=origin)
    await scene.send("callers", "DELETE", headers=token)
    await scene.send("callers", path=GET_PATH.replace("CO-1", "CO%201"), headers=token)
    await scene.send("callers", path=f"{GET_PATH}?{'x' * 9000}", headers=token)
    await scene.send("callers", headers=token | {"X": "x" * 9000})
    await scene.send("callers", "POST", SEARCH_PATH, data=b"{", headers=token | JSON)
    await scene.send("callers", "POST", SEARCH_PATH, data=b" " * 70_000, headers=token | JSON)
    await scene.send("callers", "POST", SEARCH_PATH, data=b"{}", headers=token | {"Content-Type": "text/plain"})
    await scene.raw("callers", b"GET / HTTP/1.1\r\n\r\n")
    await slow
    return {
        *("unauthenticated", "wrong-tenant", "issuer-unavailable", "origin-not-allowed", "method-not-allowed"),
        *("invalid-id", "target-too-long", "headers-too-large", "malformed-json", "payload-too-large"),
        *("unsupported-media-type", "malformed-request", "request-timeout"),
    }


async def as_admins(scene: Scene, oms: RawServer) -> set[str]:
    """Do what is refused to who sets a credential."""
    await scene.put("callers", email="someone@acme.example")
    await scene.put("callers", {"type": "basic", "config": {}})
    oms.play = answering(http(401))
    await scene.put("callers", query="?validate=true")
    oms.play = answering(http(500))
    for _ in range(6):
        await scene.put("callers", query="?validate=true")
    oms.play = documented
    return {
        *("admin-required", "invalid-request", "credential-rejected", "validation-inconclusive"),
        "too-many-validations",
    }


async def with_an_oms(scene: Scene, oms: RawServer) -> set[str]:
    """Read from an OMS that has all troubles one after the other; the last one locks the credential."""
    for play in OF_READS.values():
        oms.play = play
        await scene.send("reads")
    oms.play = answering(http(400))
    await scene.send("reads", "POST", SEARCH_PATH, json=CRITERIA)
    oms.play = OF_READS["upstream-error"]
    for _ in range(20):
        await scene.send("reads", "POST", SEARCH_PATH, json=CRITERIA)
    oms.play = answering(http(401))
    await scene.send("reads")
    return {*OF_READS, "search-rejected", "circuit-open", "upstream-rejected-credentials"}


async def with_a_token_endpoint(scene: Scene, idp: RawServer) -> set[str]:
    """Set one credential after the other, each of which meets with another trouble."""
    for number, play in enumerate(OF_TOKENS.values()):
        idp.play = play
        keys = oauth2(idp.url, clientSecret=f"secret-{number}")
        assert await scene.put("tokens", {"type": "oauth2", "config": keys}) == 204
        asked = len(idp.received)
        await eventually(lambda: scene.send("tokens"), lambda _: len(idp.received) > asked)  # noqa: B023 - at once
    return {*OF_TOKENS}


async def behind_a_forward_proxy(scene: Scene, server: ForwardProxyServer) -> set[str]:
    """Read through one that has all troubles one after the other, and then is gone."""
    server.credential = "u:p"
    await scene.send("forward")
    for reply in OF_FORWARD_PROXIES.values():
        server.reply = reply
        await scene.send("forward")
    await server.__aexit__()
    await scene.send("forward")
    await server.__aenter__()
    return {*OF_FORWARD_PROXIES, "forward-proxy-auth", "forward-proxy-connect"}


async def too_many(scene: Scene, oms: RawServer) -> set[str]:
    """Have more requests in flight than may wait."""
    assert await scene.send("busy") == 200  # the first one goes alone
    release = asyncio.Event()
    oms.play = held_until(release)
    reads = [asyncio.create_task(scene.send("busy")) for _ in range(12)]
    await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)  # that is one which may not even wait
    release.set()
    await asyncio.gather(*reads)
    oms.play = documented
    return {"overloaded"}


async def test_each_trouble_is_named(scene: Scene, servers: Servers) -> None:
    """At the first try, of the tenant that has it."""
    expected = {name: {name} for name in ("dns", "connect", "connect-timeout", "tls", "egress")}
    await too_many(scene, servers.oms)
    expected["busy"] = {"overloaded"}
    await scene.send("none")
    await scene.send("half")
    (scene.state / "tenants/none/credentials/..data").mkdir(parents=True)
    await scene.put("none")
    expected |= {"none": {"credentials-not-configured", "store-unavailable"}, "half": {"credentials-invalid"}}
    await scene.put("platform")
    await scene.send("platform", "POST", SEARCH_PATH, json=CRITERIA)
    expected["platform"] = {"managed-by-platform", "search-not-supported"}
    callers, admins = asyncio.create_task(as_callers(scene)), await as_admins(scene, servers.oms)
    expected["reads"] = await with_an_oms(scene, servers.reads)
    expected["tokens"] = await with_a_token_endpoint(scene, servers.idp)
    expected["forward"] = await behind_a_forward_proxy(scene, servers.forward)
    expected["callers"] = await callers | admins
    told = await scene.told()
    missing = {name: names - told.get(name, set()) for name, names in expected.items()}
    assert {name: names for name, names in missing.items() if names} == {}
    every = (CODES.keys() | WAY.keys() | TOKENS.keys()) - ONLY_BY_A_BUG - SAID_BY_FINER_ONES
    assert set().union(*expected.values()) == every

    os.kill(scene.local.proxy_of("tokens"), signal.SIGKILL)
    await scene.local.event("ready", "tokens")
    asked = len(servers.idp.received)
    assert (await scene.told())["tokens"] == {"invalid_client", "upstream-rejected-credentials"}
    assert len(servers.idp.received) == asked, "what it said before the restart is known"
