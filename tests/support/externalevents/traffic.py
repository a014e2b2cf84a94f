"""The events of a busy day in stores: mostly sales and logins, a few about customer orders."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple, get_args

from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.events import Compression, Event, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

_MORNING: Final = datetime(2026, 11, 30, 8, 0, 0, tzinfo=UTC)
_RELEVANT: Final = samples.ABOUT_AN_ORDER
_IRRELEVANT: Final = tuple(name for name in samples.NAMES if name not in _RELEVANT)
_COMPRESSIONS: Final[tuple[Compression, ...]] = get_args(Compression)
_TESTS: Final = 0.002
"""Of all events; the others are PosLogs."""


class Published(NamedTuple):
    """An event, and the orders that it is about, if any."""

    event: Event
    orders: frozenset[str]


def day(events: int, *, relevant: float, seed: int = 1) -> Iterator[Published]:
    """Yield so many events, of which the share `relevant` is about an order of its own; both compressions."""
    random = Random(seed)  # noqa: S311 - which event comes when
    for number in range(events):
        event_id, now = f"{4050752561927993 + number}", _MORNING + timedelta(seconds=number)
        if random.random() < _TESTS:
            yield Published(webhook_test(event_id=event_id, now=now), frozenset())
            continue
        order = f"CO-{number}"
        name = random.choice(_RELEVANT if random.random() < relevant else _IRRELEVANT)
        poslog = samples.sample(
            name,
            order=order,
            business_unit=f"store-{number % 40}",
            number=number,
            end=now,
        )
        compression = random.choice(_COMPRESSIONS)
        business_day = now.date().isoformat()
        event = poslog_event(poslog, compression, event_id=event_id, now=now, business_day=business_day)
        yield Published(event, _orders(name, order))


def _orders(name: str, order: str) -> frozenset[str]:
    """Return the orders that a sample is about."""
    if name not in _RELEVANT:
        return frozenset()
    return frozenset({order, f"{order}-2"} if name == "several-orders" else {order})
