"""A receiver of store events: it keeps what comes, and answers as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from aiohttp import web


class Delivery(NamedTuple):
    """A POST that came."""

    headers: dict[str, str]
    body: bytes


class Webhook:
    """Answers the statuses in turn, the last one for ever; 0 stands for no answer."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self._statuses = list(statuses)
        self.deliveries: list[Delivery] = []
        self.url = ""
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Answer whoever waits."""
        self._ended.set()

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.deliveries.append(Delivery(headers, await request.read()))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if not status:
            await self._ended.wait()
        return web.Response(status=status or 503, headers={"Location": "/elsewhere"} if status == 302 else {})


@contextlib.asynccontextmanager
async def webhook(*statuses: int) -> AsyncIterator[Webhook]:
    """Run one, on loopback."""
    receiver = Webhook(statuses or (202,))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address: Any = runner.addresses[0]
    receiver.url = f"http://127.0.0.1:{address[1]}/events"
    try:
        yield receiver
    finally:
        receiver.end()
        await runner.cleanup()
