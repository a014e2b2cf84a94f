"""Proxies under load, each with a different fault from some moment on, and an operator with a bad image."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import yaml

from support.background import going_on
from support.operator.local import running_local, secret, tenant_proxy, write
from support.proxy import tokens
from support.proxy.oms import (
    RawServer,
    Received,
    answering,
    documented,
    http,
    only_right_password,
    raw_server,
    token_answer,
)
from support.tools.prometheus import Target

NAMES: Final = ("acme", "globex", "hooli", "initech", "umbrella")
"""In the order in which `local` gives them ports."""
_HERE, _ELSEWHERE = "tenants", "others"
"""Namespaces; each has a tenant acme."""
Key = tuple[str, str]
"""A tenant's namespace and name."""
ORDER: Final = "/api/v1/business-units/S-1/customer-orders/CO-1"
SEARCH: Final = "/api/v1/business-units/S-1/customer-orders:search"
CONFIG: Final = "/api/v1/proxy-config"
TOKEN_SECONDS: Final = 15
"""How long globex' tokens live: the last one ends while the test runs."""
_DAY: Final = 86_400
_PAUSE: Final = 0.1
_BURST: Final = 12
_PATIENCE: Final = 0.02
"""Seconds: less than acme's OMS takes."""
_DEAD_ISSUER: Final = "https://issuer.invalid/"


class Fleet:
    """Five tenants' proxies with an OMS each, one that is called like another, and their traffic."""

    def __init__(self, servers: dict[str, RawServer], ports: dict[Key, int], folder: Path) -> None:
        self.servers = servers
        self._ports = ports
        self._manifests = folder / _HERE
        self._broken = False

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Self]:
        """Run it, with traffic, until the end."""
        async with contextlib.AsyncExitStack() as stack:
            servers = {
                name: await stack.enter_async_context(raw_server(_slow if name == "acme" else documented))
                for name in NAMES
            }
            servers["tokens"] = await stack.enter_async_context(
                raw_server(answering(token_answer("t", expires_in=TOKEN_SECONDS)))
            )
            servers["collector"] = await stack.enter_async_context(raw_server(answering(http(200))))
            options = ("--issuers", str(_issuers(folder)), "--tracing-endpoint", servers["collector"].url)
            ports: dict[Key, int] = {}
            for namespace, names in ((_HERE, NAMES), (_ELSEWHERE, NAMES[:1])):
                manifests = folder / namespace
                manifests.mkdir()
                for name in names:
                    write(manifests / f"{name}.yaml", *_manifests(name, servers))
                running = running_local(manifests, state=manifests / "local/state", options=options)
                local = await stack.enter_async_context(running)
                for _ in names:
                    await local.event("ready")
                ports |= {(namespace, name): local.port_base + 2 * index for index, name in enumerate(names)}
            fleet = cls(servers, ports, folder)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            await stack.enter_async_context(going_on(fleet.call(session, key) for key in ports))
            yield fleet

    def targets(self) -> list[Target]:
        """Return what is to be scraped, as if they were pods."""
        return [Target(port + 1, namespace, f"{name}-proxy-0") for (namespace, name), port in self._ports.items()]

    async def break_everything(self) -> None:
        """Give each tenant its trouble."""
        self._broken = True
        self.servers["tokens"].play = answering(http(503))
        self.servers["collector"].play = answering(http(400))
        self.servers["hooli"].play = _slow_and_wrong
        self.servers["initech"].play = only_right_password
        await self.servers["umbrella"].__aexit__()
        manifest, _ = _manifests("hooli", self.servers)
        token = tokens.machine_token("T-hooli", exp=int(time.time()) + _DAY)
        write(self._manifests / "hooli.yaml", manifest, secret("hooli", bearerToken=token))

    def remove(self, name: str) -> None:
        """Take a tenant away."""
        (self._manifests / f"{name}.yaml").unlink()

    async def call(self, session: aiohttp.ClientSession, key: Key) -> None:
        """Send one tenant's traffic for ever: reads, searches, and now and then what is refused."""
        base, name = f"http://127.0.0.1:{self._ports[key]}", key[1]
        headers = tokens.bearer(tokens.machine_token(f"T-{name}"))
        for number in itertools.count():
            with contextlib.suppress(aiohttp.ClientError):
                await _send(session, "GET", base + ORDER, headers)
                if number % 4 == 0:
                    await _send(session, "POST", base + SEARCH, headers, json={"customerId": "C-1"})
                if number % 10 == 0:
                    await _send(session, "DELETE", base + ORDER, headers)
                if name == "hooli" and self._broken:
                    await asyncio.gather(*(_send(session, "GET", base + ORDER, headers) for _ in range(_BURST)))
                if key == (_HERE, "acme"):
                    await self._trouble_acme(session, base, headers, number)
            await asyncio.sleep(_PAUSE)

    async def _trouble_acme(
        self, session: aiohttp.ClientSession, base: str, headers: dict[str, str], number: int
    ) -> None:
        """Change the credential, be impatient; in trouble overload it, and come with tokens of a dead issuer."""
        if number % 20 == 1:
            admin = tokens.bearer(tokens.user_token("T-acme", email=tokens.ADMIN_EMAIL))
            config = {"username": "acme", "password": "right"}
            await _send(session, "PUT", base + CONFIG, admin, json={"type": "basic", "config": config})
            await _send(session, "GET", base + ORDER, {})
        if number % 5 == 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await _send(session, "GET", base + ORDER, headers)
        if self._broken:
            dead = tokens.bearer(tokens.machine_token("T-acme", iss=_DEAD_ISSUER))
            await _send(session, "GET", base + ORDER, dead)
            await asyncio.gather(*(_send(session, "GET", base + ORDER, headers) for _ in range(_BURST)))


async def _send(
    session: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str], **more: Any
) -> None:
    async with session.request(method, url, headers=headers, **more) as answer:
        await answer.read()


async def _slow(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer after a while, so that requests pile up."""
    await asyncio.sleep(0.05)
    await documented(request, writer)


async def _slow_and_wrong(request: Received, writer: asyncio.StreamWriter) -> None:
    """Break the contract, late."""
    await asyncio.sleep(2.2)
    await answering(http(200, b'{"customerOrder": {"customerId": 5}}'))(request, writer)


def _manifests(name: str, servers: dict[str, RawServer]) -> list[dict[str, Any]]:
    spec: dict[str, Any] = {"access": {"admins": {"emails": [tokens.ADMIN_EMAIL]}}}
    keys = {"username": "user", "password": "wrong" if name == "initech" else "right"}
    if name == "acme":
        spec["upstream"] = {"maxConnections": 2}
    if name == "globex":
        keys = {"clientId": "id", "clientSecret": "secret", "authUrl": f"{servers['tokens'].url}/token"}
    if name == "hooli":
        query = {"customer": "{criteria.customerId}", "page": "{page.number}"}
        spec["upstream"] = {"operations": {"searchOrders": {"query": query, "pages": {"size": 50}}}}
    return [tenant_proxy(name, url=f"{servers[name].url}/api/v1", **spec), secret(name, **keys)]


def _issuers(folder: Path) -> str:
    dead = {"issuer": _DEAD_ISSUER, "audiences": ["https://hiiretail.com"], "kind": "ocms"}
    document = [*tokens.issuers(jwks=tokens.jwks()), dead | {"jwksUri": "http://127.0.0.1:9/jwks"}]
    path = folder / "issuers.yaml"
    path.write_text(yaml.safe_dump(document))
    return str(path)
