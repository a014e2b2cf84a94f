"""Which reads are admitted: never beyond the limits, and with room left for others."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tenantproxy.admission import Admission, Bulkhead, Ticket, share
from tenantproxy.problems import Problem

CALLERS = ("a", "b", "c", None)
MAX_ANSWER = 100


@pytest.mark.parametrize(("total", "one"), [(1, 1), (2, 1), (3, 2), (4, 3), (200, 150)])
def test_a_quarter_is_left_for_others(total: int, one: int) -> None:
    """One caller has at most three quarters, and at least one place."""
    admission = Admission(total, MAX_ANSWER)
    for _ in range(one):
        admission.admit("greedy")
    with pytest.raises(Problem) as caught:
        admission.admit("greedy")
    assert (caught.value.status, caught.value.code) == (503, "overloaded")
    assert caught.value.headers == {"Retry-After": "1"}
    assert caught.value.reason == ("caller-share" if one < total else "overloaded")
    for _ in range(total - one):
        admission.admit("other")


def test_without_names_there_is_no_share() -> None:
    """Where an edge stands for all callers, it may have all places."""
    admission = Admission(4, MAX_ANSWER)
    for _ in range(4):
        admission.admit(None)
    with pytest.raises(Problem) as caught:
        admission.admit(None)
    assert caught.value.reason == "overloaded"


def test_what_is_kept() -> None:
    """What came of earlier calls is held beside what comes now, until it is given up or the read has ended."""
    admission = Admission(4, 0, max_bytes=100)
    ticket = admission.admit("a")  # who may have 75 of them
    assert ticket.grow(30)
    assert ticket.keep(40)
    assert ticket.held == 40
    assert ticket.grow(20)
    assert ticket.grow(10)
    assert ticket.held == 70
    assert not ticket.grow(6)
    assert not ticket.keep(76)
    assert ticket.hold(0)
    assert ticket.held == 40
    assert ticket.keep(60)
    assert ticket.hold(15)
    assert ticket.held == 75
    assert ticket.keep(0)
    assert ticket.held == 0
    assert ticket.hold(75)
    assert ticket.keep(50)
    ticket.release()
    assert admission.admit("a").hold(75)


def test_an_operation_leaves_places_to_others() -> None:
    """An operation with a bound has twice as many reads as connections; what it takes, it gives back."""
    admission, searches = Admission(20, MAX_ANSWER), Bulkhead(2)
    tickets = [admission.admit(caller, searches) for caller in ("a", "b", "a", None)]
    for caller in ("a", "new", None):
        with pytest.raises(Problem) as caught:
            admission.admit(caller, searches)
        assert (caught.value.code, caught.value.reason) == ("overloaded", "operation-share")
        admission.admit(caller)
    tickets[0].release()
    tickets[0].release()
    assert searches.requests == 3
    admission.admit("new", searches)
    assert searches.is_full


def test_memory_is_shared_as_well() -> None:
    """What is held for one caller leaves a quarter; who might find no room for an answer is not taken in."""
    admission = Admission(100, MAX_ANSWER, max_bytes=1000)
    greedy, other = admission.admit("greedy"), admission.admit("other")
    assert greedy.grow(650)
    admission.admit("greedy")
    assert greedy.grow(100)
    assert not greedy.grow(1)
    with pytest.raises(Problem, match="caller"):
        admission.admit("greedy")
    assert other.grow(150)
    admission.admit("third")
    assert other.grow(100)
    assert not other.grow(1)
    with pytest.raises(Problem, match="proxy"):
        admission.admit("third")
    assert greedy.hold(650)
    admission.admit("greedy")


def test_the_largest_answer_fits_when_nothing_else_is_going_on() -> None:
    """However large answers may be, one alone is never refused beforehand."""
    ticket = Admission(4, 2000, max_bytes=1000).admit("a")
    assert ticket.grow(750)
    assert not ticket.grow(1)


def test_a_released_ticket_holds_nothing() -> None:
    """After its release a ticket counts for nothing, whatever still comes."""
    admission = Admission(1, MAX_ANSWER, max_bytes=1000)
    ticket = admission.admit("a")
    ticket.release()
    assert not ticket.grow(10)
    ticket.release()
    assert admission.admit("b").grow(7)


class Reads(RuleBasedStateMachine):
    """Reads of some callers begin, grow, shrink and end in any order."""

    max_requests = 7
    max_bytes = 1000

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission(self.max_requests, MAX_ANSWER, self.max_bytes)
        self.held: dict[Ticket, int] = {}
        self.ended: list[Ticket] = []

    def used(self, caller: str | None) -> tuple[int, int]:
        own = [held for ticket, held in self.held.items() if ticket.caller == caller]
        return len(own), sum(own)

    @rule(caller=st.sampled_from(CALLERS))
    def begin(self, caller: str | None) -> None:
        requests, held = self.used(caller)
        refused = len(self.held) >= self.max_requests or sum(self.held.values()) + MAX_ANSWER > self.max_bytes
        if caller is not None:
            refused = refused or requests >= share(self.max_requests) or held + MAX_ANSWER > share(self.max_bytes)
        try:
            self.held[self.admission.admit(caller)] = 0
        except Problem:
            assert refused
        else:
            assert not refused

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0), count=st.integers(0, 1200))
    def hold(self, which: int, count: int) -> None:
        ticket = list(self.held)[which % len(self.held)]
        before = self.held[ticket]
        fits = count <= before or (
            sum(self.held.values()) - before + count <= self.max_bytes
            and (ticket.caller is None or self.used(ticket.caller)[1] - before + count <= share(self.max_bytes))
        )
        assert ticket.hold(count) == fits
        if fits:
            self.held[ticket] = count

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0))
    def end(self, which: int) -> None:
        ticket = list(self.held)[which % len(self.held)]
        ticket.release()
        del self.held[ticket]
        self.ended.append(ticket)

    @rule(count=st.integers(0, 100))
    def come_late(self, count: int) -> None:
        for ticket in self.ended[-2:]:
            assert not ticket.grow(count)
            ticket.release()

    @invariant()
    def is_bounded(self) -> None:
        assert len(self.held) <= self.max_requests
        assert sum(self.held.values()) <= self.max_bytes
        requests = Counter(ticket.caller for ticket in self.held if ticket.caller is not None)
        assert all(count <= share(self.max_requests) for count in requests.values())


TestReads = Reads.TestCase
