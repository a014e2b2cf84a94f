"""Requests of the admin port, from anywhere in the cluster."""

import asyncio

import aiohttp


async def scrapes(_port: int, admin_port: int, per_second: int) -> None:
    """Ask for the metrics at a pace, over a few connections."""
    connections = 8
    async with aiohttp.ClientSession() as session:

        async def one() -> None:
            loop = asyncio.get_running_loop()
            start, count = loop.time(), 0
            while True:
                async with session.get(f"http://127.0.0.1:{admin_port}/metrics") as answer:
                    await answer.read()
                count += 1
                await asyncio.sleep(max(0.0, count * connections / per_second - (loop.time() - start)))

        await asyncio.gather(*(one() for _ in range(connections)))
