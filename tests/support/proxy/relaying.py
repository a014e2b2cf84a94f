"""Runs a relay in the test's own process, with real sockets; sends it events, with all that they show."""

import base64
import contextlib
import hashlib
import hmac
import io
import socket
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from support.proxy.running import BASIC, Answered, RunningProxy, proxy_config
from tenantproxy import config
from tenantproxy.config_poslog import Poslog
from tenantproxy.credentials.stores.files import FileStore, write_keys
from tenantproxy.lifecycle import Given
from tenantproxy.poslog.sending.events import Event, poslog_event
from tenantproxy.poslog.sending.samples import sample
from tenantproxy.relay.app import Relay
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config

SHARED_KEY: Final = "a-shared-key-of-32-characters-00"
LOGIN: Final = {"poslogUsername": "hii", "poslogPassword": "not-a-secret"}
SECRETS: Final = {"poslogSharedKey": SHARED_KEY, **LOGIN}
NOW: Final = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def relay_config(url: str, *, upstream: Mapping[str, Any] = {}, **poslog: Any) -> config.ProxyConfig:
    """Return the configuration of a relay for an OMS on the loopback; `poslog` is in camelCase."""
    given = {"verification": {"sharedKey": True, "basic": True}, **poslog}
    return msgspec.structs.replace(proxy_config(url, **upstream), poslog=msgspec.convert(given, Poslog))


def event_of(name: str, *, event_id: str = "4050752561927993", order: str = "CO-1") -> Event:
    """Return the event of a sample PosLog."""
    poslog = sample(name, order=order, business_unit="store-1", number=1, end=NOW)
    return poslog_event(poslog, "zlib", event_id=event_id, now=NOW, business_day="2026-11-30")


def login(username: str = LOGIN["poslogUsername"], password: str = LOGIN["poslogPassword"]) -> dict[str, str]:
    """Return the header of Basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}


def signed(content: bytes | str, key: str = SHARED_KEY) -> dict[str, str]:
    """Return the header of the shared key."""
    data = content if isinstance(content, bytes) else content.encode()
    return {"X-Hii-Signature": f"HS256={hmac.new(key.encode(), data, hashlib.sha256).hexdigest()}"}


class RunningRelay(RunningProxy):
    """A relay with a client of its own."""

    def __init__(
        self, relay: Relay, api: int, admin: int, credentials: Path, secrets: Path, session: aiohttp.ClientSession
    ) -> None:
        super().__init__(api, admin, credentials, session)
        self.relay = relay
        self.secrets = secrets

    async def send(self, event: Event | bytes, headers: Mapping[str, str] | None = None) -> Answered:
        """Send an event as ExternalEvents does; with other headers than it would have."""
        body = event if isinstance(event, bytes) else event.body
        shown = {**login(), **signed(body)} if headers is None else headers
        given = {"Content-Type": "application/json", "User-Agent": "Hii-Event-Gun/1.0", **shown}
        return await self.request("POST", "/events", data=io.BytesIO(body), headers=given)


@contextlib.asynccontextmanager
async def running_relay(
    configuration: config.ProxyConfig,
    directory: Path,
    *,
    keys: Mapping[str, str] | None = BASIC,
    secrets: Mapping[str, str] | None = SECRETS,
) -> AsyncIterator[RunningRelay]:
    """Run a relay whose credential and keys are in `directory`."""
    credentials, poslog_secrets = directory / "credentials", directory / "poslog"
    for folder, content in ((credentials, keys), (poslog_secrets, secrets)):
        if content is not None:
            write_keys(folder, content)
    validate_config(configuration)
    tls = TlsFiles(configuration.upstream.tls, directory / "tls")
    given = Given(FileStore(credentials), tls, directory / "forward-proxy")
    relay = Relay(configuration, given, secrets=poslog_secrets)
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    api_port, admin_port = (int(bound.getsockname()[1]) for bound in sockets)
    await relay.start(*sockets)
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield RunningRelay(relay, api_port, admin_port, credentials, poslog_secrets, session)
    finally:
        await relay.drain()
