"""Malicious credentials from a tenant admin."""

import asyncio
from typing import Any

import aiohttp

from support.proxy.running import PUT_PATH


async def put(port: int, headers: dict[str, str], body: dict[str, Any], query: str) -> None:
    """Set a credential, or try it, again and again."""
    url = f"http://127.0.0.1:{port}{PUT_PATH}{query}"
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.put(url, json=body, headers=headers) as answer:
                await answer.read()
            await asyncio.sleep(0.01)
