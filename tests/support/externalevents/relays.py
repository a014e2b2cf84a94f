"""Relays as processes, which can be killed and started again, before one OMS."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from hack.compiled import proxy
from support.commands import free_ports
from support.externalevents.oms import PATH
from support.proxy.configuration import configuration
from support.waiting import PATIENCE
from tenantproxy.credentials.stores.files import write_keys

SHARED_KEY: Final = "a-shared-key-of-32-characters-00"
USERNAME, PASSWORD = "hii", "webhook-password"
OMS_USERNAME, OMS_PASSWORD = "relay", "oms-password"
KEYS: Final = {"poslogSharedKey": SHARED_KEY, "poslogUsername": USERNAME, "poslogPassword": PASSWORD}


def relay_config(oms_url: str, *, name: str = "acme", **poslog: Any) -> dict[str, Any]:
    """Return the configuration of a relay before an OMS on loopback; `poslog` is put over its part of it."""
    relay = {
        "verification": {"sharedKey": True, "basic": True},
        "delivery": {"path": PATH, "timeoutSeconds": 1.0},
        **poslog,
    }
    return configuration(oms_url, tenant={"id": f"T-{name}", "name": name}, poslog=relay)


class RelayProcess:
    """A `tenantproxy poslog serve` on ports that stay its own."""

    def __init__(self, directory: Path, number: int) -> None:
        """Prepare; `directory` has config.json, credentials and keys."""
        self._directory = directory
        self._log = directory / f"relay-{number}.log"
        self._api, self.admin_port = free_ports(2)
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://127.0.0.1:{self._api}/events"

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def start(self) -> None:
        """Start it; return once it is ready."""
        with self._log.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                *proxy(),
                *("poslog", "serve", "--config", self._directory / "config.json"),
                *("--credentials", self._directory / "credentials"),
                *("--poslog-secrets", self._directory / "keys"),
                *("--api", f"127.0.0.1:{self._api}", "--admin", f"127.0.0.1:{self.admin_port}"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
            while not await self._is_ready(session):
                assert self._process.returncode is None, self.log[-4000:]
                await asyncio.sleep(0.02)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"http://127.0.0.1:{self.admin_port}/readyz") as response:
                return response.status == 200
        return False

    async def kill(self) -> None:
        """End it with SIGKILL, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Relays:
    """Some that share a tenant's credential and keys."""

    def __init__(self, directory: Path, config: Mapping[str, Any], count: int) -> None:
        self._directory = directory
        self.processes = [RelayProcess(directory, number) for number in range(count)]
        (directory / "config.json").write_text(json.dumps(config))
        write_keys(directory / "credentials", {"username": OMS_USERNAME, "password": OMS_PASSWORD})
        write_keys(directory / "keys", KEYS)

    async def rotate(self, password: str) -> None:
        """Have them use another password for the OMS."""
        write_keys(self._directory / "credentials", {"username": OMS_USERNAME, "password": password})

    @property
    def log(self) -> str:
        return "".join(process.log[-4000:] for process in self.processes)


@contextlib.asynccontextmanager
async def running_relays(directory: Path, config: Mapping[str, Any], *, count: int = 1) -> AsyncIterator[Relays]:
    """Run them; the directory is theirs alone."""
    relays = Relays(directory, config, count)
    try:
        await asyncio.gather(*(process.start() for process in relays.processes))
        yield relays
    finally:
        for process in relays.processes:
            await process.kill()
