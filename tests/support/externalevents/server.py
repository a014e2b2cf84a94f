"""An HTTP server that ends as if it were killed, and comes back where it was."""

import asyncio
import socket
from collections.abc import Callable

from aiohttp import web


class Restartable:
    """Serves an application on a port of the loopback, which stays its own."""

    def __init__(self, make: Callable[[], web.Application]) -> None:
        self._make = make
        self._runner: web.AppRunner | None = None
        self._socket: socket.socket | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(self._make(), shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        """Break all connections, and take no new ones."""
        if self._runner is None or self._socket is None:
            return
        # asyncio forgets connections that it has accepted just before it closes a server.
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        await self._runner.cleanup()
        self._runner = self._socket = None
