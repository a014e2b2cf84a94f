"""The proxies' logs on their way to the terminal."""

import asyncio
import os

from support.waiting import eventually
from tenantproxy_operator.local.proxy_logs import passed_on


async def test_whole_lines() -> None:
    """Lines arrive whole, some at a time, also those that come in parts; at the end all is out."""
    said: list[str] = []
    async with passed_on(said.append) as log:
        os.write(log, b"one\ntwo\nthr")
        await eventually(lambda: said == ["one\ntwo"])
        os.write(log, "ée\n".encode())
        await eventually(lambda: said[1:] == ["thrée"])
        os.write(log, b"no newline \xff")
    assert said[2:] == ["no newline \ufffd"]


async def test_line_without_end() -> None:
    """It is not kept for ever."""
    said: list[str] = []
    async with passed_on(said.append) as log:
        await asyncio.to_thread(os.write, log, b"x" * (1 << 18))
        await eventually(lambda: len(said) > 0)
