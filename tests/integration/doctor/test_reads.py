"""Each trouble of docs/troubleshooting.md with reads, PUTs and tokens: a real proxy has it, doctor names it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from support.certificates import Authority
from support.proxy import tokens
from support.proxy.forward_proxy import ForwardProxyServer, nothing, saying
from support.proxy.idp import oauth2
from support.proxy.log_lines import log_lines
from support.proxy.names import names
from support.proxy.oms import Play, answering, documented, held_until, http, raw_server, token_answer
from support.proxy.running import BASIC, GET_PATH, SEARCH_PATH, RunningProxy, proxy_config, running_proxy
from support.proxy.tls_server import TlsServer
from tenantproxy import entrance
from tenantproxy.credentials.stores.files import FileStore
from tenantproxy.entrance import REQUESTS_PER_TURN
from tenantproxy.server import request
from tenantproxy_operator.doctor.codes import CODES, FINER, TOKENS, WAY
from tenantproxy_operator.doctor.finding import Finding, Severity
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.view import Process, TenantView, View
from tenantproxy_operator.fleet.objects import Metadata, TenantProxy
from tenantproxy_operator.fleet.samples import read_samples

ANY_BODY: Final = {"type": "basic", "config": {"username": "u", "password": "p"}}


class Stage:
    """A directory, and what is started in it."""

    def __init__(self, directory: Path, stack: contextlib.AsyncExitStack, patch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.stack = stack
        self.patch = patch
        self.proxy: RunningProxy
        self.before = b""

    async def oms(self, play: Play = documented) -> str:
        """Run a server; return its URL."""
        return (await self.stack.enter_async_context(raw_server(play))).url

    async def run(
        self, url: str = "", keys: Mapping[str, str] | None = BASIC, *, store: Any = None, **config: Any
    ) -> RunningProxy:
        """Run a proxy; doctor's first reading is of now."""
        configuration = proxy_config(url or await self.oms(), **config)
        running = running_proxy(configuration, self.directory, keys, store=store)
        self.proxy = await self.stack.enter_async_context(running)
        self.before = (await self.proxy.admin("/metrics")).body
        return self.proxy

    async def with_admins(self, play: Play = documented, **config: Any) -> RunningProxy:
        """Run a proxy that knows who is an admin."""
        return await self.run(await self.oms(play), access=tokens.access(self.directory), **config)

    async def with_tokens(self, *answers: bytes, **keys: str) -> RunningProxy:
        """Run a proxy with a token endpoint that answers so, and read once."""
        endpoint = await self.oms(answering(*answers))
        proxy = await self.run(keys=oauth2(endpoint, **keys), auth=PATIENT)
        await proxy.get()
        return proxy

    async def behind(self, *reply: bytes, url: str = "https://oms.example", **more: Any) -> RunningProxy:
        """Run a proxy behind a forward proxy that replies so, or as it should, and read once."""
        server = await self.stack.enter_async_context(ForwardProxyServer(**more))
        server.reply = saying(*reply) if reply else server.reply
        proxy = await self.run(url, forwardProxy={"url": server.url})
        await proxy.get()
        return proxy

    async def findings(self, log: str = "") -> list[Finding]:
        """Return what doctor finds now."""
        now = (await self.proxy.admin("/metrics")).body
        process = Process(
            name="acme", before=read_samples(self.before), now=read_samples(now), metrics=now, log=log
        )
        proxy = TenantProxy(metadata=Metadata(name="acme", namespace="tenants"))
        view = TenantView(proxy=proxy, processes=(process,), is_local=True, serves=True)
        return findings(View(now=time.time(), tenants=(view,)))


QUICK: Final[dict[str, Any]] = {"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"], "timeoutSeconds": 0.3}}
PATIENT: Final[dict[str, Any]] = {"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"]}}
Cause = Callable[[Stage], Awaitable[object]]


def reading(play: Play, keys: Mapping[str, str] | None = BASIC, **config: Any) -> Cause:
    """Return what reads once from an OMS that answers so."""

    async def cause(stage: Stage) -> None:
        await (await stage.run(await stage.oms(play), keys, **config)).get()

    return cause


def failing(error: str, status: int = 400) -> Cause:
    """Return what gets an error of OAuth2 for a token."""
    return lambda stage: stage.with_tokens(http(status, f'{{"error": "{error}"}}'.encode()))


def token(*answers: bytes) -> Cause:
    """Return what gets such an answer for a token."""
    return lambda stage: stage.with_tokens(*answers)


def requesting(method: str, path: str = GET_PATH, **options: Any) -> Cause:
    """Return what sends one request to a proxy that is well."""

    async def cause(stage: Stage) -> None:
        await (await stage.run()).request(method, path, **options)

    return cause


def putting(
    body: Any = ANY_BODY,
    play: Play = documented,
    *,
    query: str = "",
    headers: Callable[[], dict[str, str]] = tokens.admin,
    **config: Any,
) -> Cause:
    """Return what sends a PUT."""

    async def cause(stage: Stage) -> None:
        await (await stage.with_admins(play, **config)).put(body, query=query, headers=headers())

    return cause


async def searching(stage: Stage) -> None:
    """Search, which the OMS refuses."""
    await (await stage.run(await stage.oms(answering(http(400))))).search()


async def no_search(stage: Stage) -> None:
    await (await stage.run(operations={"searchOrders": {"unsupported": True}})).search()


async def never(_request: object, _writer: object) -> None:
    await asyncio.Event().wait()


async def failing_often(stage: Stage) -> None:
    """Read until the circuit is open, and once more."""
    proxy = await stage.run(await stage.oms(answering(http(500))))
    for _ in range(21):
        await proxy.get()


async def reading_too_much(stage: Stage) -> None:
    """Have more requests in flight than may wait."""
    release = asyncio.Event()
    proxy = await stage.run(await stage.oms(), maxConnections=1)
    await proxy.get()  # the first one goes alone
    proxy = await stage.run(await stage.oms(held_until(release)), maxConnections=1)
    reads = [asyncio.create_task(proxy.get()) for _ in range(12)]
    await proxy.becomes('tenantproxy_rejected_requests_total{reason="overloaded"}', 1)
    release.set()
    await asyncio.gather(*reads)


async def reading_faster_than_it_can(stage: Stage) -> None:
    """Have more requests come in a turn than begin in one, each of which is late at once."""
    stage.patch.setattr(entrance, "MAX_WAIT", -1.0)
    proxy = await stage.run()
    connections = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(REQUESTS_PER_TURN * 4)]
    for _, writer in connections:
        writer.write(f"GET {GET_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for reader, writer in connections:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def unknown_issuer(stage: Stage) -> None:
    """Read where the issuer's keys can't be fetched."""
    issuers = tokens.issuers(jwksUri="https://127.0.0.1:1/jwks")
    proxy = await stage.run(access={"mode": "jwt", "issuers": issuers})
    await proxy.get(headers=tokens.bearer(tokens.machine_token()))


def calling(headers: Callable[[], dict[str, str]] = dict) -> Cause:
    """Return what reads with such a token."""

    async def cause(stage: Stage) -> None:
        proxy = await stage.run(access=tokens.access(stage.directory))
        await proxy.get(headers=headers())

    return cause


async def of_another_page(stage: Stage) -> None:
    """Ask what a browser asks before it lets a page read."""
    cors = {"allowedOrigins": ["https://a.example"]}
    proxy = await stage.run(access=tokens.access(stage.directory, cors=cors))
    headers = {"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}
    await proxy.request("OPTIONS", GET_PATH, headers=headers)


class BrokenStore(FileStore):
    """A store with a bug."""

    async def replace(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")


async def a_bug(stage: Stage) -> None:
    proxy = await stage.with_admins(store=BrokenStore(stage.directory / "credentials"))
    await proxy.put(ANY_BODY, headers=tokens.admin())


async def full_disk(stage: Stage) -> None:
    """PUT where nothing can be stored."""
    proxy = await stage.with_admins()
    (proxy.credentials / "..data").unlink()
    (proxy.credentials / "..data").mkdir()
    await proxy.put(ANY_BODY, headers=tokens.admin())


async def many_trials(stage: Stage) -> None:
    proxy = await stage.with_admins()
    for _ in range(6):
        await proxy.put({}, query="?dryRun=true", headers=tokens.admin())


async def late_body(stage: Stage) -> None:
    stage.patch.setattr(request, "BODY_TIMEOUT", 0.1)
    head = (
        f"POST {SEARCH_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    )
    await (await stage.run()).raw(head.encode() + b'{"custo')


def named(host: str, **addresses: str) -> Cause:
    """Return what reads from an OMS of this name."""

    async def cause(stage: Stage) -> None:
        stage.stack.enter_context(
            names(stage.patch, {name.replace("_", "."): to for name, to in addresses.items()})
        )
        await (await stage.run(f"http://{host}", allowPrivateNetworks=False)).get()

    return cause


async def untrusted(stage: Stage) -> None:
    pair = Authority().issue("127.0.0.1")
    server = await stage.stack.enter_async_context(TlsServer(documented, pair))
    await (await stage.run(server.url)).get()


async def mute_forward_proxy(stage: Stage) -> None:
    server = await stage.stack.enter_async_context(ForwardProxyServer())
    server.reply = nothing
    await (await stage.run("https://oms.example", forwardProxy={"url": server.url})).get()


async def no_forward_proxy(stage: Stage) -> None:
    await (await stage.run("https://oms.example", forwardProxy={"url": "http://127.0.0.1:1"})).get()


async def a_bug_of_tokens(stage: Stage) -> None:
    """Meet what no code expects of the resolver."""
    stage.patch.setattr("socket.getaddrinfo", lambda *_, **__: [()])
    keys = {"clientId": "id", "clientSecret": "s", "authUrl": "https://idp.example/token"}
    await (await stage.run(keys=keys)).get()


async def _slow_token(stage: Stage) -> None:
    endpoint = await stage.oms(never)
    await (await stage.run(keys=oauth2(endpoint), auth=QUICK)).get()


CASES: Final[Mapping[str, Cause]] = {
    # Ready, but reads fail
    "credentials-not-configured": reading(documented, None),
    "credentials-invalid": reading(documented, {"username": "u"}),
    "upstream-rejected-credentials": reading(answering(http(401))),
    "upstream-error": reading(answering(http(500))),
    "upstream-timeout": reading(never, timeoutSeconds=0.2),
    "circuit-open": failing_often,
    "upstream-rate-limited": reading(answering(http(429))),
    "overloaded": reading_too_much,
    "late": reading_faster_than_it_can,
    "upstream-contract": reading(answering(http(200, b'{"customerOrder": {}}'))),
    "upstream-forbidden": reading(answering(http(403))),
    "search-not-supported": no_search,
    "order-not-found": reading(answering(http(404))),
    "issuer-unavailable": unknown_issuer,
    "internal-error": a_bug,
    # The way to the OMS
    "dns": named("nowhere.example"),
    "connect": lambda stage: _get(stage, "http://127.0.0.1:1"),
    "connect-timeout": named("a.hangs.example"),
    "tls": untrusted,
    "egress": named("private.example", private_example="10.0.0.1"),
    "forward-proxy-connect": no_forward_proxy,
    "forward-proxy-auth": lambda stage: stage.behind(credential="u:p"),
    "forward-proxy-denied": lambda stage: stage.behind(http(403)),
    "forward-proxy-gateway": lambda stage: stage.behind(http(502)),
    "forward-proxy-timeout": mute_forward_proxy,
    "forward-proxy-invalid": lambda stage: stage.behind(b"SSH-2.0\r\n\r\n"),
    # No access token
    "invalid_client": failing("invalid_client", 401),
    "invalid_request": failing("invalid_request"),
    "invalid_scope": failing("invalid_scope"),
    "invalid_grant": failing("invalid_grant"),
    "unauthorized_client": failing("unauthorized_client"),
    "unsupported_grant_type": failing("unsupported_grant_type"),
    "status-NNN": token(http(404)),
    "redirect": token(http(302, location="https://idp.example/login")),
    "not-json": token(http(200, b"<html>", content_type="text/html")),
    "no-token": token(http(200, b"{}")),
    "unusable-token": token(token_answer("x" * 20_000)),
    "content-encoding": token(http(200, b"x", content_encoding="br")),
    "too-large": token(http(200, b" " * 70_000)),
    "timeout": _slow_token,
    "internal": a_bug_of_tokens,
    # 401 or 403 for a client
    "unauthenticated": calling(),
    "wrong-tenant": calling(lambda: tokens.bearer(tokens.machine_token("T-other"))),
    "origin-not-allowed": of_another_page,
    # A PUT is refused
    "admin-required": putting(headers=lambda: tokens.bearer(tokens.user_token())),
    "managed-by-platform": putting(auth={"management": "platform"}),
    "invalid-request": putting({"type": "basic", "config": {}}),
    "credential-rejected": putting(play=answering(http(401)), query="?validate=true"),
    "validation-inconclusive": putting(play=answering(http(500)), query="?validate=true"),
    "too-many-validations": many_trials,
    "store-unavailable": full_disk,
    # Other 4xx
    "method-not-allowed": requesting("DELETE"),
    "invalid-id": requesting("GET", GET_PATH.replace("CO-1", "CO%201")),
    "malformed-json": requesting("POST", SEARCH_PATH, data=b"{", headers={"Content-Type": "application/json"}),
    "search-rejected": searching,
    "unsupported-media-type": requesting("POST", SEARCH_PATH, data=b"{}", headers={"Content-Type": "text/plain"}),
    "payload-too-large": requesting(
        "POST", SEARCH_PATH, data=b" " * 70_000, headers={"Content-Type": "application/json"}
    ),
    "target-too-long": requesting("GET", f"{GET_PATH}?{'x' * 9000}"),
    "headers-too-large": requesting("GET", headers={"X": "x" * 9000}),
    "request-timeout": late_body,
    "malformed-request": lambda stage: _raw(stage, b"GET / HTTP/1.1\r\n\r\n"),
}
"""By doctor's name of the trouble: how it is caused."""


async def _get(stage: Stage, url: str) -> None:
    await (await stage.run(url)).get()


async def _raw(stage: Stage, request: bytes) -> None:
    await (await stage.run()).raw(request)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        yield Stage(tmp_path, stack, monkeypatch)


@pytest.mark.parametrize("trouble", CASES)
async def test_trouble(stage: Stage, trouble: str) -> None:
    """It is named, as something wrong, with whose turn it is, and what to do next."""
    await CASES[trouble](stage)
    told = {each.id: each for each in await stage.findings()}
    assert trouble in told, told
    found = told[trouble]
    assert found.severity < Severity.NOTE
    assert found.next
    assert "1 of 1" in found.says or trouble in SEVERAL, found.says
    assert "kubectl" not in found.next
    assert len(told.keys() & {"credentials-invalid", "credentials-not-configured"}) < 2


SEVERAL: Final = {
    *("circuit-open", "late", "overloaded", "too-many-validations", "upstream-rejected-credentials"),
    *("credentials-invalid", "credentials-not-configured"),
}
"""What takes more than one request, or is told by a state."""


def test_every_diagnosis_has_a_case() -> None:
    """None is left out, but those that only say what a finer one says better."""
    assert CASES.keys() == (CODES.keys() | WAY.keys() | TOKENS.keys() | FINER.keys()) - {"token-unavailable"}


async def test_nothing_is_wrong(stage: Stage) -> None:
    """Reads that succeed are no trouble."""
    proxy = await stage.run()
    for _ in range(3):
        assert (await proxy.get()).status == 200
    assert await stage.findings() == []


async def test_causes_come_first(stage: Stage) -> None:
    """What opened the circuit is told before that it is open, and since when it is, by the proxy's own log."""
    with log_lines() as log:
        await failing_often(stage)
    cause, circuit = await stage.findings(log.text)
    assert (cause.id, circuit.id) == ("upstream-error", "circuit-open")
    (line,) = (line for line in map(json.loads, log.text.splitlines()) if line["logger"] == "tenantproxy.state")
    assert circuit.since == line["time"]


async def test_a_token_endpoint_that_rejects_the_client(stage: Stage) -> None:
    """What it says is told beside that the credential is rejected."""
    await failing("invalid_client", 401)(stage)
    cause, effect = await stage.findings()
    assert (cause.id, effect.id) == ("invalid_client", "upstream-rejected-credentials")
    assert cause.severity is effect.severity is Severity.DOWN
    assert cause.since == effect.since


async def test_a_token_endpoint_that_can_not_be_reached(stage: Stage) -> None:
    """The next thing to look at is its own URL, not the OMS's."""
    proxy = await stage.run(keys=oauth2("http://127.0.0.1:1"), auth=QUICK)
    await proxy.get()
    (found,) = (each for each in await stage.findings() if each.id == "connect")
    assert (found.turn, found.next.split(":")[0]) == ("tenant admin", "authUrl in the Secret acme-credentials")


async def test_what_opened_the_circuit_long_ago(stage: Stage) -> None:
    """However many requests have been refused since then: none of those could succeed."""
    proxy = await stage.run("http://127.0.0.1:1")
    for _ in range(60):
        await proxy.get()
    stage.before = (await stage.proxy.admin("/metrics")).body
    cause, circuit = (each for each in await stage.findings() if each.severity < Severity.NOTE)
    assert (cause.id, circuit.id) == ("connect", "circuit-open")
    assert cause.severity is circuit.severity is Severity.FAILING
