"""Who begins, who waits, and who is refused: in turns, in order, and within bounds."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tenantproxy import entrance
from tenantproxy.entrance import (
    MAX_HOLD,
    MAX_TURN,
    MAX_WAIT,
    MAX_WAITING_BYTES,
    PAUSE,
    REFUSALS_PER_TURN,
    REQUESTS_PER_TURN,
    SMALL_BYTES,
    Entrance,
)

CALLERS = ("a", "b", "c")


class Loop:
    """An event loop's turns, and its clock: where there is nothing to do, it sleeps until a timer ends."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = 0
        self._next: list[Callable[[], None]] = []
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.calls += 1
        self._next.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None], /) -> None:
        self._timers.append((self.now + delay, callback))

    def turn(self, seconds: float = 0.0) -> None:
        self.now += seconds
        if not self._next and self._timers:
            self.now = max(self.now, min(when for when, _ in self._timers))
        calls, self._next = self._next, []
        calls += [callback for when, callback in self._timers if when <= self.now]
        self._timers = [timer for timer in self._timers if timer[0] > self.now]
        for call in calls:
            call()

    @property
    def is_idle(self) -> bool:
        return not self._next and not self._timers


class Hall:
    """An entrance, with all that came of its requests."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.room = REQUESTS_PER_TURN
        self.entrance = Entrance[Guest](self.loop, lambda: self.room)
        self.begun: list[Guest] = []
        self.refused: list[Guest] = []

    def come(self, caller: str = "a", size: int = 1) -> "Guest":
        guest = Guest(self, caller)
        if self.entrance.admits():
            self.begun.append(guest)
        else:
            self.entrance.wait(guest, caller, size)
        return guest

    def rest(self) -> None:
        """Let turns go by until there is nothing to do."""
        while not self.loop.is_idle:
            self.loop.turn()


class Guest:
    """A request."""

    def __init__(self, hall: Hall, caller: str) -> None:
        self.caller = caller
        self.waited = 0.0
        self._hall = hall

    def go_on(self, waited: float) -> None:
        self.waited = waited
        self._hall.begun.append(self)

    def refuse(self, waited: float) -> None:
        self.waited = waited
        self._hall.refused.append(self)


@pytest.fixture(autouse=True)
def turns_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have seconds pass in one turn as they would in many."""
    monkeypatch.setattr(entrance, "MAX_TURN", 2 * MAX_HOLD)


def test_where_few_come_none_waits() -> None:
    """A request costs no turn, and only one in several asks for its end."""
    hall = Hall()
    for _ in range(1000):
        hall.come()
        hall.loop.turn()
    assert len(hall.begun) == 1000
    assert not len(hall.entrance)
    assert hall.loop.calls <= 1000 / (REQUESTS_PER_TURN // 2)
    assert hall.loop.is_idle


def test_so_many_begin_in_a_turn() -> None:
    """The rest begins in the next turns, in the order in which it came; what comes later, after that."""
    hall = Hall()
    guests = [hall.come() for _ in range(REQUESTS_PER_TURN * 2 + 5)]
    assert hall.begun == guests[:REQUESTS_PER_TURN]
    hall.loop.turn()
    assert hall.begun == guests[: REQUESTS_PER_TURN * 2]
    guests.append(hall.come())
    hall.loop.turn()
    assert hall.begun == guests
    hall.rest()


def test_no_more_begin_than_there_is_room_for() -> None:
    """The rest waits for the next turn."""
    hall = Hall()
    guests = [hall.come() for _ in range(REQUESTS_PER_TURN * 3)]
    hall.room = 3
    for turn in range(1, 4):
        hall.loop.turn()
        assert hall.begun == guests[: REQUESTS_PER_TURN + 3 * turn]
    assert not hall.loop.now


def test_where_there_is_no_room_few_begin_and_the_more_the_longer() -> None:
    """The wait costs no CPU; where it lasts, it is not the CPU that is short, and nobody's wait is long."""
    hall = Hall()
    guests = [hall.come() for _ in range(3000)]
    hall.room = 0
    counts = []
    calls = hall.loop.calls
    while len(hall.entrance):
        before, since = len(hall.begun), hall.loop.now
        hall.loop.turn()
        counts.append(len(hall.begun) - before)
        assert hall.loop.now == pytest.approx(since + PAUSE if len(counts) > 1 else since)
    assert counts[:10] == [1] * 10
    assert counts[:-1] == sorted(counts[:-1])
    assert max(counts) == REQUESTS_PER_TURN
    assert hall.begun == guests, "none is late by that"
    assert hall.loop.calls <= calls + 1, "once none waits, the next turn comes without a pause"
    hall.rest()


def test_room_ends_the_pauses() -> None:
    """With it requests begin as if there had never been none."""
    hall = Hall()
    for _ in range(500):
        hall.come()
    hall.room = 0
    for _ in range(100):
        hall.loop.turn()
    before = len(hall.begun)
    hall.room = REQUESTS_PER_TURN
    hall.loop.turn()
    now = hall.loop.now
    hall.loop.turn()
    assert len(hall.begun) == before + 2 * REQUESTS_PER_TURN
    assert hall.loop.now == now
    hall.room = 0
    hall.loop.turn()
    assert len(hall.begun) == before + 2 * REQUESTS_PER_TURN + 1


def test_where_none_waits_no_room_is_asked_for() -> None:
    """A slow OMS with few clients costs neither turns nor time."""
    hall = Hall()
    hall.room = -5
    for _ in range(100):
        hall.come()
        hall.rest()
    assert len(hall.begun) == 100
    assert not hall.loop.now


def test_callers_take_turns() -> None:
    """Who sends a thousand delays the others once."""
    hall = Hall()
    for _ in range(1000):
        hall.come("storm")
    healthy = [hall.come(caller) for caller in ("b", "c", "b")]
    hall.loop.turn()
    assert [guest.caller for guest in hall.begun[REQUESTS_PER_TURN:]][:6] == [
        "storm",
        "b",
        "c",
        "storm",
        "b",
        "storm",
    ]
    assert set(healthy) <= set(hall.begun)


def test_who_has_waited_too_long_is_refused_not_begun() -> None:
    """Few are refused in a turn, as they may come again at once; after a bound, as many as may begin."""
    hall = Hall()
    guests = [hall.come() for _ in range(500)]
    hall.loop.turn(MAX_WAIT)
    assert len(hall.begun) == REQUESTS_PER_TURN
    for turn in range(1, 4):
        assert len(hall.refused) == turn * REFUSALS_PER_TURN
        hall.loop.turn()
    fresh = hall.come()
    assert fresh in hall.begun, "who is late takes nobody's turn"
    before = len(hall.refused)
    hall.loop.turn(MAX_HOLD)
    assert len(hall.refused) - before == REQUESTS_PER_TURN
    hall.rest()
    assert hall.refused == guests[REQUESTS_PER_TURN:]
    assert not len(hall.entrance)


def test_a_stopped_process_makes_none_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a turn only so much counts as waited, so whoever waits still begins; what is told is the whole time."""
    monkeypatch.setattr(entrance, "MAX_TURN", MAX_TURN)
    hall = Hall()
    guests = [hall.come() for _ in range(REQUESTS_PER_TURN * 20)]
    hall.loop.now += 3600.0
    guests.append(hall.come())  # while it stood still, and was read first
    hall.loop.turn()
    assert hall.begun == guests[: REQUESTS_PER_TURN * 2]
    assert hall.begun[-1].waited == 3600.0
    monkeypatch.setattr(entrance, "REQUESTS_PER_TURN", 0)
    turns = round(MAX_WAIT / MAX_TURN)
    for _ in range(turns + 1):
        hall.loop.turn(MAX_TURN)
    monkeypatch.undo()
    monkeypatch.setattr(entrance, "MAX_TURN", MAX_TURN)
    hall.loop.turn(MAX_HOLD)
    assert len(hall.refused) == REFUSALS_PER_TURN, "what holds refusals back does not end by it, either"
    assert len(hall.begun) == REQUESTS_PER_TURN * 2, "after it, time counts as before, for all"
    fresh = hall.come("b")
    hall.rest()
    assert fresh in hall.begun


def test_it_may_be_stopped_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As well while requests begin."""
    monkeypatch.setattr(entrance, "MAX_TURN", MAX_TURN)
    hall = Hall()

    class Stopping(Guest):
        def go_on(self, waited: float) -> None:
            super().go_on(waited)
            self._hall.loop.now += 3600.0

    for _ in range(REQUESTS_PER_TURN):
        hall.come()
    hall.entrance.wait(Stopping(hall, "a"), "a", 1)
    guests = [hall.come() for _ in range(REQUESTS_PER_TURN * 2)]
    hall.rest()
    assert hall.begun[-len(guests) :] == guests


def test_who_leaves_frees_the_place() -> None:
    """A request that is gone neither begins nor is refused, nor does it delay others."""
    hall = Hall()
    guests = [hall.come("ab"[number % 2]) for number in range(REQUESTS_PER_TURN * 3)]
    gone = guests[REQUESTS_PER_TURN::2]
    assert all(hall.entrance.leave(guest) for guest in gone)
    assert not any(hall.entrance.leave(guest) for guest in gone)
    hall.loop.turn()
    assert hall.begun == [guest for guest in guests if guest not in gone]
    hall.rest()
    late = [hall.come() for _ in range(REQUESTS_PER_TURN + 9)][REQUESTS_PER_TURN:]
    hall.loop.turn(MAX_WAIT)
    assert hall.entrance.leave(late[-1])
    hall.rest()
    assert hall.refused == late[:-1]


def test_large_requests_do_not_pile_up() -> None:
    """Beyond a bound they are refused at once; small ones wait all the same; who begins makes room."""
    hall = Hall()
    for _ in range(REQUESTS_PER_TURN):
        hall.come()
    large = [hall.come("large", MAX_WAITING_BYTES // 4) for _ in range(6)]
    small = [hall.come("small", SMALL_BYTES) for _ in range(REQUESTS_PER_TURN)]
    assert hall.refused == large[4:]
    hall.loop.turn()
    assert {*small[:4], *large[:4]} <= set(hall.begun)
    more = hall.come("large", MAX_WAITING_BYTES)
    assert more not in hall.refused
    assert hall.come("large", SMALL_BYTES + 1) in hall.refused
    hall.entrance.leave(more)
    assert hall.come("large", MAX_WAITING_BYTES) not in hall.refused


def test_who_goes_for_others() -> None:
    """A request that is late goes first, then the newest of the longest queue; where none waits, none."""
    hall = Hall()
    assert hall.entrance.crowding() is None
    guests = [hall.come() for _ in range(REQUESTS_PER_TURN + 3)]
    hall.come("b")
    assert hall.entrance.crowding() is guests[-1]
    more = [hall.come() for _ in range(2)]
    assert hall.entrance.crowding() is more[-1]
    hall.loop.turn(MAX_WAIT)
    assert hall.entrance.crowding() is guests[REQUESTS_PER_TURN + REFUSALS_PER_TURN]


class Turns(RuleBasedStateMachine):
    """Whatever comes and goes: each request has one end, in order, in turns, and within its time."""

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall()
        self.waiting: list[Guest] = []
        self.since: dict[Guest, float] = {}
        self.count = 0

    @rule(caller=st.sampled_from(CALLERS), number=st.integers(1, 40))
    def come(self, caller: str, number: int) -> None:
        for _ in range(number):
            already = len(self.hall.begun)
            guest = self.hall.come(caller)
            self.count += 1
            self.since[guest] = self.hall.loop.now
            if len(self.hall.begun) == already:
                self.waiting.append(guest)
            else:
                assert not any(self.can_begin(other) for other in self.waiting), "nobody overtakes"

    def can_begin(self, guest: Guest) -> bool:
        return self.since[guest] > self.hall.loop.now - MAX_WAIT

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        guest = data.draw(st.sampled_from(self.waiting))
        assert self.hall.entrance.leave(guest)
        self.waiting.remove(guest)
        self.count -= 1

    @rule(room=st.sampled_from((-5, 0, 1, 5, REQUESTS_PER_TURN * 2)))
    def change_room(self, room: int) -> None:
        self.hall.room = room

    @rule(seconds=st.sampled_from((0.0, 0.01, MAX_WAIT / 2, MAX_WAIT, MAX_HOLD)))
    def turn(self, seconds: float) -> None:
        begun, refused = len(self.hall.begun), len(self.hall.refused)
        self.hall.loop.turn(seconds)
        now_begun, now_refused = self.hall.begun[begun:], self.hall.refused[refused:]
        could = [guest for guest in self.waiting if self.can_begin(guest)]
        fewest = min(max(1, self.hall.room), REQUESTS_PER_TURN)
        assert min(fewest, len(could)) <= len(now_begun) <= (REQUESTS_PER_TURN if self.hall.room <= 0 else fewest)
        assert len(now_refused) <= REQUESTS_PER_TURN
        for guest in now_begun:
            assert guest is next(other for other in could if other.caller == guest.caller), "in order"
            could.remove(guest)
            self.waiting.remove(guest)
            assert guest.waited == self.hall.loop.now - self.since[guest]
        counts = [sum(guest.caller == caller for guest in now_begun) for caller in {g.caller for g in could}]
        assert not counts or max(counts) - min(counts) <= 1, "those that still wait had as many turns each"
        for guest in now_refused:
            assert not self.can_begin(guest)
            self.waiting.remove(guest)

    @invariant()
    def each_has_one_place_or_one_end(self) -> None:
        assert len(self.hall.entrance) == len(self.waiting)
        assert len(self.hall.begun) + len(self.hall.refused) + len(self.waiting) == self.count

    @invariant()
    def while_any_wait_a_turn_comes(self) -> None:
        assert not self.waiting or not self.hall.loop.is_idle


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=30, stateful_step_count=20)


def test_a_request_is_answered_within_a_second() -> None:
    """The wait leaves time for the rest; the page and the clients' time limits rest on it."""
    assert entrance.MAX_WAIT < 1.0 < entrance.MAX_HOLD < 10.0
