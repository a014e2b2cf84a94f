"""A day of events through receivers that are killed, to an OMS that fails in every way that it can."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import islice
from random import Random
from typing import Final, NamedTuple, Protocol

import aiohttp

from support.externalevents.checker import Counts, counts, faults
from support.externalevents.oms import TAKEN, EventsOms
from support.externalevents.simulator import ExternalEvents
from support.externalevents.stages import Stages, stages
from support.externalevents.traffic import day
from tenantproxy.poslog.sending.authorization import Authorize, Signed, signature
from tenantproxy.poslog.sending.delivery import Sender
from tenantproxy.poslog.sending.events import Event

ROUNDS: Final = 10
"""So often the journal is replayed at most."""


class Receiver(Protocol):
    """A process that takes events, such as a relay."""

    url: str

    async def kill(self) -> None:
        """End it at once, whatever it is doing."""

    async def start(self) -> None:
        """Start it, again; return once it is ready."""


class Plan(NamedTuple):
    """What a run is: how many events, how often the OMS fails in each way, and how fast the clock goes."""

    events: int
    cycles: int
    speed: float
    relevant: float = 0.2
    in_flight: int = 24
    pause: float = 1.0
    """Seconds of each of the OMS's stages, at least; so often a receiver is killed, more or less."""
    slow: float = 2.0
    """Seconds after which a slow OMS answers, more than a receiver waits."""
    patience: float = 20.0
    """Seconds for which each stage's effect is waited for: all receivers may be dead, or held back."""
    seed: int = 1


class Result(NamedTuple):
    """What came of it."""

    counts: Counts
    faults: list[str]
    attempts: Counter[int | str]
    """How they ended."""
    answers: Counter[int | str]
    """The OMS's."""
    kills: int
    rounds: int
    """Of replays."""
    seconds: float

    def __str__(self) -> str:
        """Return it as people read it."""
        of = self.counts
        lines = [
            f"{of.events} events, {of.relevant} of them about an order, in {self.seconds:.0f} s",
            f"a receiver was killed and started again {self.kills} times",
            f"{of.attempts} attempts: {_listed(self.attempts)}",
            f"{of.acknowledged} events acknowledged, {of.replayed} of them replayed, in {self.rounds} rounds",
            f"{of.requests} requests to the OMS: {_listed(self.answers)}",
            f"{of.taken} events were taken by the OMS, {of.duplicates} of them a second time",
            f"{of.relevant - of.taken} events lost, {of.failed} left in the journal, {len(self.faults)} faults",
        ]
        return "\n".join(lines)


def _listed(counter: Counter[int | str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counter.most_common())


async def run(
    plan: Plan,
    receivers: Sequence[Receiver],
    oms: EventsOms,
    *,
    authorize: Authorize,
    shared_key: str,
    rotate: Callable[[str], Awaitable[None]],
) -> Result:
    """Publish all events while everything fails; then have everything well again, and replay until all is there.

    `rotate` gives the receivers another password for the OMS.
    """
    begin = time.monotonic()
    random = Random(plan.seed)  # noqa: S311 - who is killed when

    def sign(event: Event) -> dict[str, str]:
        reading: Signed = "data" if int(event.id) % 2 else "body"
        return dict(signature(event, shared_key, reading))

    async with aiohttp.ClientSession() as session:
        senders = [Sender(session, receiver.url, authorize, sign) for receiver in receivers]
        external_events = ExternalEvents(senders, speed=plan.speed, in_flight=plan.in_flight)
        killing = _Killing(receivers, random, plan.pause)
        try:
            async with killing.beside():
                orders = await _published(plan, external_events, oms, rotate)
            await killing.restart_all()  # also because of 410, after which a relay delivers nothing
            rounds = await _replayed(external_events, random)
        finally:
            await external_events.close()
    return Result(
        counts(orders, external_events.deliveries, oms.arrivals),
        [*faults(orders, external_events.deliveries, oms.arrivals)],
        external_events.outcomes(),
        oms.outcomes,
        killing.kills,
        rounds,
        time.monotonic() - begin,
    )


async def _published(
    plan: Plan, external_events: ExternalEvents, oms: EventsOms, rotate: Callable[[str], Awaitable[None]]
) -> dict[str, frozenset[str]]:
    """Publish all events, some in each stage; return the orders that they are about, by their ids."""
    oms.refused = frozenset(f"CO-{number}" for number in range(3, plan.events, 10))
    through = Stages(oms, rotate, plan.patience)
    planned = stages(plan.slow) * plan.cycles
    orders: dict[str, frozenset[str]] = {}
    events = day(plan.events, relevant=plan.relevant, seed=plan.seed)
    for number, stage in enumerate(planned, start=1):
        share = plan.events * number // len(planned) - len(orders)
        async with through.at(stage):
            begin = time.monotonic()
            for place, published in enumerate(islice(events, share), start=1):
                orders[published.event.id] = published.orders
                await external_events.publish(published.event)
                await asyncio.sleep(max(0.0, begin + plan.pause * place / share - time.monotonic()))
    oms.answers, oms.refused = (TAKEN,), frozenset()
    return orders


async def _replayed(external_events: ExternalEvents, random: Random) -> int:
    """Replay what is in the journal: the first time one event alone, then all, in any order; return how often."""
    for number in range(ROUNDS):
        await external_events.settled()
        failed = [*external_events.journal]
        if not failed:
            return number
        random.shuffle(failed)
        external_events.replay(failed[:1] if number == 0 else failed)
    await external_events.settled()
    return ROUNDS


class _Killing:
    """Kills one receiver after another, at any moment, and starts it again a while later."""

    def __init__(self, receivers: Sequence[Receiver], random: Random, pauses: float) -> None:
        self._receivers = receivers
        self._random = random
        self._pauses = pauses
        self._over = asyncio.Event()
        self.kills = 0

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Have it go on meanwhile; if it fails, so does the run."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            self._over.set()
            await task

    async def restart_all(self) -> None:
        """Kill and start each, so that none is what it was before."""
        for receiver in self._receivers:
            await self._restart(receiver)

    async def _go_on(self) -> None:
        while await self._pause(self._random.uniform(0.2, 1.2)):
            await self._restart(self._random.choice(self._receivers))

    async def _restart(self, receiver: Receiver) -> None:
        await receiver.kill()
        self.kills += 1
        await self._pause(self._random.uniform(0, 0.5))
        await receiver.start()

    async def _pause(self, share: float) -> bool:
        """Pause, unless it is over; return whether to go on."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), share * self._pauses)
        return not self._over.is_set()
