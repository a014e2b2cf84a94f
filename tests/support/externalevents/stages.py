"""What an OMS does to a receiver, one stage after another, each until it has had its effect."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import NamedTuple

from support.externalevents.oms import TAKEN, Answer, EventsOms
from support.waiting import eventually


class Stage(NamedTuple):
    """One thing that goes wrong, or nothing."""

    answers: tuple[Answer, ...] = (TAKEN,)
    """In turn."""
    is_down: bool = False
    has_new_password: bool = False
    """And the receivers learn of it at the end."""


def stages(slow: float) -> tuple[Stage, ...]:
    """Return all; `slow` is how long an answer takes that comes too late, in seconds."""
    taken_and_broken = Answer(0, is_taken=True)
    taken_too_late = Answer(204, after=slow)
    return (
        Stage(),
        Stage((Answer(500),)),
        Stage(),
        Stage((TAKEN, Answer(500), Answer(503), TAKEN, Answer(0))),
        Stage((Answer(429, {"Retry-After": "1"}),)),
        Stage(),
        Stage((TAKEN, taken_and_broken, taken_too_late)),
        Stage((Answer(503, {"Retry-After": "1"}),)),
        Stage((TAKEN, Answer(400), Answer(404), Answer(409))),
        Stage(),
        Stage((TAKEN, TAKEN, TAKEN, Answer(410))),
        Stage((taken_too_late,)),
        Stage(is_down=True),
        Stage(has_new_password=True),
    )


class Stages:
    """Has an OMS go through them."""

    def __init__(self, oms: EventsOms, rotate: Callable[[str], Awaitable[None]], patience: float) -> None:
        """`rotate` gives the receivers another password; `patience` is for how long an effect is waited for."""
        self._oms = oms
        self._passwords = (f"another-password-{number}" for number in count(1))
        self._rotate = rotate
        self._patience = patience

    @contextlib.asynccontextmanager
    async def at(self, stage: Stage) -> AsyncIterator[None]:
        """Have it so meanwhile, and beyond, until each of the answers was given."""
        oms = self._oms
        arrived, refused = len(oms.arrivals), oms.outcomes[401]
        oms.answers = stage.answers
        if stage.is_down:
            await oms.stop()
            try:
                yield
            finally:
                await oms.start()
        elif stage.has_new_password:
            password = next(self._passwords)
            oms.change_password(password)
            try:
                yield
                await self._until(lambda: oms.outcomes[401] > refused)
            finally:
                await self._rotate(password)
        else:
            yield
            await self._until(lambda: len(oms.arrivals) - arrived >= len(stage.answers))

    async def _until(self, is_there: Callable[[], bool]) -> None:
        """Wait for an effect; without one the run goes on, and its result shows what is missing."""
        with contextlib.suppress(AssertionError):
            await eventually(is_there, within=self._patience)
