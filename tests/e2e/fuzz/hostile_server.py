"""An OMS and token endpoint that does what a plan says, down to where a piece of an answer ends."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from typing import cast

from e2e.fuzz.answer_bodies import Kind
from e2e.fuzz.answer_grammar import Plan, good

PAUSE = 0.001
"""Seconds between two pieces."""
IDLE = 0.01
"""Seconds after which a connection is closed on which no more is asked: a client may wait for more."""
_FIRST_LINE = re.compile(rb"\w+ [^ ]*/(\w+)/([\w-]+) ")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)

Plans = Callable[[Kind, str], Plan | None]


class HostileServer:
    """Answers by plans; None: says half of what is right, and no more."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans
        self._server: asyncio.Server | None = None
        self.connections: set[_Connection] = set()

    async def start(self) -> str:
        """Listen on a port of the loopback; return the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def answer_well(self) -> None:
        """From now on, answer as one should."""
        self.plans = lambda kind, name: Plan([good(kind, name)], "keep")

    async def close(self) -> None:
        """Close all connections."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.reset()


class _Connection(asyncio.Protocol):
    """Answers one request after another."""

    def __init__(self, server: HostileServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._server.connections.discard(self)
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        if not end or len(body) < (int(found[1]) if found else 0):
            return
        self._received = b""
        line = _FIRST_LINE.match(head)
        assert line is not None, head
        kind, name = cast("Kind", line[1].decode()), line[2].decode()
        self._stop_waiting()
        what = self._server.plans(kind, name)
        if what is None:
            answer = good(kind, name)
            self._transport.write(answer[: len(answer) // 2])
        else:
            self._say(what, 0)

    def _say(self, what: Plan, index: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(what.pieces[index])
        if index + 1 < len(what.pieces):
            self._loop.call_later(PAUSE, self._say, what, index + 1)  # also if more is asked meanwhile
        elif what.end == "close":
            self._transport.close()
        elif what.end == "reset":
            self.reset()
        else:
            self._stop_waiting()
            self._idle = self._loop.call_later(IDLE, self._transport.close)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def reset(self) -> None:
        """End the connection by a reset."""
        bound = self._transport.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
