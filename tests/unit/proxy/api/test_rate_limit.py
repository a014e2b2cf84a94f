"""So many within a time: a state machine with a fake clock."""

from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.api.rate_limit import RateLimit


def test_so_many_and_then_one_by_one() -> None:
    """Five at once, then one each twelve seconds; who comes too early is told when to come."""
    limit = RateLimit(5, 60.0)
    assert [limit.take(100.0) for _ in range(5)] == [0.0] * 5
    assert limit.take(100.0) == 12.0
    assert limit.take(106.0) == 6.0
    assert limit.take(112.0) == 0.0
    assert limit.take(112.0) == 12.0


def test_a_long_rest_gives_no_more_than_at_first() -> None:
    """What was not used does not add up."""
    limit = RateLimit(2, 60.0)
    limit.take(0.0)
    assert [limit.take(10_000.0) for _ in range(3)] == [0.0, 0.0, 30.0]


@given(steps=st.lists(st.floats(0, 100), max_size=60))
def test_never_more_than_permitted(steps: list[float]) -> None:
    """Within any sixty seconds, at most twice as many pass as are permitted at once; who obeys passes."""
    limit, now, taken = RateLimit(5, 60.0), 0.0, list[float]()
    for step in steps:
        now += step
        seconds = limit.take(now)
        if seconds:
            assert 0 < seconds <= 12.0
        else:
            taken.append(now)
    for index, at in enumerate(taken):
        assert len([other for other in taken[index:] if other - at < 60.0]) <= 10
