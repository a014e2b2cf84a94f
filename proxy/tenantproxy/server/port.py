"""What the connections of one port share."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple, Protocol

from tenantproxy.entrance import Entrance, Waiting
from tenantproxy.problems import Problem
from tenantproxy.server.connection_limits import (
    MAX_UNFINISHED_BYTES,
    ConnectionLimits,
    LimitedConnection,
    ParseScheduler,
)
from tenantproxy.server.request import Request
from tenantproxy.server.response import Response

Handler = Callable[[Request], Awaitable[Response]]


class Queue(NamedTuple):
    """What is done with requests that wait for their turn where there are many."""

    caller_of: Callable[[Request], Hashable]
    """Says whose turn a request takes."""
    on_gone: Callable[[Request], None]
    """Is told of each whose connection has ended meanwhile."""
    room: Callable[[], int]
    """Says for how many more there is room at what they are passed on to."""


class OpenConnection(LimitedConnection, Waiting, Protocol):
    """What the port's server asks of a connection."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        ...

    @property
    def lingering(self) -> bool:
        """Whether the last response was sent."""
        ...

    def cut_off(self) -> asyncio.Task[None] | None:
        """Close it at once, also where a request is being answered; return what still has to end, if anything."""
        ...


class Port:
    """One port: who answers its requests, and its connections."""

    def __init__(
        self,
        handler: Handler,
        on_problem: Callable[[Problem], Response],
        max_connections: int,
        max_unfinished_bytes: int = MAX_UNFINISHED_BYTES,
        queue: Queue | None = None,
    ) -> None:
        self.handler = handler
        self.on_problem = on_problem
        """Answers what was not a request."""
        self.loop = asyncio.get_running_loop()
        self.queue = queue
        self.entrance = Entrance[OpenConnection](self.loop, queue.room) if queue is not None else None
        """None: all requests begin at once."""
        self.limits = ConnectionLimits(max_connections, max_unfinished_bytes, crowding=self._crowding)
        self.scheduler = ParseScheduler(self.loop.call_soon)
        self.connections: set[OpenConnection] = set()
        """Those that are open, or whose last request has not come to its end."""
        self.draining = False
        """Whether each response is the last one of its connection."""

    def _crowding(self) -> OpenConnection | None:
        return self.entrance.crowding() if self.entrance is not None else None
