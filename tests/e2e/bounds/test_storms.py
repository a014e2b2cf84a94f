"""Clients that ask for more than the CPU can answer: others are served meanwhile, and a credential can be set."""

import asyncio

import aiohttp
import pytest

from support.bounds.attacks.storms import storm
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.running import PUT_PATH
from support.waiting import eventually

CONNECTIONS = 3000


@pytest.mark.parametrize("one_caller", [True, False], ids=["one caller", "ever other tokens"])
async def test_a_storm_takes_no_turns_from_others(proxy: ServeProcess, *, one_caller: bool) -> None:
    """One who asks on three thousand connections delays a known caller, and a PUT, by one request each."""
    token = tokens.machine_token(sub="storm") if one_caller else None
    putting = asyncio.create_task(_put(proxy))
    seen = await observe(proxy, storm, CONNECTIONS, token)
    seen.assert_bounded()
    assert await putting == 401
    await back_to_rest(proxy)


async def _put(proxy: ServeProcess) -> int:
    """Return what a PUT with a wrong token is answered, which comes while many wait."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def crowded() -> bool:
            async with session.get(f"{proxy.admin}/metrics") as answer:
                return 'tenantproxy_rejected_requests_total{reason="' in await answer.text()

        await eventually(crowded)
        async with session.put(proxy.api + PUT_PATH, headers=tokens.bearer("un.kno.wn"), json={}) as answer:
            return answer.status
