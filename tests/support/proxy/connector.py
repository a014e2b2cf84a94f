"""An HTTP client's connections, none of which outlives it."""

import asyncio
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


class Connector(aiohttp.TCPConnector):
    """aiohttp's, which forgets a TLS connection that it closes before its time, such as a watch's.

    asyncio then ends TLS in good order: it waits for the other side's word, for half a minute at most, also beyond
    the end of the client and of its event loop. Here the client's end ends that. (uvloop's can't be kept.)
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of `aiohttp.TCPConnector`."""
        super().__init__(**options)
        self._transports: WeakSet[asyncio.BaseTransport] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> Connection:
        """Return a connection for a request."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            self._transports.add(connection.transport)
        return connection

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close all connections at once, also those that are being closed."""
        await super().close(abort_ssl=abort_ssl)
        for transport in list(self._transports):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        await asyncio.sleep(0)  # the event loop closes their sockets in its next step
