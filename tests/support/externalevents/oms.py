"""An OMS that receives events: it keeps what it takes, by `Idempotency-Key`, and fails as it is told."""

import asyncio
import base64
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from support.externalevents.server import Restartable

PATH: Final = "/store-events"


class Answer(NamedTuple):
    """What is done with a request."""

    status: int
    """0: the connection is broken instead."""
    headers: Mapping[str, str] = {}
    after: float = 0.0
    """Seconds."""
    is_taken: bool | None = None
    """Whether the event is kept; None: where the status says so."""

    @property
    def takes(self) -> bool:
        return 200 <= self.status < 300 if self.is_taken is None else self.is_taken


class Arrival(NamedTuple):
    """A request that came with the right credential."""

    at: float
    """By the monotonic clock, when it was decided what to do with it."""
    key: str
    digest: bytes
    """Of the body."""
    orders: frozenset[str]
    is_taken: bool
    status: int


TAKEN: Final = Answer(204)


class EventsOms:
    """The server; `answers`, which it gives in turn, may be replaced at any time."""

    def __init__(self, username: str, password: str) -> None:
        self.answers: Sequence[Answer] = (TAKEN,)
        self.refused: frozenset[str] = frozenset()
        """Orders that it does not want to know of: 422."""
        self.arrivals: list[Arrival] = []
        self.outcomes: Counter[int | str] = Counter()
        self._username = username
        self._authorization = ""
        self.change_password(password)
        self._server = Restartable(self._app)

    def change_password(self, password: str) -> None:
        """Accept this one alone from now on."""
        self._authorization = f"Basic {base64.b64encode(f'{self._username}:{password}'.encode()).decode()}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    async def start(self) -> None:
        """Listen, on the same port as before."""
        await self._server.start()

    async def stop(self) -> None:
        """End as a process that is killed: nobody listens, connections break."""
        await self._server.stop()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post(PATH, self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Authorization") != self._authorization:
            self.outcomes[401] += 1
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        orders = _orders(body)
        answer = self.answers[len(self.arrivals) % len(self.answers)]
        if answer.takes and self.refused.intersection(orders):
            answer = Answer(422)
        key = request.headers.get("Idempotency-Key", "")
        self.arrivals.append(
            Arrival(time.monotonic(), key, hashlib.sha256(body).digest(), orders, answer.takes, answer.status)
        )
        self.outcomes[answer.status or "connection broken"] += 1
        if answer.after:
            await asyncio.sleep(answer.after)
        if not answer.status and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status or 500, headers=answer.headers)


def _orders(body: bytes) -> frozenset[str]:
    """Return the ids of the orders in a document of `format: json`."""
    document = msgspec.json.decode(body)
    return frozenset(order["orderId"] for order in document["orders"])


@contextlib.asynccontextmanager
async def events_oms(username: str, password: str) -> AsyncIterator[EventsOms]:
    """Run one, on loopback."""
    oms = EventsOms(username, password)
    await oms.start()
    try:
        yield oms
    finally:
        await oms.stop()
