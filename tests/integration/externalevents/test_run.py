"""A receiver that does its duty passes the run; one that does not is found out, whatever it does wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from support.externalevents.oms import PATH, EventsOms, events_oms
from support.externalevents.run import Plan, Result, run
from support.externalevents.server import Restartable
from tenantproxy.config_poslog import Poslog, Verification
from tenantproxy.poslog.intake.envelope import event_of
from tenantproxy.poslog.intake.reader import EventReader, Relevant
from tenantproxy.poslog.sending.authorization import basic

PLAN: Final = Plan(events=400, cycles=1, speed=3000, pause=0.06, slow=0.2, patience=1.0)
ALL: Final = frozenset({204, 400, 401, 404, 409, 410, 422, 429, 500, 503, "connection broken"})
_READER: Final = EventReader(Poslog(Verification(basic=True)))
_TIMEOUT: Final = aiohttp.ClientTimeout(total=0.1)


class Naive:
    """The smallest receiver, in the test's process; killed, it forgets what it was doing."""

    def __init__(self, oms: EventsOms, session: aiohttp.ClientSession, mistake: str = "") -> None:
        self._oms = oms
        self._session = session
        self._mistake = mistake
        self._tasks: set[asyncio.Task[int]] = set()
        self._server = Restartable(self._app)
        self.url = ""
        self.authorize = basic("oms", "password")

    async def start(self) -> None:
        await self._server.start()
        self.url = f"http://127.0.0.1:{self._server.port}/events"

    async def kill(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._server.stop()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/events", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        event = event_of(await request.read())
        reading = _READER.read(event)
        orders = [entry.order_id for entry in reading.entries] if isinstance(reading, Relevant) else []
        if not orders and self._mistake != "passes on all":
            return web.Response(status=204)
        task = asyncio.create_task(self._deliver(event.id, orders))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._mistake == "acknowledges first":
            return web.Response(status=204)
        with contextlib.suppress(asyncio.CancelledError):
            status = await task
            if status < 300 or (self._mistake == "takes a refusal for done" and status < 500):
                return web.Response(status=204)
        return web.Response(status=502)

    async def _deliver(self, event_id: str, orders: list[str]) -> int:
        key = "" if self._mistake == "has no key" else event_id
        headers = {"Idempotency-Key": key, **self.authorize()}
        body = {"orders": [{"orderId": order} for order in orders]}
        status = 0
        for _ in range(2 if self._mistake == "asks again" else 1):
            try:
                async with self._session.post(
                    self._oms.url + PATH, json=body, headers=headers, timeout=_TIMEOUT
                ) as response:
                    status = response.status
            except (TimeoutError, aiohttp.ClientError):
                status = 504
        return status


@contextlib.asynccontextmanager
async def _two(oms: EventsOms, mistake: str) -> AsyncIterator[list[Naive]]:
    async with aiohttp.ClientSession() as session:
        receivers = [Naive(oms, session, mistake) for _ in range(2)]
        for receiver in receivers:
            await receiver.start()
        try:
            yield receivers
        finally:
            for receiver in receivers:
                await receiver.kill()


async def _result(mistake: str = "") -> Result:
    async with events_oms("oms", "password") as oms, _two(oms, mistake) as receivers:

        async def rotate(password: str) -> None:
            for receiver in receivers:
                receiver.authorize = basic("oms", password)

        return await run(PLAN, receivers, oms, authorize=basic("hii", "password"), shared_key="k", rotate=rotate)


async def test_a_receiver_that_does_its_duty() -> None:
    """Nothing is lost, nothing else is told, though receivers are killed and the OMS fails."""
    result = await _result()
    assert result.faults == [], str(result)
    assert result.counts.taken == result.counts.relevant > 40
    assert result.counts.failed == 0
    assert result.kills > 5
    assert result.answers.keys() >= ALL


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("acknowledges first", "before the OMS had taken it"),
        ("takes a refusal for done", "before the OMS had taken it"),
        ("passes on all", "concerns no order"),
        ("has no key", "no event's id"),
        ("asks again", "2 times, in 1 attempts"),
    ],
)
async def test_a_receiver_that_does_not(mistake: str, said: str) -> None:
    """It is found out."""
    result = await _result(mistake)
    assert any(said in fault for fault in result.faults), str(result)
