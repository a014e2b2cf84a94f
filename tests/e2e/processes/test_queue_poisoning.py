"""An OMS that sends unsolicited responses: no caller ever gets an order other than the requested one."""

import asyncio
import json
import time
from collections import Counter

import aiohttp
import pytest

from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.oms import ORDER, RawServer, Received, http
from support.proxy.running import GET_PATH

ORDERS = GET_PATH.rpartition("/")[0]
SECONDS = 4.0
CLIENTS = 4


def order(number: str) -> bytes:
    return http(200, json.dumps({"customerOrder": {**ORDER, "customerOrderId": number}}).encode())


@pytest.mark.parametrize("delay", [0.0, 0.002], ids=["at once", "2 ms later"])
async def test_unasked_answers(oms: RawServer, proxy: ServeProcess, delay: float) -> None:
    """A second answer behind each tenth one, of somebody else's order, reaches nobody."""
    asked = 0
    sending = set()

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(order(request.target.rpartition("/")[2]))
        if asked % 10 == 0:
            await writer.drain()
            task = asyncio.create_task(unasked(writer))
            sending.add(task)
            task.add_done_callback(sending.discard)

    async def unasked(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay)
        writer.write(order(f"UNASKED-{asked}"))

    oms.play = play
    seen: Counter[str] = Counter()
    headers = tokens.bearer(tokens.machine_token())
    end = time.monotonic() + SECONDS

    async def read(session: aiohttp.ClientSession, client: int) -> None:
        while time.monotonic() < end:
            number = f"CO-{client}-{seen.total()}"
            async with session.get(f"{proxy.api}{ORDERS}/{number}", headers=headers) as answer:
                body = await answer.json(content_type=None)
            if answer.status != 200:
                seen[body["code"]] += 1
            else:
                seen["right" if body["customerOrder"]["customerOrderId"] == number else "wrong"] += 1

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(read(session, client) for client in range(CLIENTS)))
    print(dict(seen))  # noqa: T201 - the numbers are part of the evidence
    assert seen["wrong"] == 0
    assert seen["right"] > 0.5 * seen.total()
