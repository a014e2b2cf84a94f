"""Two relays that are killed at any moment, an OMS that fails in every way: no event is lost, none is made up.

`make lossless` runs the same for minutes, with 100,000 events, and prints what came of it.
"""

import os
import sys
from pathlib import Path

from support.externalevents.oms import events_oms
from support.externalevents.relays import (
    OMS_PASSWORD,
    OMS_USERNAME,
    PASSWORD,
    SHARED_KEY,
    USERNAME,
    relay_config,
    running_relays,
)
from support.externalevents.run import Plan, run
from tenantproxy.poslog.sending.authorization import basic

EVENTS = int(os.environ.get("TENANTPROXY_EVENTS", "3000"))
CYCLES = max(1, EVENTS // 12_000)
"""Each takes some 15 s."""
SPEED = 300
"""A minute is 0.2 s: after 5 s in place of 25 minutes an event is in the journal."""


async def test_no_event_is_lost(tmp_path: Path) -> None:
    """Each event about an order reaches the OMS, and is acknowledged only then; no other one does."""
    plan = Plan(events=EVENTS, cycles=CYCLES, speed=SPEED, in_flight=64)
    async with (
        events_oms(OMS_USERNAME, OMS_PASSWORD) as oms,
        running_relays(tmp_path, relay_config(oms.url), count=2) as relays,
    ):
        authorize = basic(USERNAME, PASSWORD)
        result = await run(
            plan, relays.processes, oms, authorize=authorize, shared_key=SHARED_KEY, rotate=relays.rotate
        )
    sys.stdout.write(f"{result}\n")
    assert result.faults == [], f"{result}\n{relays.log}"
    assert result.counts.taken == result.counts.relevant > EVENTS * 0.15
    assert result.counts.acknowledged == EVENTS
    assert result.counts.failed == 0
    assert result.kills > 4 * CYCLES
    # All of it has happened.
    assert result.answers.keys() >= {204, 400, 401, 404, 409, 410, 422, 429, 500, 503, "connection broken"}, str(
        result
    )
    assert result.counts.duplicates > 0
    assert result.counts.replayed > 0
