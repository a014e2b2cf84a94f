"""Clients that don't read responses: what is buffered for them is bounded, and others are served meanwhile."""

import asyncio
import json

import pytest

from support.bounds.attacks.reads import never_read
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.oms import ORDER, RawServer, Received, documented, http

MIB = 1024 * 1024


@pytest.fixture
def upstream() -> dict[str, object]:
    """Return a bound that lets answers of some MiB pass."""
    return {"maxResponseBytes": 4 * MIB}


async def test_slow_readers(oms: RawServer, proxy: ServeProcess) -> None:
    """A hundred connections that never read an answer of some MiB cost a bounded amount of memory."""
    large = {"customerOrder": {**ORDER, "customerOrderId": "LARGE", "customerId": "x" * 3 * MIB}}
    answer = http(200, json.dumps(large).encode())

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("/LARGE"):
            writer.write(answer)
        else:
            await documented(request, writer)

    oms.play = play
    seen = await observe(proxy, never_read, tokens.machine_token(sub="slow"), "LARGE", 100)
    seen.assert_bounded()
    await back_to_rest(proxy)
