"""Which connection is closed if there are too many."""

from collections.abc import Callable

from tenantproxy.server.connection_limits import ConnectionLimits, ParseScheduler


class Member:
    """A connection that only notes that it was closed."""

    def __init__(self, *, busy: bool = False) -> None:
        self.waits_for_client = not busy
        self.closed = False

    def force_close(self) -> None:
        self.closed = True


def limits_of(*members: Member, most: int = 3, most_bytes: int = 100) -> ConnectionLimits:
    limits = ConnectionLimits(most, most_bytes)
    for member in members:
        limits.add(member)
    return limits


def test_those_without_a_request_go_first_the_oldest_before_others() -> None:
    """A gateway's connections outlast those that never sent anything, however old they are."""
    gateway, first, second, third, fourth = members = [Member() for _ in range(5)]
    limits = limits_of(gateway, first, second)
    limits.mark_active(gateway, 0.0)
    for member in (third, fourth):
        limits.add(member)
    assert [member.closed for member in members] == [False, True, True, False, False]
    assert len(limits) == 3


def test_then_the_least_recently_used_goes() -> None:
    """A new connection is let in at the cost of the one that was idle longest; busy ones stay."""
    busy, old, used = Member(busy=True), Member(), Member()
    limits = limits_of(busy, old, used)
    for member in (busy, used, old, used):
        limits.mark_active(member, 0.0)
    limits.add(Member())
    assert (busy.closed, old.closed, used.closed) == (False, True, False)


def test_who_is_slow_in_a_request_waits_as_the_idle_do() -> None:
    """A gateway's connection, used a moment ago, outlasts bodies that have been arriving for longer."""
    slow, gateway, busy = Member(), Member(), Member(busy=True)
    limits = limits_of(slow, gateway, busy)
    for member in (busy, slow, gateway):
        limits.mark_active(member, 0.0)
    limits.add(Member())
    assert (slow.closed, gateway.closed, busy.closed) == (True, False, False)


def test_one_that_had_its_last_answer_goes_with_the_unused() -> None:
    """Whoever is only waited for takes no place from those that may send more."""
    idle, done = Member(), Member()
    limits = limits_of(idle, done, most=2)
    for member in (idle, done):
        limits.mark_active(member, 0.0)
    limits.mark_finished(done)
    limits.add(Member())
    assert (idle.closed, done.closed) == (False, True)


def test_a_new_one_is_closed_where_all_are_busy() -> None:
    """Requests in progress are not cut off for it."""
    late = Member()
    limits = limits_of(*(Member(busy=True) for _ in range(3)))
    limits.add(late)
    assert late.closed
    assert len(limits) == 3


def test_what_has_been_arriving_longest_is_cut_off_where_it_is_too_much() -> None:
    """The bytes of unfinished requests are bounded over all connections."""
    slow, other, third = members = [Member() for _ in range(3)]
    limits = limits_of(*members)
    for member, count in ((slow, 40), (other, 40), (slow, 60)):
        limits.set_pending_bytes(member, count)
    assert not any(member.closed for member in members)
    limits.set_pending_bytes(third, 1)
    assert [member.closed for member in members] == [True, False, False]


def test_what_is_complete_or_gone_no_longer_counts() -> None:
    """Only what is held counts."""
    first, second = members = [Member(), Member()]
    limits = limits_of(*members)
    for count in (100, 0, 60):
        limits.set_pending_bytes(first, count)
    limits.remove(first)
    limits.set_pending_bytes(second, 100)
    assert not any(member.closed for member in members)
    assert len(limits) == 1


def test_one_that_left_stays_away() -> None:
    """An answer that ends after its connection has ended brings it not back."""
    limits = limits_of(member := Member())
    limits.remove(member)
    limits.mark_active(member, 0.0)
    limits.mark_finished(member)
    assert len(limits) == 0


def test_who_has_had_no_request_for_long_is_closed() -> None:
    """But neither who is answered right now, nor who has never had one: those have a time limit of their own."""
    unused, used, busy, late = members = [Member(), Member(), Member(busy=True), Member()]
    limits = limits_of(*members, most=9)
    for time, member in ((1.0, used), (2.0, busy), (3.0, late)):
        limits.mark_active(member, time)
    limits.close_unused(0.5)
    assert not any(member.closed for member in members)
    limits.close_unused(2.0)
    assert [member.closed for member in (unused, used, busy, late)] == [False, True, False, False]
    assert len(limits) == 3


def test_each_gets_its_turn_and_one_is_taken_at_a_time() -> None:
    """Whoever asks again comes after those that were waiting."""
    calls: list[Callable[[], None]] = []
    done: list[str] = []
    scheduler = ParseScheduler(calls.append)

    def first() -> None:
        done.append("first")
        if len(done) < 4:
            scheduler.schedule(first)

    def second() -> None:
        done.append("second")

    for work in (first, second, first):
        scheduler.schedule(work)
    while calls:
        assert len(calls) == 1
        calls.pop()()
    assert done == ["first", "second", "first", "first"]
