"""The second side: hostile answers of an OMS and of a token endpoint.

Most go, over real sockets in one process, through the client and what makes our answer of theirs; the rest through
a whole proxy. What must hold: every read ends, in an outcome that is documented; no byte of one answer is ever in
another's; memory is bounded; and right reads are served behind it all.
"""

import asyncio
import os
import re
import time
import zlib
from collections import Counter
from random import Random
from typing import get_args

from e2e.fuzz.answer_bodies import Kind
from e2e.fuzz.answer_grammar import Plan, plan
from e2e.fuzz.hostile_server import HostileServer
from e2e.fuzz.outcome import Memory, Result
from e2e.fuzz.product import Product
from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy.transport.base import FailureReason

KINDS_ASKED: tuple[Kind, ...] = (
    *("getOrder",) * 11,
    *("mapped",) * 3,
    *("searchOrders",) * 3,
    *("token",) * 3,
)
OUTCOMES = frozenset({*get_args(FailureReason), *PROBLEM_TYPES, "200", "Failure"})
CONNECTIONS = 24
WORKERS = 48
"""More than there are connections, so that each is used again at once, and some wait."""
PATIENCE = 5.0
"""Seconds for a read to end, once the server has said all that it says."""
STALLED = 0.05
"""Seconds after which a caller goes away from a server that says no more."""
_NAME = re.compile(rb"CO-(\d{8})-([0-9a-f]{8})")


class Asked:
    """What the campaign asks for: each name has a number, from which its answer follows."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.count = 0

    def next(self, kinds: tuple[Kind, ...] = KINDS_ASKED) -> tuple[int, Kind, str]:
        """Return the next number, with its kind and name."""
        number = self.count
        self.count += 1
        return number, kinds[number % len(kinds)], self.name(number)

    def name(self, number: int) -> str:
        """Return the name of a number, which no mutation of another one has."""
        return f"CO-{number:08d}-{zlib.crc32(b'%d %d' % (self._seed, number)):08x}"

    def stalls(self, number: int) -> bool:
        """Return whether the server goes silent in the middle."""
        return number % 499 == 0

    def plan(self, kind: Kind, name: str) -> Plan | None:
        """Return what the server does when asked for a name; None: it goes silent in the middle."""
        number = int(name[3:11])
        # An unasked answer that comes late is told by the id in it; those of the other kinds have none.
        late = kind in ("getOrder", "mapped")
        made = plan(Random(self._seed << 40 | number), kind, name, late=late)  # noqa: S311 - reproducible
        return None if self.stalls(number) else made

    def foreign(self, data: bytes, name: str) -> list[str]:
        """Return the names in bytes that are another's."""
        found = {match[0].decode() for match in _NAME.finditer(data)} - {name}
        return [other for other in found if other == self.name(int(other[3:11]))]


async def campaign(*, requests: int, seconds: float, seed: int) -> Result:
    """Have up to `requests` answers given for up to `seconds`, and return how it went."""
    asked = Asked(seed)
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    start = time.monotonic()
    # What fails in a callback of the client's is told to the loop only.
    asyncio.get_running_loop().set_exception_handler(lambda _, context: violations.append(str(context)))
    server = HostileServer(asked.plan)
    url = await server.start()
    product = Product(url, CONNECTIONS)
    memory = Memory(os.getpid())

    async def work() -> None:
        while asked.count < requests and time.monotonic() - start < seconds and len(violations) < 20:
            number, kind, name = asked.next()
            try:
                async with asyncio.timeout(STALLED if asked.stalls(number) else PATIENCE):
                    outcome, body = await product.ask(kind, name)
            except TimeoutError:
                outcomes["stalled"] += 1
                if not asked.stalls(number):
                    violations.append(f"{name}: no end")
                continue
            except Exception as error:  # noqa: BLE001 - what is looked for
                violations.append(f"{name} of {kind}: {error!r}")
                continue
            outcomes[outcome] += 1
            if outcome not in OUTCOMES:
                violations.append(f"{name}: the outcome {outcome}")
            if foreign := asked.foreign(body, name):
                violations.append(f"{name} got bytes of {foreign}")

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    took = time.monotonic() - start
    server.answer_well()
    for _ in range(CONNECTIONS):
        _, kind, name = asked.next()
        outcome, _ = await product.ask(kind, name)
        if outcome != "200":
            violations.append(f"a right answer is not taken any more: {outcome}")
    await product.close()
    await server.close()
    violations += memory.problems()
    return Result(
        "answers", asked.count, took, outcomes, outcomes["200"], memory.rest_mib, memory.peak_mib, violations[:20]
    )
