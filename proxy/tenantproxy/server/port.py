"""What the connections of one port share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from tenantproxy.problems import Problem
from tenantproxy.server.connection_limits import ConnectionLimits, LimitedConnection, ParseScheduler
from tenantproxy.server.request import Request
from tenantproxy.server.response import Response

Handler = Callable[[Request], Awaitable[Response]]


class OpenConnection(LimitedConnection, Protocol):
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

    def __init__(self, handler: Handler, on_problem: Callable[[Problem], Response], max_connections: int) -> None:
        self.handler = handler
        self.on_problem = on_problem
        """Answers what was not a request."""
        self.loop = asyncio.get_running_loop()
        self.limits = ConnectionLimits(max_connections)
        self.scheduler = ParseScheduler(self.loop.call_soon)
        self.connections: set[OpenConnection] = set()
        """Those that are open, or whose last request has not come to its end."""
        self.draining = False
        """Whether each response is the last one of its connection."""
