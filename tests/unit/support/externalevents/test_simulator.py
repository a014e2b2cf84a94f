"""The simulator does what ExternalEvents is known to do, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise

import aiohttp
import pytest

from support.externalevents.simulator import ExternalEvents
from support.proxy.webhook import Webhook, webhook
from support.waiting import eventually
from tenantproxy.poslog.sending import authorization
from tenantproxy.poslog.sending.delivery import Sender
from tenantproxy.poslog.sending.events import Event
from tenantproxy.poslog.sending.events import test_event as webhook_test

FASTEST = 30_000.0


def _event(event_id: str) -> Event:
    return webhook_test(event_id=event_id, now=datetime.now(UTC))


@contextlib.asynccontextmanager
async def _external_events(*urls: str, in_flight: int = 4) -> AsyncIterator[ExternalEvents]:
    async with aiohttp.ClientSession() as session:
        senders = [Sender(session, url, authorization.basic("hii", "password"), lambda _event: {}) for url in urls]
        running = ExternalEvents(senders, speed=FASTEST, in_flight=in_flight)
        try:
            yield running
        finally:
            await running.close()


async def _published(receiver: Webhook, *event_ids: str) -> ExternalEvents:
    async with _external_events(receiver.url) as running:
        for event_id in event_ids:
            await running.publish(_event(event_id))
        await running.settled()
    return running


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_what_is_acknowledged_is_done_with(status: int) -> None:
    """One attempt, nothing in the journal, and the event itself is no longer held."""
    async with webhook(status) as receiver:
        running = await _published(receiver, "7")
    assert [attempt.outcome for attempt in running.deliveries["7"].attempts] == [status]
    assert running.deliveries["7"].event is None
    assert running.journal == {}


async def test_after_six_attempts_it_is_in_the_journal() -> None:
    """The pauses before them grow by the plan."""
    async with webhook(500) as receiver:
        running = await _published(receiver, "7")
    attempts = running.deliveries["7"].attempts
    assert [attempt.outcome for attempt in attempts] == [500] * 6
    pauses = [after.sent - before.ended for before, after in pairwise(attempts)]
    assert all(pause >= planned / FASTEST for pause, planned in zip(pauses, (60, 120, 240, 480, 600), strict=True))
    assert [*running.journal] == ["7"]


async def test_a_replay_follows_the_same_plan() -> None:
    """With the same id and correlation id; what is acknowledged then leaves the journal."""
    async with webhook(*[503] * 8, 202) as receiver, _external_events(receiver.url) as running:
        await running.publish(_event("7"))
        await running.settled()
        running.replay([*running.journal])
        await running.settled()
    delivery = running.deliveries["7"]
    assert [attempt.outcome for attempt in delivery.attempts] == [503] * 8 + [202]
    assert (delivery.replays, running.journal) == (1, {})
    assert len({each.headers["correlation-id"] for each in receiver.deliveries}) == 1
    assert running.outcomes() == {503: 8, 202: 1}


async def test_so_many_at_a_time() -> None:
    """Who publishes waits for a place."""
    async with webhook(0) as receiver, _external_events(receiver.url, in_flight=2) as running:
        for event_id in ("1", "2"):
            await running.publish(_event(event_id))
        third = asyncio.create_task(running.publish(_event("3")))
        await eventually(lambda: len(receiver.deliveries) == 2)
        assert not third.done()
        assert running.waiting == 2
        receiver.end()
        await third


async def test_receivers_in_turn() -> None:
    """As by a load balancer that knows nothing of them: an attempt at the one that is down fails."""
    async with webhook(204) as receiver, _external_events(receiver.url, "http://127.0.0.1:9/events") as running:
        for number in range(4):
            await running.publish(_event(f"{number}"))
        await running.settled()
    assert len(receiver.deliveries) == 4
    assert all(each.is_acknowledged for each in running.deliveries.values())
    assert sum(len(each.attempts) for each in running.deliveries.values()) > 4
