"""Relays of four of the tenants, each with a different trouble from some moment on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final, Self

import aiohttp

from support.background import going_on
from support.externalevents.oms import TAKEN, Answer, EventsOms, events_oms
from support.externalevents.relays import (
    OMS_PASSWORD,
    OMS_USERNAME,
    PASSWORD,
    SHARED_KEY,
    USERNAME,
    Relays,
    relay_config,
    running_relays,
)
from support.tools.prometheus import Target
from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.authorization import basic, signature
from tenantproxy.poslog.sending.delivery import Sender
from tenantproxy.poslog.sending.events import Event, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

NAMES: Final = ("acme", "globex", "hooli", "initech")
_NAMESPACE: Final = "tenants"
_PAUSE: Final = 0.3
_LATE: Final = timedelta(minutes=10)
_NEVER: Final = 30.0
"""Seconds: longer than any relay waits."""


class StoreEvents:
    """Relays, and the store events that are sent to them."""

    def __init__(self, relays: dict[str, Relays], servers: dict[str, EventsOms]) -> None:
        self._relays = relays
        self._servers = servers
        self._broken = False

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Self]:
        """Run them, with events, until the end."""
        async with contextlib.AsyncExitStack() as stack:
            servers, relays = {}, {}
            for name in NAMES:
                directory = folder / f"relay-{name}"
                directory.mkdir()
                oms = servers[name] = await stack.enter_async_context(events_oms(OMS_USERNAME, OMS_PASSWORD))
                config = relay_config(oms.url, name=name)
                del config["poslog"]["delivery"]["timeoutSeconds"]
                relays[name] = await stack.enter_async_context(running_relays(directory, config))
            found = cls(relays, servers)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            await stack.enter_async_context(going_on(found._send(session, name) for name in NAMES))
            yield found

    def targets(self) -> list[Target]:
        """Return what is to be scraped, as if they were pods."""
        return [
            Target(relays.processes[0].admin_port, _NAMESPACE, f"{name}-poslog-0")
            for name, relays in self._relays.items()
        ]

    def break_everything(self) -> None:
        """Give each its trouble: acme's events are signed with another key, initech's are old."""
        self._broken = True
        self._servers["globex"].answers = (Answer(410),)
        self._servers["hooli"].answers = (TAKEN, *[Answer(204, after=_NEVER)] * 3)
        self._servers["initech"].answers = (Answer(422), *[TAKEN] * 9)

    async def _send(self, session: aiohttp.ClientSession, name: str) -> None:
        """Send one tenant's events for ever, each once, without waiting for answers."""

        def sign(event: Event) -> dict[str, str]:
            key = "another-key" if self._broken and name == "acme" else SHARED_KEY
            return dict(signature(event, key, "data" if int(event.id) % 2 else "body"))

        sender = Sender(session, self._relays[name].processes[0].url, basic(USERNAME, PASSWORD), sign)
        async with asyncio.TaskGroup() as attempts:
            for number in count(1):
                now = datetime.now(UTC) - (_LATE if self._broken and name == "initech" else timedelta())
                for event in _events(number, now):
                    attempts.create_task(sender.attempt(event, f"c-{event.id}"))
                await asyncio.sleep(_PAUSE)


def _events(number: int, now: datetime) -> list[Event]:
    made = [webhook_test(event_id=f"{number}1", now=now)] if number % 10 == 0 else []
    for digit, sample in enumerate(("pickup", "sale", "login"), start=2):
        poslog = samples.sample(
            sample, order=f"CO-{number}", business_unit="store-1", number=number, end=now.replace(microsecond=0)
        )
        event_id, day = f"{number}{digit}", now.date().isoformat()
        made.append(poslog_event(poslog, "zlib", event_id=event_id, now=now, business_day=day))
    return made
