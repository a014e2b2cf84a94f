"""Orders whose responses, from a hostile OMS or a faulty one, are as much work as the bounds allow."""

import asyncio
import itertools

import aiohttp

_UNIT = "/api/v1/business-units/BU-1/customer-orders"


async def ask_for(port: int, token: str, connections: int, orders: list[str], searches: list[str]) -> None:
    """Read these orders, and search for these customers, over and over, so many at once."""
    base = f"http://127.0.0.1:{port}{_UNIT}"
    kinds: list[tuple[str, str, dict[str, str] | None]] = [("GET", f"{base}/{order}", None) for order in orders]
    kinds += [("POST", f"{base}:search", {"customerId": customer}) for customer in searches]
    turns = itertools.cycle(kinds)

    async def ask(session: aiohttp.ClientSession) -> None:
        while True:
            method, url, criteria = next(turns)
            async with session.request(method, url, json=criteria) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(ask(session) for _ in range(connections)))
