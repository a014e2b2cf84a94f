"""A day of events through receivers that are killed, to an OMS that fails in every way that it can."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import Random
from typing import Final, NamedTuple, Protocol

import aiohttp

from support.externalevents.checker import Counts, counts, faults
from support.externalevents.oms import Answer, EventsOms, Play, always, in_turn, up
from support.externalevents.simulator import ExternalEvents
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
    """What a run is: how many events come in how many seconds, and how fast the clock goes."""

    events: int
    seconds: float
    """In which they are published, while the OMS fails and receivers are killed."""
    speed: float
    relevant: float = 0.2
    in_flight: int = 24
    phase: float = 1.0
    """Seconds of each fault; so often a receiver is killed, more or less."""
    slow: float = 2.0
    """Seconds after which a slow OMS answers, more than a receiver waits."""
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
    rotate: Callable[[], Awaitable[None]] | None = None,
) -> Result:
    """Publish all events while everything fails; then have everything well again, and replay until all is there.

    `rotate` changes the OMS's credential, then the receivers'.
    """
    begin = time.monotonic()
    random = Random(plan.seed)  # noqa: S311 - who is killed when

    def sign(event: Event) -> dict[str, str]:
        reading: Signed = "data" if int(event.id) % 2 else "body"
        return dict(signature(event, shared_key, reading))

    async with aiohttp.ClientSession() as session:
        senders = [Sender(session, receiver.url, authorize, sign) for receiver in receivers]
        external_events = ExternalEvents(senders, speed=plan.speed, in_flight=plan.in_flight)
        orders: dict[str, frozenset[str]] = {}
        killing = _Killing(receivers, random, plan.phase)
        try:
            async with _Failing(oms, plan, rotate).beside(), killing.beside():
                for published in day(plan.events, relevant=plan.relevant, seed=plan.seed):
                    orders[published.event.id] = published.orders
                    await _until(begin + plan.seconds * len(orders) / plan.events)
                    await external_events.publish(published.event)
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


async def _until(moment: float) -> None:
    if (seconds := moment - time.monotonic()) > 0:
        await asyncio.sleep(seconds)


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


class _Trouble:
    """Something that goes on beside the events, and is told when it is over, so that it ends in good order."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Have it go on meanwhile; if it fails, so does the run."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            self._over.set()
            await task

    async def _pause(self, seconds: float) -> bool:
        """Pause; return whether to go on."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return not self._over.is_set()

    async def _go_on(self) -> None:
        raise NotImplementedError


def _plays(plan: Plan) -> tuple[Play, ...]:
    """Return what the OMS does, one after another."""
    taken, failed, broken = Answer(204), Answer(500), Answer(0)
    taken_and_broken = Answer(0, is_taken=True)
    taken_too_late = Answer(204, after=plan.slow)
    return (
        up,
        always(failed),
        up,
        in_turn(taken, failed, Answer(503), taken, broken),
        always(Answer(429, {"Retry-After": "1"})),
        up,
        in_turn(taken, taken_and_broken, taken_too_late),
        always(Answer(503, {"Retry-After": "1"})),
        in_turn(taken, Answer(400), Answer(404), Answer(409)),
        up,
        in_turn(taken, taken, taken, Answer(410)),
        always(taken_too_late),
    )


class _Failing(_Trouble):
    """The OMS fails in all ways, over and over; some orders it refuses all the time."""

    def __init__(self, oms: EventsOms, plan: Plan, rotate: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__()
        self._oms = oms
        self._plan = plan
        self._rotate = rotate

    async def _go_on(self) -> None:
        oms = self._oms
        oms.refused = frozenset(f"CO-{number}" for number in range(3, self._plan.events, 10))
        while await self._play_all():
            await oms.stop()
            await self._pause(self._plan.phase)
            await oms.start()
            if self._rotate is not None:
                await self._rotate()
        oms.refused = frozenset()

    async def _play_all(self) -> bool:
        """Return whether to go on."""
        try:
            for play in _plays(self._plan):
                self._oms.play = play
                if not await self._pause(self._plan.phase):
                    return False
            return True
        finally:
            self._oms.play = up


class _Killing(_Trouble):
    """Kills one receiver after another, at any moment, and starts it again a while later."""

    def __init__(self, receivers: Sequence[Receiver], random: Random, pauses: float) -> None:
        super().__init__()
        self._receivers = receivers
        self._random = random
        self._pauses = pauses
        self.kills = 0

    async def _go_on(self) -> None:
        while await self._pause(self._random.uniform(0.2, 1.2) * self._pauses):
            await self._restart(self._random.choice(self._receivers))

    async def restart_all(self) -> None:
        """Kill and start each, so that none is what it was before."""
        for receiver in self._receivers:
            await self._restart(receiver)

    async def _restart(self, receiver: Receiver) -> None:
        await receiver.kill()
        self.kills += 1
        await self._pause(self._random.uniform(0, 0.5) * self._pauses)
        await receiver.start()
