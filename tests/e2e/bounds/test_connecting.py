"""Idle connections don't use up the file descriptors."""

import asyncio
import resource
from pathlib import Path

import aiohttp
import pytest

from support.bounds.attacks.connecting import idle_connections
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess, serve
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.oms import RawServer
from support.proxy.running import BASIC, GET_PATH
from support.waiting import PATIENCE
from tenantproxy.credentials.stores.files import write_keys

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
ROTATED = {"username": "user", "password": "rotated"}


@pytest.mark.parametrize(
    ("port", "hard"),
    [("api", 1024), ("api", HARD), ("admin", 1024)],
    ids=["hard limit", "soft limit", "of the admin port"],
)
async def test_idle_connections_take_no_descriptor_that_is_needed(
    oms: RawServer, tmp_path: Path, port: str, hard: int
) -> None:
    """With 1,100 of them, reads, probes, scrapes and the credential's rotation go on."""
    write_keys(tmp_path / "credentials", BASIC)
    config = configuration(oms.url, access=tokens.access(tmp_path))
    async with serve(tmp_path, config, "--log-level", "warning", descriptors=(1024, hard)) as proxy:
        watching = asyncio.create_task(_rotate(proxy, oms, tmp_path / "credentials"))
        ports = {"api": proxy.api_port, "admin": proxy.admin_port}
        seen = await observe(proxy, idle_connections, ports[port], 1100)
        seen.assert_bounded()
        await watching
        assert ("clients' connections at most" in proxy.log) == (hard == 1024)
        assert '"error"' not in proxy.log
        await back_to_rest(proxy)


async def _rotate(proxy: ServeProcess, oms: RawServer, credentials: Path) -> None:
    """Replace the credential while the attack goes on, and wait until it is used; scrape meanwhile."""
    await asyncio.sleep(1.5)  # the attack is under way by then
    write_keys(credentials, ROTATED)
    headers = tokens.bearer(tokens.machine_token(sub="well-behaved"))
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(headers=headers) as session:
        while True:
            async with session.get(proxy.api + GET_PATH) as answer:
                assert answer.status == 200
            async with session.get(f"{proxy.admin}/metrics") as answer:
                assert answer.status == 200
            if oms.received[-1].headers["authorization"] == "Basic dXNlcjpyb3RhdGVk":
                return
            await asyncio.sleep(0.1)
