"""The checker finds each way to lose, invent or repeat an event."""

from collections.abc import Mapping, Sequence

import pytest

from support.externalevents.checker import counts, faults
from support.externalevents.oms import Arrival
from support.externalevents.simulator import Attempt, Delivery

ORDERS: Mapping[str, frozenset[str]] = {"7": frozenset({"CO-1"}), "8": frozenset()}


def _deliveries(*attempts: Attempt) -> dict[str, Delivery]:
    done = [Attempt(0.0, 0.1, 204)]
    return {"7": Delivery(None, "c", [*attempts]), "8": Delivery(None, "c", done)}


def _arrival(at: float, *, key: str = "7", order: str = "CO-1", body: bytes = b"1", status: int = 204) -> Arrival:
    return Arrival(at, key, body, frozenset({order}), 200 <= status < 300, status)


FINE = [
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5)]),
    # The OMS took it, and the acknowledgement was lost.
    ([Attempt(1.0, 2.0, "no answer"), Attempt(3.0, 4.0, 204)], [_arrival(1.5), _arrival(3.5)]),
    # It came after the attempt had ended: the relay was killed meanwhile.
    ([Attempt(1.0, 2.0, "no answer"), Attempt(3.0, 4.0, 204)], [_arrival(2.5), _arrival(3.5)]),
    ([Attempt(1.0, 2.0, 502), Attempt(3.0, 4.0, 204)], [_arrival(1.5, status=500), _arrival(3.5)]),
    # The connection was broken, and it was sent once more.
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.4, status=0), _arrival(1.5)]),
    # It has it, and waits in the journal all the same.
    ([Attempt(1.0, 2.0, "no answer")], [_arrival(1.5)]),
]
WRONG = [
    ([Attempt(1.0, 2.0, 204)], [], "lost"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(2.5)], "acknowledged before"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5, status=500)], "lost"),
    ([Attempt(1.0, 2.0, 204), Attempt(3.0, 4.0, 204)], [_arrival(3.5)], "acknowledged before"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5), _arrival(1.6)], "2 times, in 1 attempts"),
    ([Attempt(1.0, 2.0, 502), Attempt(3.0, 4.0, 204)], [_arrival(1.4), _arrival(1.5)], "2 times"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(0.5)], "1 times, in 1 attempts"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.4, status=0), _arrival(1.5), _arrival(1.6)], "3 times"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5, order="CO-2")], "another order"),
    (
        [Attempt(1.0, 2.0, 0), Attempt(3.0, 4.0, 204)],
        [_arrival(1.5), _arrival(3.5, body=b"2")],
        "in different words",
    ),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5), _arrival(1.5, key="8")], "concerns no order"),
    ([Attempt(1.0, 2.0, 204)], [_arrival(1.5), _arrival(1.5, key="")], "no event's id"),
]


@pytest.mark.parametrize(("attempts", "arrivals"), FINE)
def test_what_at_least_once_allows(attempts: Sequence[Attempt], arrivals: Sequence[Arrival]) -> None:
    """Nothing is said."""
    assert [*faults(ORDERS, _deliveries(*attempts), arrivals)] == []


@pytest.mark.parametrize(("attempts", "arrivals", "said"), WRONG)
def test_what_it_does_not(attempts: Sequence[Attempt], arrivals: Sequence[Arrival], said: str) -> None:
    """It is said, once for each event."""
    assert said in "; ".join(faults(ORDERS, _deliveries(*attempts), arrivals))


def test_counts() -> None:
    """Of events, attempts and requests."""
    attempts = Attempt(1.0, 2.0, "no answer"), Attempt(3.0, 4.0, 502), Attempt(5.0, 6.0, 204)
    arrivals = [_arrival(1.5), _arrival(3.5, status=500), _arrival(5.5)]
    found = counts(ORDERS, _deliveries(*attempts), arrivals)
    assert found._asdict() == {
        "events": 2,
        "relevant": 1,
        "attempts": 4,
        "acknowledged": 2,
        "failed": 0,
        "replayed": 0,
        "requests": 3,
        "taken": 1,
        "duplicates": 1,
    }
