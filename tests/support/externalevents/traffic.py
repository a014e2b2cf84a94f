"""The events of a busy day in stores: mostly sales and logins, a few about customer orders."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple, get_args

from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.events import Compression, Event, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

_MORNING: Final = datetime(2026, 11, 30, 8, 0, 0, tzinfo=UTC)
_RELEVANT: Final = ("pickup", "cancel")
_IRRELEVANT: Final = ("sale", "login", "training")
_COMPRESSIONS: Final[tuple[Compression, ...]] = get_args(Compression)
_TESTS: Final = 0.002
"""Of all events; the others are PosLogs."""


class Published(NamedTuple):
    """An event, and the order that it is about; None: it concerns none."""

    event: Event
    order: str | None


def day(events: int, *, relevant: float, seed: int = 1) -> Iterator[Published]:
    """Yield so many events, of which the share `relevant` is about an order of its own; both compressions."""
    random = Random(seed)  # noqa: S311 - which event comes when
    for number in range(events):
        event_id, now = f"{4050752561927993 + number}", _MORNING + timedelta(seconds=number)
        if random.random() < _TESTS:
            yield Published(webhook_test(event_id=event_id, now=now), None)
            continue
        order = f"CO-{number}" if random.random() < relevant else None
        poslog = samples.sample(
            random.choice(_RELEVANT if order else _IRRELEVANT),
            order=order or f"T-{number}",  # only a cashier's training has it
            business_unit=f"store-{number % 40}",
            number=number,
            end=now,
        )
        compression = random.choice(_COMPRESSIONS)
        business_day = now.date().isoformat()
        event = poslog_event(poslog, compression, event_id=event_id, now=now, business_day=business_day)
        yield Published(event, order)
