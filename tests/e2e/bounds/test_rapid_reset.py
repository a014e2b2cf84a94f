"""Clients that disconnect: the OMS gets no more requests than allowed, and others are served meanwhile."""

import asyncio
import re

import aiohttp
import pytest

from support.bounds.attacks.reads import go_away
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.oms import RawServer, Received, documented

MAX_CONNECTIONS = 5
OMS_SECONDS = 0.1


@pytest.fixture
def upstream() -> dict[str, object]:
    return {"maxConnections": MAX_CONNECTIONS}


@pytest.mark.parametrize("patience", [0.005, 0.05], ids=["at once", "while the OMS works"])
async def test_rapid_reset(oms: RawServer, proxy: ServeProcess, patience: float) -> None:
    """A call that nobody waits for keeps its place at the OMS; one client's storm leaves places to others."""

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(OMS_SECONDS)
        await documented(request, writer)

    oms.play = play
    token = tokens.machine_token(sub="impatient")
    seen = await observe(proxy, go_away, token, 60, patience)
    seen.assert_bounded()
    assert oms.most_concurrent <= MAX_CONNECTIONS
    assert oms.connections <= MAX_CONNECTIONS + 1
    async with aiohttp.ClientSession() as session, session.get(f"{proxy.admin}/metrics") as answer:
        counted = re.search(r'cancelled_requests_total{route="getOrder".*} (\S+)', await answer.text())
    assert counted is not None
    assert float(counted[1]) > 100
    await back_to_rest(proxy)
