"""Whatever is in the Secret, and whatever resource its store lacks, the next valid credential is used."""

import asyncio
import re
import resource
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.idp import ON_LOOPBACK
from support.proxy.oms import RawServer
from support.proxy.running import BASIC, GET_PATH
from support.waiting import PATIENCE, eventually
from tenantproxy.credentials.stores.files import write_keys

OTHER = {"username": "user", "password": "other"}


async def read(proxy: ServeProcess) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{proxy.admin}/healthz") as answer:
            assert answer.status == 200
        headers = tokens.bearer(tokens.machine_token())
        async with session.get(proxy.api + GET_PATH, headers=headers) as answer:
            return answer.status, str((await answer.json()).get("code"))


async def uses(proxy: ServeProcess, oms: RawServer, keys: Mapping[str, str]) -> None:
    """Wait until reads carry these keys; the store is looked at every half a second."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, _ = await read(proxy)
            sent = aiohttp.BasicAuth.decode(oms.received[-1].headers["authorization"]) if oms.received else None
            if status == 200 and sent == (keys["username"], keys["password"], "latin1"):
                return
            await asyncio.sleep(0.05)


async def unreadable(session: aiohttp.ClientSession, proxy: ServeProcess) -> float:
    """Return how often the store could not be read."""
    async with session.get(f"{proxy.admin}/metrics") as answer:
        found = re.search(r'config_changes_total{outcome="unreadable".*} (\S+)', await answer.text())
    return float(found[1]) if found is not None else 0.0


@pytest.mark.parametrize("url", ["https://[", "https://idp.example:65536/M4RKED", "https://10.0.0.1/M4RKED"])
async def test_a_malformed_auth_url(oms: RawServer, tmp_path: Path, url: str) -> None:
    """A process starts with it, is healthy, and takes the corrected Secret; later ones do it no harm either."""
    bad = {"clientId": "id", "clientSecret": "M4RKED", "authUrl": url}
    write_keys(tmp_path / "credentials", bad)
    config = configuration(oms.url, auth=ON_LOOPBACK, access=tokens.access(tmp_path))
    async with serve(tmp_path, config) as proxy:
        assert await read(proxy) == (503, "credentials-invalid")
        for keys in (BASIC, OTHER):
            write_keys(tmp_path / "credentials", keys)
            await uses(proxy, oms, keys)
            write_keys(tmp_path / "credentials", bad)
            await eventually(lambda: read(proxy), lambda found: found == (503, "credentials-invalid"))
    assert "M4RKED" not in proxy.log


async def test_without_descriptors(proxy: ServeProcess, oms: RawServer, tmp_path: Path) -> None:
    """A store that can't be looked at for a while, since no file can be opened, is followed afterwards."""
    await uses(proxy, oms, BASIC)
    limits = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    async with aiohttp.ClientSession() as session:
        assert await unreadable(session, proxy) == 0  # this connection stays
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (1, limits[1]))
        write_keys(tmp_path / "credentials", OTHER)
        await eventually(lambda: unreadable(session, proxy))
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, limits)
    await uses(proxy, oms, OTHER)
