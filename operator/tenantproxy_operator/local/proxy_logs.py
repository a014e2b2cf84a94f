"""The proxies' logs on their way to a terminal on which a table is renewed: nobody else may write there."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Final

_CHUNK: Final = 65_536
"""Bytes that are shown at once: a proxy that logs much waits for a pipe that is full, so it is emptied fast."""


@contextlib.asynccontextmanager
async def passed_on(say: Callable[[str], None]) -> AsyncIterator[int]:
    """Yield a descriptor for proxies to write their logs to; whole lines go to `say`, some at a time."""
    reading, writing = os.pipe()
    stream = asyncio.StreamReader()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        task = asyncio.create_task(_pass_on(stream, say))
        try:
            yield writing
        finally:
            os.close(writing)  # the proxies have ended, so this is the end of the file
            await task
            transport.close()


async def _pass_on(stream: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await stream.read(_CHUNK):
        lines, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            say(lines.decode(errors="replace"))
        elif len(rest) > _CHUNK:  # no line of a proxy's is as long
            say(rest.decode(errors="replace"))
            rest = b""
    if rest:
        say(rest.decode(errors="replace"))
