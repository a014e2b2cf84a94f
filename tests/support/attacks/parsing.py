"""Bytes that are not HTTP, from clients without a token."""

import asyncio
import contextlib
import time


async def bytes_after_a_parse_error(port: int, connections: int, mib_per_second: float) -> None:
    """Go on sending, at a pace, behind what can't be parsed; connect again when closed."""
    piece = b"\x00\x01 not HTTP \r\n" * 64
    pace = mib_per_second * 1024 * 1024 / connections

    async def one() -> None:
        while True:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                start, sent = time.monotonic(), 0
                try:
                    while True:
                        writer.write(piece)
                        await writer.drain()
                        sent += len(piece)
                        await asyncio.sleep(max(0.0, sent / pace - (time.monotonic() - start)))
                finally:
                    writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(connections)))
