"""A real HTTP server that acts as an OMS or a token endpoint as a test wants it, down to the bytes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple, Self

from support.waiting import PATIENCE


class Received(NamedTuple):
    """A request as it came: header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Play = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
"""Writes what the server answers to one request."""


class RawServer:
    """Records every request; answers by `play`, which a test may replace at any time."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.received: list[Received] = []
        self.concurrent = 0
        self.most_concurrent = 0
        self.connections = 0
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()  # a second time does nothing
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def reached(self, concurrent: int) -> None:
        """Wait until it is at work on so many requests."""
        async with asyncio.timeout(PATIENCE):
            while self.concurrent != concurrent:
                self._changed.clear()
                await self._changed.wait()

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (request := await read_request(reader)) is not None:
                self.received.append(request)
                self.concurrent += 1
                self.most_concurrent = max(self.most_concurrent, self.concurrent)
                self._changed.set()
                try:
                    await self.play(request, writer)
                    await writer.drain()
                finally:
                    self.concurrent -= 1
                    self._changed.set()
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> Received | None:
    """Return the next request; None where the client has closed the connection."""
    head = await reader.readline()
    if not head:
        return None
    method, target, _ = head.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body)


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an HTTP answer with a right Content-Length; `content_type` becomes `content-type`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given.setdefault("content-type", "application/json")
    given.setdefault("content-length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def answering(*answers: bytes) -> Play:
    """Return a play that gives these answers in turn, the last one for ever."""
    left = list(answers)

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return play


ORDER = {
    "customerOrderId": "CO-1",
    "customerId": "C-1",
    "status": "CREATED",
    "items": [{"itemId": "I-1", "quantityOrdered": 2, "unitPrice": 9.5}],
}


def order_answer(order_id: str) -> bytes:
    """Return the documented answer to a GET of an order."""
    return http(200, json.dumps({"customerOrder": {**ORDER, "customerOrderId": order_id}}).encode())


ORDER_ANSWER = order_answer("CO-1")
SEARCH_ANSWER = http(
    200,
    json.dumps(
        {"customerOrders": [{"customerOrderId": "CO-1", "customerId": "C-1", "status": "CREATED"}]}
    ).encode(),
)


async def documented(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer as the documented contract has it, whoever asks: to a GET, the order that is asked for."""
    order_id = request.target.rpartition("/")[2]
    writer.write(SEARCH_ANSWER if request.method == "POST" else order_answer(order_id))


def token_answer(value: str, **members: object) -> bytes:
    """Return a token endpoint's answer."""
    return http(200, json.dumps({"access_token": value, "token_type": "Bearer", **members}).encode())


@contextlib.asynccontextmanager
async def raw_server(play: Play) -> AsyncIterator[RawServer]:
    """Run a server on a free port of the loopback."""
    async with RawServer(play) as server:
        yield server


# ---- plays and servers that misbehave


def dripping(answer: bytes, *, after: int, pause: float) -> Play:
    """Return a play that stalls after some bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer[:after])
        await writer.drain()
        await asyncio.sleep(pause)
        writer.write(answer[after:])

    return play


def held_until(release: asyncio.Event, play: Play = documented) -> Play:
    """Return a play that waits for the test's word."""

    async def held(request: Received, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await play(request, writer)

    return held


def breaking(answer: bytes) -> Play:
    """Return a play that closes the connection after these bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return play


def resetting(answer: bytes) -> Play:
    """Return a play that resets the connection after these bytes."""

    async def play(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.transport.abort()

    return play


async def only_right_password(request: Received, writer: asyncio.StreamWriter) -> None:
    """Take the password of BASIC only."""
    if request.headers["authorization"] == "Basic dXNlcjpyaWdodA==":
        writer.write(ORDER_ANSWER)
    else:
        writer.write(http(401))
