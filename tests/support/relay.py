"""A TCP relay between a client and a server, to simulate network failures."""

import asyncio
import contextlib
from typing import Final, Self
from urllib.parse import urlsplit

_PIECE: Final = 65536


class Relay:
    """Passes bytes on, both ways, until it is cut; refuses connections until it is mended."""

    def __init__(self, url: str) -> None:
        """Prepare to stand before the server at `url`."""
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._is_cut = False

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"{self._target.scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break all connections, and take no new ones."""
        self._is_cut = True
        for task in self._connections:
            task.cancel()

    def mend(self) -> None:
        """Take new connections."""
        self._is_cut = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            if not self._is_cut:
                await self._pass_on(reader, writer)
        writer.transport.abort()
        self._connections.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, onward_writer))
                group.create_task(_copy(onward_reader, writer))
        except* ConnectionError:
            pass
        finally:
            onward_writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    raise ConnectionAbortedError  # one end closed: neither is needed any more
