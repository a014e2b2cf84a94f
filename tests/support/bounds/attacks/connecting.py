"""Many connections, from clients without a token."""

import asyncio
import contextlib


async def idle_connections(_port: int, port: int, connections: int) -> None:
    """Open connections to any port of a proxy's and send nothing; open another for each that is closed."""

    async def one() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one() for _ in range(connections)))
