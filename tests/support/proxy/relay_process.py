"""`tenantproxy poslog serve` as a process, and events that are sent to it."""

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from support.commands import ServeProcess, serve
from support.proxy.configuration import configuration
from support.proxy.relaying import SECRETS, event_of, login, signed
from support.proxy.running import BASIC
from tenantproxy.credentials.stores.files import write_keys
from tenantproxy.poslog.sending.events import Event

PICKUP = event_of("pickup")


def config(url: str, **poslog: Any) -> dict[str, Any]:
    return configuration(url, poslog={"verification": {"sharedKey": True, "basic": True}, **poslog})


@asynccontextmanager
async def relay(directory: Path, url: str, **poslog: Any) -> AsyncIterator[ServeProcess]:
    """Run a relay whose credential and keys are in `directory`."""
    write_keys(directory / "credentials", BASIC)
    write_keys(directory / "poslog", SECRETS)
    secrets = ("--poslog-secrets", str(directory / "poslog"))
    async with serve(directory, config(url, **poslog), *secrets, command=("poslog", "serve")) as running:
        yield running


async def send(url: str, event: Event = PICKUP) -> int:
    headers = {**login(), **signed(event.body), "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/events", data=io.BytesIO(event.body), headers=headers) as response,
    ):
        return response.status


def resident(running: ServeProcess, name: str = "VmRSS") -> float:
    """Return a size of a process, in MiB."""
    found = re.search(
        rf"^{name}:\s+(\d+) kB", Path(f"/proc/{running.process.pid}/status").read_text(), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) / 1024
