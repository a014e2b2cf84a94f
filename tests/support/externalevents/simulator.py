"""ExternalEvents as a receiver sees it (docs/oms.md): attempts, its plan of retries, the journal, replays."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, NamedTuple

from tenantproxy.poslog.sending.delivery import ACKNOWLEDGED, RETRIES, Sender
from tenantproxy.poslog.sending.events import Event


class Attempt(NamedTuple):
    """One attempt, by the monotonic clock, and the answer's status, or what went wrong."""

    sent: float
    ended: float
    outcome: int | str

    @property
    def is_acknowledged(self) -> bool:
        return self.outcome in ACKNOWLEDGED


@dataclass(slots=True)
class Delivery:
    """What was done to bring one event to the receiver."""

    event: Event | None
    """None once it is acknowledged: then nobody needs it again."""
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: list[Attempt] = field(default_factory=list)
    replays: int = 0

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].is_acknowledged


class ExternalEvents:
    """Delivers events to one webhook, by several senders in turn where it has several receivers."""

    def __init__(self, senders: Sequence[Sender], *, speed: float, in_flight: int) -> None:
        """Prepare; `speed` divides the pauses between attempts, `in_flight` bounds the attempts at a time."""
        self._senders = cycle(senders)
        self._pauses = [seconds / speed for seconds in RETRIES]
        self._places = asyncio.Semaphore(in_flight)
        self._under_way: set[asyncio.Task[None]] = set()
        self.deliveries: dict[str, Delivery] = {}
        self.journal: dict[str, Delivery] = {}
        """The failed ones, by the event's id."""

    async def publish(self, event: Event) -> None:
        """Take an event, once there is a place for its first attempt; the rest goes on by itself."""
        assert event.id not in self.deliveries, "each event has an id of its own"
        delivery = self.deliveries[event.id] = Delivery(event)
        await self._places.acquire()
        self._begin(self._deliver(delivery, has_place=True))

    def replay(self, event_ids: Iterable[str]) -> None:
        """Deliver failed events again, by the same plan; a batch in whatever order, as in the journal's page."""
        for event_id in event_ids:
            delivery = self.journal.pop(event_id)
            delivery.replays += 1
            self._begin(self._deliver(delivery, has_place=False))

    async def settled(self) -> None:
        """Wait until each event is acknowledged, or in the journal."""
        while self._under_way:
            done, _ = await asyncio.wait(self._under_way)
            for task in done:
                task.result()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """How many events are neither acknowledged nor in the journal."""
        return len(self._under_way)

    def outcomes(self) -> Counter[int | str]:
        """Return how often an attempt ended how: the status, or that there was no answer."""
        ended = (attempt.outcome for each in self.deliveries.values() for attempt in each.attempts)
        return Counter(each if isinstance(each, int) else each.partition(":")[0] for each in ended)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:  # else `settled` says so
            self._under_way.discard(task)

    async def _deliver(self, delivery: Delivery, *, has_place: bool) -> None:
        for pause in (*self._pauses, None):
            if not has_place:
                await self._places.acquire()
            has_place = False
            try:
                is_acknowledged = await self._attempt(delivery)
            finally:
                self._places.release()
            if is_acknowledged:
                delivery.event = None
                return
            if pause is not None:
                await asyncio.sleep(pause)
        assert delivery.event is not None
        self.journal[delivery.event.id] = delivery

    async def _attempt(self, delivery: Delivery) -> bool:
        assert delivery.event is not None
        sent = time.monotonic()
        answer = await next(self._senders).attempt(delivery.event, delivery.correlation_id)
        attempt = Attempt(sent, time.monotonic(), answer.outcome)
        delivery.attempts.append(attempt)
        return attempt.is_acknowledged
