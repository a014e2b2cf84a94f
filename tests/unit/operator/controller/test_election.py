"""The election as a state machine: never two that may write, whatever fails, pauses or has a wrong clock."""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from typing import Final

import pytest

from tenantproxy_operator.controller.election import RELEASED, Election, Read, Write
from tenantproxy_operator.kube.objects import LeaseRecord, StoredLease
from tenantproxy_operator.settings import LeaderElection

HISTORIES: Final = 4_000
SECONDS: Final = 40.0
"""Of one history."""
TIMING: Final = LeaderElection(lease_duration=15, renew_deadline=10.0, retry_period=4.0)
TIMEOUT: Final = 5.0
"""Seconds after which a request is given up; it may still arrive."""


def record(holder: str | None, duration: int | None = 15, transitions: int | None = 0) -> LeaseRecord:
    return LeaseRecord(holder=holder, duration=duration, acquired="A", renewed="R", transitions=transitions)


def lease(holder: str | None, version: str = "1", duration: int | None = 15) -> StoredLease:
    return StoredLease(record(holder, duration), version)


def leader(identity: str = "me", now: float = 0.0) -> Election:
    """Return a candidate that has created the Lease, and leads."""
    election = Election(identity, LeaderElection())
    election.on_read(None, now)
    request = election.next_request(now, "A")
    assert isinstance(request, Write)
    election.on_written(StoredLease(request.record, "1"), now, now)
    return election


def test_no_lease_is_created() -> None:
    """It is read first; the one who creates it leads, from the time of the request on."""
    election = Election("me", LeaderElection())
    assert election.next_request(0.0, "A") == Read()
    election.on_read(None, 1.0)
    created = record("me")
    assert election.next_request(1.0, "A") == Write(
        LeaseRecord(holder="me", duration=15, acquired="A", renewed="A", transitions=0), None
    )
    assert election.time_left(1.0) <= 0
    election.on_written(StoredLease(created, "1"), 1.0, 3.0)
    assert election.time_left(3.0) == 8.0
    assert election.holder == "me"


def test_leader_renews_without_a_look() -> None:
    """The time of its acquisition and the number of transitions stay."""
    request = leader().next_request(2.0, "B")
    assert request == Write(LeaseRecord(holder="me", duration=15, acquired="A", renewed="B", transitions=0), "1")


def test_held_lease_is_left_alone_until_it_has_not_changed_for_its_duration() -> None:
    """Its own duration, since it was first seen as it is; then it is taken, and a transition counted."""
    election = Election("me", LeaderElection())
    election.on_read(lease("other", duration=30), 100.0)
    assert election.next_request(100.0, "A") is None
    assert election.next_request(102.0, "A") == Read()
    election.on_read(lease("other", duration=30), 129.9)
    assert election.next_request(129.9, "A") is None
    election.on_read(lease("other", duration=30), 130.0)
    request = election.next_request(130.0, "A")
    assert request == Write(LeaseRecord(holder="me", duration=15, acquired="A", renewed="A", transitions=1), "1")


def test_renewal_is_seen_by_its_change() -> None:
    """No time in the Lease counts: one of the year 1970 that changes is being renewed."""
    election = Election("me", LeaderElection())
    for now in range(0, 100, 10):
        stored = StoredLease(LeaseRecord(holder="other", duration=15, renewed=f"1970-{now}"), str(now))
        election.on_read(stored, float(now))
        assert election.next_request(float(now), "A") is None
        assert election.next_request(float(now), "A") == Read()


@pytest.mark.parametrize("holder", [RELEASED, None])
def test_released_lease_is_taken_at_once(holder: str | None) -> None:
    """No duration is waited for."""
    election = Election("me", LeaderElection())
    election.on_read(lease(holder, "7"), 0.0)
    request = election.next_request(0.0, "A")
    assert isinstance(request, Write)
    assert (request.record.holder, request.version) == ("me", "7")


def test_leader_stops_in_time() -> None:
    """It may write for less than the Lease is valid, and takes it again only by another write."""
    election = leader()
    assert election.time_left(9.9) > 0
    assert election.time_left(10.0) <= 0
    request = election.next_request(20.0, "B")
    assert isinstance(request, Write)
    assert election.time_left(20.0) <= 0
    election.on_written(StoredLease(request.record, "2"), 20.0, 21.0)
    assert election.time_left(21.0) == 9.0


def test_leader_whose_lease_was_taken() -> None:
    """Its renewal is a conflict; when it has read who holds it, it leads no more."""
    election = leader()
    election.on_conflict()
    assert election.next_request(2.0, "B") == Read()
    assert election.time_left(2.0) > 0
    election.on_read(lease("other", "5"), 2.0)
    assert election.time_left(2.0) <= 0
    assert election.next_request(2.0, "B") is None


def test_conflict_with_an_edit_that_leaves_the_holder() -> None:
    """An annotation, or its own renewal of which no answer came: it goes on with the new version."""
    election = leader()
    election.on_conflict()
    election.on_read(lease("me", "5"), 3.0)
    request = election.next_request(3.0, "B")
    assert isinstance(request, Write)
    assert request.version == "5"
    assert election.time_left(3.0) == 7.0


def test_deleted_lease_of_the_leader_is_made_anew() -> None:
    """By the leader at once."""
    election = leader()
    election.on_conflict()
    election.on_read(None, 2.0)
    request = election.next_request(2.0, "B")
    assert isinstance(request, Write)
    assert request.version is None
    assert election.time_left(2.0) > 0


def test_deleted_lease_of_another_is_not_made_before_that_one_has_stopped() -> None:
    """Who has seen it relies on it for as long as if it were there."""
    election = Election("me", LeaderElection())
    election.on_read(lease("other"), 0.0)
    assert election.next_request(0.0, "A") is None
    election.on_read(None, 14.0)
    assert election.next_request(14.0, "A") is None
    election.on_read(None, 15.0)
    request = election.next_request(15.0, "A")
    assert isinstance(request, Write)
    assert request.version is None


@pytest.mark.parametrize(("duration", "free_at"), [(None, 15.0), (0, 15.0), (10**9, 300.0)])
def test_edited_duration(duration: int | None, free_at: float) -> None:
    """One that is missing is that of the options; one without sense has a bound."""
    election = Election("me", LeaderElection())
    election.on_read(lease("other", duration=duration), 0.0)
    assert election.next_request(free_at - 0.1, "A") is None
    election.on_read(lease("other", duration=duration), free_at)
    assert isinstance(election.next_request(free_at, "A"), Write)


def test_release() -> None:
    """The Lease has no holder afterwards, and nothing may be written from the release on; once is enough."""
    election = leader()
    request = election.release("Z")
    released = LeaseRecord(holder=RELEASED, duration=1, acquired="A", renewed="Z", transitions=0)
    assert request == Write(released, "1")
    assert election.time_left(0.0) <= 0
    election.on_written(StoredLease(released, "2"), 0.0, 0.0)
    assert election.time_left(0.0) <= 0
    assert election.release("Z") is None


@pytest.mark.parametrize("holder", ["me", "other"])
def test_release_after_an_interrupted_renewal(holder: str) -> None:
    """It may have changed the Lease; whose it is now is read first."""
    election = leader()
    election.release("Z")
    election.on_conflict()
    assert election.release("Z") == Read()
    election.on_read(lease(holder, "5"), 1.0)
    request = election.release("Z")
    assert request is None if holder == "other" else isinstance(request, Write) and request.version == "5"


def test_nothing_to_release() -> None:
    """Who does not lead gives nothing up."""
    election = Election("me", LeaderElection())
    election.on_read(lease("other"), 0.0)
    assert election.release("Z") is None


class History:
    """Candidates with clocks of their own, and an API server that answers late, not at all, or with errors."""

    def __init__(self, seed: int, random_: random.Random) -> None:
        self._random = random_
        random_.seed(seed)
        self._identities = itertools.count()
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._stored: StoredLease | None = None
        self._versions = itertools.count(1)
        self._failures = random_.choice((0.05, 0.3))
        self.terms = 0
        self.candidates: list[Candidate] = []
        for _ in range(random_.choice((2, 3))):
            self.add()

    def add(self) -> None:
        """Start one more process."""
        candidate = Candidate(self, str(next(self._identities)), self._random)
        self.candidates.append(candidate)
        self.at(self._random.uniform(0, 3), candidate.round)

    def at(self, later: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + later, next(self._versions), act))

    def run(self) -> None:
        """Let all happen, in its order."""
        while self._due and self.now < SECONDS:
            self.now, _, act = heapq.heappop(self._due)
            act()

    def serve(self, request: Read | Write) -> StoredLease | str | None:
        """Return an answer; "conflict" is one."""
        if isinstance(request, Read):
            return self._stored
        version = self._stored.version if self._stored else None
        if request.version != version:
            return "conflict"
        self._stored = StoredLease(request.record, str(next(self._versions)))
        return self._stored

    def fails(self) -> bool:
        return self._random.random() < self._failures


class Candidate:
    """A process: it may be paused, killed and stopped, and its clock is wrong."""

    def __init__(self, history: History, identity: str, random_: random.Random) -> None:
        self._history = history
        self._random = random_
        self.election = Election(identity, TIMING)
        self._offset = random_.uniform(-1e6, 1e6)
        self._rate = random_.uniform(0.97, 1.03)
        self._paused_until = -math.inf

    def clock(self) -> float:
        return self._offset + self._rate * self._history.now

    def may_write(self) -> bool:
        return self.election.time_left(self.clock()) > 0

    def round(self) -> None:
        """Begin a round, unless something happens to the process."""
        chance = self._random.random()
        if chance < 0.05:
            self._paused_until = self._history.now + self._random.uniform(0, 40)
        elif chance < 0.08:
            self._end(self.election.release("") if chance < 0.065 else None)
            return
        self._soon(0.0, self._ask)

    def _end(self, last: Read | Write | None) -> None:
        """Be killed, or stopped; another one starts."""
        self._history.candidates.remove(self)
        self._history.add()
        if isinstance(last, Write):
            self._history.at(self._random.uniform(0, 3), lambda: self._drop(last))

    def _drop(self, last: Write) -> None:
        self._history.serve(last)

    def _ask(self) -> None:
        request = self.election.next_request(self.clock(), "")
        if request is None:
            self._again()
            return
        # Times in the Lease differ, as a clock's would.
        if isinstance(request, Write):
            renewed = LeaseRecord(
                holder=request.record.holder,
                duration=request.record.duration,
                renewed=str(self.clock()),
                transitions=request.record.transitions,
            )
            request = Write(renewed, request.version)
        begun = self.clock()
        delay = self._random.uniform(0, 0.2) if self._random.random() < 0.7 else self._random.uniform(0, 12)
        late = delay > TIMEOUT
        self._history.at(delay, lambda: self._arrive(request, begun, late=late))
        if late:
            self._soon(TIMEOUT, self._again)

    def _arrive(self, request: Read | Write, begun: float, *, late: bool) -> None:
        """Have the API server get a request, also one that was given up, or not; its answer may get lost."""
        history = self._history
        answer = None if (lost := history.fails()) else history.serve(request)
        if late:
            return
        if lost or history.fails():
            self._soon(TIMEOUT, self._again)
        else:
            slowest = 0.2 if self._random.random() < 0.7 else TIMEOUT - 0.2
            self._soon(self._random.uniform(0, slowest), lambda: self._answered(request, begun, answer))

    def _answered(self, request: Read | Write, begun: float, answer: StoredLease | str | None) -> None:
        if isinstance(answer, str):
            self.election.on_conflict()
            self._ask()
        elif isinstance(request, Read):
            self.election.on_read(answer, self.clock())
            self._ask()
        else:
            assert answer is not None
            led = self.may_write()
            self.election.on_written(answer, begun, self.clock())
            if self.may_write():
                self._history.terms += not led
                rivals = [each for each in self._history.candidates if each.may_write()]
                assert rivals == [self] or self not in self._history.candidates
            self._again()

    def _again(self) -> None:
        self._soon(TIMING.retry_period * self._random.uniform(1, 1.2), self.round)

    def _soon(self, later: float, act: Callable[[], None]) -> None:
        """Have the process do something, unless it is paused; then as soon as it goes on."""
        if self in self._history.candidates:
            self._history.at(max(later, self._paused_until - self._history.now), act)


def test_never_two_that_may_write() -> None:
    """Thousands of histories of two or three candidates: requests that fail, pauses, kills, wrong clocks."""
    terms = 0
    random_ = random.Random()  # noqa: S311 - reproducible
    for seed in range(HISTORIES):
        history = History(seed, random_)
        try:
            history.run()
        except AssertionError:
            pytest.fail(f"in the history of seed {seed} two may write at {history.now:.1f} s")
        terms += history.terms
    assert terms > HISTORIES, "hardly ever anybody led"
