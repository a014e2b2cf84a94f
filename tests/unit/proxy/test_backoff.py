"""How long to wait before the next try: long enough, never too long, and not all at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.backoff import Backoff, Spread, delay

SPREADS: tuple[Spread, ...] = ("none", "half", "full")


@given(st.integers(min_value=1, max_value=2000), st.sampled_from(SPREADS))
def test_delays_are_bounded(failures: int, spread: Spread) -> None:
    """The bound doubles with each failure, up to the longest; how far below it a delay may be is the spread."""
    bound = min(2.0 ** min(failures, 10), 30.0)
    shortest = {"none": bound, "half": bound / 2, "full": 1.0}[spread]
    assert shortest <= delay(failures, 2.0, 30.0, spread=spread) <= bound


@given(st.integers(1, 2000), st.floats(0.001, 600), st.floats(0.001, 600), st.sampled_from(SPREADS))
def test_no_delay_is_longer_than_the_longest(failures: int, first: float, longest: float, spread: Spread) -> None:
    """Nor is one ever nothing, whatever the parameters."""
    assert 0 < delay(failures, first, longest, spread=spread) <= longest * 1.000001


def test_doubling() -> None:
    """Without a spread the delays are the bounds."""
    backoff = Backoff(0.5, 30.0, spread="none")
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.integers(min_value=1, max_value=50), st.sampled_from(SPREADS))
def test_success_makes_failures_forgotten(failures: int, spread: Spread) -> None:
    """After a reset the next delay is as the first one."""
    backoff = Backoff(spread=spread)
    for _ in range(failures):
        backoff.next()
    backoff.reset()
    assert 1 <= backoff.next() <= 2


@pytest.mark.parametrize(("spread", "shortest"), [("half", 15), ("full", 1)])
def test_delays_are_spread(spread: Spread, shortest: int) -> None:
    """A thousand proxies that lose the API server at once come back over the whole time."""
    fifth = [delay(5, 2.0, 30.0, spread=spread) for _ in range(2000)]
    for start in range(shortest, 30):
        assert any(start <= seconds <= start + 1 for seconds in fifth), start
