"""Both kinds of event loop that a proxy may run in: uvloop, as in production, and asyncio's own."""

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from support.waiting import PATIENCE

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}

Case = Callable[[], Awaitable[None]]
Run = Callable[[Case], None]


def runner(kind: str) -> Run:
    """Return what runs a case in a new loop of a kind, within a bound."""

    def run(case: Case) -> None:
        async def main() -> None:
            async with asyncio.timeout(2 * PATIENCE):
                await case()

        with asyncio.Runner(loop_factory=LOOPS[kind]) as loop:
            loop.run(main())

    return run
