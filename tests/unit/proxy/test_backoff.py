"""How long to wait before the next try: long enough, never too long, and not all at once."""

from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.backoff import Delays


@given(st.integers(min_value=0, max_value=2000))
def test_delays_are_bounded(failures: int) -> None:
    """From 1 s to a bound that doubles up to 30 s, after any number of failures."""
    delays = Delays()
    for _ in range(failures):
        delays.next()
    assert 1 <= delays.next() <= min(2 ** (failures + 1), 30)


@given(st.integers(min_value=0, max_value=2000), st.floats(0.001, 5), st.floats(5, 600))
def test_delays_are_between_shortest_and_longest(failures: int, shortest: float, longest: float) -> None:
    """Whatever they are."""
    delays = Delays(shortest, longest)
    for _ in range(failures):
        delays.next()
    assert shortest <= delays.next() <= longest * 1.000001


@given(st.integers(min_value=1, max_value=50))
def test_success_makes_failures_forgotten(failures: int) -> None:
    """After a reset the next delay is as the first one."""
    delays = Delays()
    for _ in range(failures):
        delays.next()
    delays.reset()
    assert delays.next() <= 2


def test_delays_are_spread() -> None:
    """A thousand proxies that lose the API server at once come back over the whole time."""
    fifth = []
    for _ in range(1000):
        delays = Delays()
        fifth.append([delays.next() for _ in range(5)][-1])
    for start in range(1, 30):
        assert any(start <= delay <= start + 1 for delay in fifth), start
