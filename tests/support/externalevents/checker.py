"""Whether a receiver lost an event, made one up, or delivered one oftener than at-least-once explains. No I/O."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from support.externalevents.oms import Arrival
from support.externalevents.simulator import Attempt, Delivery


class Counts(NamedTuple):
    """What a run came to."""

    events: int
    relevant: int
    attempts: int
    acknowledged: int
    failed: int
    """Still in the journal."""
    replayed: int
    """Events that were replayed at least once."""
    requests: int
    """To the OMS."""
    taken: int
    """Different events that the OMS has."""
    duplicates: int
    """Requests that the OMS took though it had the event."""


def counts(
    orders: Mapping[str, frozenset[str]], deliveries: Mapping[str, Delivery], arrivals: Sequence[Arrival]
) -> Counts:
    """Return the counts of a run; `orders` has for each event's id the orders that it is about."""
    taken = [arrival.key for arrival in arrivals if arrival.is_taken]
    acknowledged = sum(each.is_acknowledged for each in deliveries.values())
    return Counts(
        events=len(orders),
        relevant=sum(bool(each) for each in orders.values()),
        attempts=sum(len(each.attempts) for each in deliveries.values()),
        acknowledged=acknowledged,
        failed=len(deliveries) - acknowledged,
        replayed=sum(each.replays > 0 for each in deliveries.values()),
        requests=len(arrivals),
        taken=len({*taken}),
        duplicates=len(taken) - len({*taken}),
    )


def faults(
    orders: Mapping[str, frozenset[str]], deliveries: Mapping[str, Delivery], arrivals: Sequence[Arrival]
) -> Iterator[str]:
    """Yield what went wrong, in a sentence each; nothing where the receiver did its duty."""
    by_key: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        by_key.setdefault(arrival.key, []).append(arrival)
    for key in by_key.keys() - orders.keys():
        yield f"the OMS got {len(by_key[key])} requests with the Idempotency-Key {key!r}, which is no event's id"
    for event_id, about in orders.items():
        arrived = by_key.get(event_id, [])
        if not about:
            if arrived:
                yield f"event {event_id} concerns no order, and reached the OMS"
            continue
        delivery = deliveries.get(event_id)
        yield from _faults_of(event_id, about, delivery.attempts if delivery else [], arrived)


def _faults_of(
    event_id: str, about: frozenset[str], attempts: Sequence[Attempt], arrived: Sequence[Arrival]
) -> Iterator[str]:
    taken = [arrival.at for arrival in arrived if arrival.is_taken]
    if not taken:
        yield f"event {event_id} is lost: the OMS has not taken it"
    if any(each.is_acknowledged and not bisect_right(taken, each.ended) for each in attempts):
        yield f"event {event_id} was acknowledged before the OMS had taken it"
    if _is_told_too_often([each.sent for each in attempts], arrived):
        yield f"event {event_id} reached the OMS {len(arrived)} times, in {len(attempts)} attempts"
    if any(arrival.orders != about for arrival in arrived):
        yield f"event {event_id} is about {sorted(about)}, and the OMS was told of another order"
    if len({arrival.digest for arrival in arrived}) > 1:
        yield f"event {event_id} came to the OMS in different words"


def _is_told_too_often(sent: Sequence[float], arrived: Sequence[Arrival]) -> bool:
    """Return whether there are requests that no attempt explains.

    Each attempt explains one, and one more for each whose connection was broken: nobody knows what became of that.
    """
    explained = 0
    for arrival in arrived:
        if bisect_right(sent, arrival.at) <= explained:
            return True
        explained += arrival.status != 0
    return False
