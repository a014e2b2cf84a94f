"""Runs a proxy in the test's own process, on free ports, with real sockets."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec

from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK
from support.waiting import PATIENCE, eventually
from tenantproxy import config
from tenantproxy.app import Proxy
from tenantproxy.credentials.stores.base import CredentialStore
from tenantproxy.credentials.stores.files import FileStore, write_keys
from tenantproxy.lifecycle import Given
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

BASIC = {"username": "user", "password": "right"}
GET_PATH = "/api/v1/business-units/BU-1/customer-orders/CO-1"
SEARCH_PATH = "/api/v1/business-units/BU-1/customer-orders:search"
PUT_PATH = "/api/v1/proxy-config"
_CHANGES = 'tenantproxy_config_changes_total{outcome="success"}'


class Answered(NamedTuple):
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; empty for a success."""
        return str(self.json.get("code", "")) if self.status >= 400 else ""


class RunningProxy:
    """A proxy with a client of its own."""

    def __init__(self, api: int, admin: int, credentials: Path, session: aiohttp.ClientSession) -> None:
        self.port = api
        self.admin_port = admin
        self.credentials = credentials
        self._session = session

    async def request(self, method: str, path: str, **options: Any) -> Answered:
        async with self._session.request(
            method, f"http://127.0.0.1:{self.port}{path}", allow_redirects=False, **options
        ) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str = GET_PATH, **options: Any) -> Answered:
        return await self.request("GET", path, **options)

    async def search(self, body: Any = None, **options: Any) -> Answered:
        return await self.request("POST", SEARCH_PATH, json=body or {"customerId": "C-1"}, **options)

    async def put(self, body: Any, *, query: str = "", **options: Any) -> Answered:
        return await self.request("PUT", PUT_PATH + query, json=body, **options)

    async def admin(self, path: str) -> Answered:
        async with self._session.get(f"http://127.0.0.1:{self.admin_port}{path}") as response:
            return Answered(response.status, response.headers, await response.read())

    async def metric(self, series: str) -> float | None:
        """Return a series' value; `tenant` must not be named in it."""
        text = (await self.admin("/metrics")).body.decode()
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            bare = name.replace(',tenant="acme"', "").replace('{tenant="acme"}', "").replace('tenant="acme",', "")
            if bare == series:
                return float(value)
        return None

    async def becomes(self, series: str, value: float) -> None:
        """Wait until a gauge has a value, or a counter has come to it, or passed it between two scrapes."""
        counts = "_total{" in series or series.endswith("_total")
        await eventually(
            lambda: self.metric(series), lambda found: found == value or (counts and (found or 0) > value)
        )

    async def change_keys(self, keys: Mapping[str, str]) -> None:
        """Replace the stored keys from outside, and wait until the proxy uses them."""
        changes = await self.metric(_CHANGES) or 0
        write_keys(self.credentials, keys)
        await self.becomes(_CHANGES, changes + 1)

    async def raw(self, data: bytes) -> bytes:
        """Send bytes and return all that comes until the proxy closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = b""
        try:
            writer.write(data)
            await writer.drain()
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE):
                    while chunk := await reader.read(65536):
                        received += chunk
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return received


def proxy_config(url: str, *, access: Mapping[str, Any] | None = None, **overrides: Any) -> config.ProxyConfig:
    """Return a configuration for a server on the loopback; `overrides` are of `upstream`, in camelCase."""
    auth = ON_LOOPBACK | overrides.pop("auth", {})
    mapping = {"mapping": overrides.pop("mapping")} if "mapping" in overrides else {}
    return msgspec.convert(
        configuration(url, upstream=overrides, access=access or {"mode": "trusted"}, auth=auth, **mapping),
        config.ProxyConfig,
    )


@contextlib.asynccontextmanager
async def running_proxy(
    configuration: config.ProxyConfig,
    directory: Path,
    keys: Mapping[str, str] | None = None,
    *,
    store: CredentialStore | None = None,
    fallback: CredentialStore | None = None,
) -> AsyncIterator[RunningProxy]:
    """Run a proxy whose store is in `directory`, with these keys in it, if it is not given another one."""
    credentials = directory / "credentials"
    if keys is not None:
        write_keys(credentials, keys)
    tls = TlsFiles(configuration.upstream.tls, directory / "tls")
    tls.check()
    proxy = Proxy(
        configuration,
        validate_config(configuration),
        Given(store or FileStore(credentials), tls, directory / "forward-proxy", fallback),
    )
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    api_port, admin_port = (int(bound.getsockname()[1]) for bound in sockets)
    await proxy.start(*sockets)
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield RunningProxy(api_port, admin_port, credentials, session)
    finally:
        await proxy.drain()
