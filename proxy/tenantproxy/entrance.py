"""The entrance: which requests begin now, which wait for their turn, and which have waited for too long.

Only so many requests begin in a turn of the event loop, while all go on that have begun, and only as many as have
room at the OMS. So where the CPU is short, requests wait here, before anything was done for them, and not halfway.
A slow OMS makes none wait for long: the longer there is no room, the more begin, and are refused by its bounds.
Without I/O.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import islice
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

REQUESTS_PER_TURN: Final = 16
"""That begin in a turn of the event loop."""
MAX_WAIT: Final = 0.7
"""Seconds in which a request begins, or not any more: with its own time it is answered within a second."""
REFUSALS_PER_TURN: Final = 1
"""Of those that are late. Whoever is refused may come again at once, whoever is held back costs nothing."""
MAX_HOLD: Final = 5.0
"""Seconds after which a request that is late is refused even so."""
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Of all requests that wait and are not small."""
MAX_TURN: Final = 0.1
"""Seconds of a turn that count as waited: if the process stood still for longer, not all are late at once."""
SMALL_BYTES: Final = 4 * 1024
"""Of a request that is: of these only the number is bounded, by that of connections."""
PAUSE: Final = 0.001
"""Seconds from a turn without room to the next one."""
_TURNS_FOR_ONE: Final = 16
"""Turns in a row without room, of which each begins one request, after which each begins one more."""
_SPARE: Final = REQUESTS_PER_TURN // 2
"""While more may begin, no end of the turn is asked for: one request in so many does that."""
_COMPARED: Final = 64
"""Callers that are looked at to find one with many requests."""


class Waiting(Protocol):
    """What is asked of a request that waits."""

    def go_on(self, waited: float) -> None:
        """Begin, after so many seconds."""
        ...

    def refuse(self, waited: float) -> None:
        """Answer that there was no room within so many seconds."""
        ...


W = TypeVar("W", bound=Waiting)


class Loop(Protocol):
    """What is asked of the event loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object:
        """Call in the next turn."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call after so many seconds."""
        ...

    def time(self) -> float:
        """Return the time in seconds."""
        ...


class _Place(NamedTuple):
    caller: Hashable
    size: int
    came: float
    since: float
    """The same in time that counts."""


class Entrance(Generic[W]):
    """The requests of one port that have not begun.

    Callers take turns; the requests of one begin in the order in which they came. `room` says for how many more
    there is room at what they are passed on to.
    """

    def __init__(self, loop: Loop, room: Callable[[], int]) -> None:
        self._loop = loop
        self._room_beyond = room
        self._turns_without_room = 0
        """In a row."""
        self._room = REQUESTS_PER_TURN
        """How many more may begin in this turn; none while others wait."""
        self._ends = False
        """Whether the end of this turn was asked for."""
        self._turn_began = 0.0
        """When this turn did; later by what of it does not count."""
        self._uncounted = 0.0
        """Seconds, of all turns."""
        # Ordered dictionaries: from the front of a plain one it takes ever longer to take something.
        self._places: OrderedDict[W, _Place] = OrderedDict()
        """Of those that can still begin, the oldest first."""
        self._queues: OrderedDict[Hashable, OrderedDict[W, None]] = OrderedDict()
        """The same by caller: whose turn is next comes first."""
        self._late: OrderedDict[W, _Place] = OrderedDict()
        """Of those that can't, the oldest first."""
        self._held = 0
        """Bytes of those that are not small."""

    def __len__(self) -> int:
        return len(self._places) + len(self._late)

    def admits(self) -> bool:
        """Return whether a request begins at once; if not, it has to `wait`."""
        self._room -= 1
        if self._room < _SPARE and not self._ends:
            self._turn_began = self._loop.time()
            self._ask_for_end()
        return self._room >= 0

    def wait(self, member: W, caller: Hashable, size: int) -> None:
        """Let a request of so many bytes wait until it goes on, is refused, or leaves."""
        if size <= SMALL_BYTES:
            size = 0
        elif self._held + size > MAX_WAITING_BYTES:
            member.refuse(0.0)
            return
        now = self._loop.time()
        self._places[member] = _Place(caller, size, now, self._counted(now))
        queue = self._queues.get(caller)
        if queue is None:
            queue = self._queues[caller] = OrderedDict()
        queue[member] = None
        self._held += size

    def leave(self, member: W) -> bool:
        """Forget a request; return whether it was waiting."""
        place = self._late.pop(member, None)
        if place is None:
            place = self._places.pop(member, None)
            if place is None:
                return False
            queue = self._queues[place.caller]
            del queue[member]
            if not queue:
                del self._queues[place.caller]
        self._held -= place.size
        return True

    def crowding(self) -> W | None:
        """Return who may go where there is no room for all: who is late, else the newest of a crowd."""
        if self._late:
            return next(iter(self._late))
        crowd = max(islice(self._queues.values(), _COMPARED), key=len, default=None)
        return next(reversed(crowd)) if crowd else None

    def _ask_for_end(self) -> None:
        self._ends = True
        if self._turns_without_room:
            self._loop.call_later(PAUSE, self._next_turn)
        else:
            self._loop.call_soon(self._next_turn)

    def _count_beginning(self) -> int:
        """Return how many requests begin in this turn, if so many wait."""
        room = self._room_beyond()
        if room > 0:
            self._turns_without_room = 0
            return min(room, REQUESTS_PER_TURN)
        self._turns_without_room += 1
        return min(1 + self._turns_without_room // _TURNS_FOR_ONE, REQUESTS_PER_TURN)

    def _counted(self, now: float) -> float:
        """Return the time of which no turn has more than `MAX_TURN`."""
        if (beyond := now - self._turn_began - MAX_TURN) > 0:
            self._uncounted += beyond
            self._turn_began += beyond
        return now - self._uncounted

    def _next_turn(self) -> None:
        self._ends = False
        self._room = 0  # what comes meanwhile is behind those that wait
        now = self._loop.time()
        counted = self._counted(now)
        self._turn_began = now
        self._find_late(counted)
        begun = 0
        beginning = self._count_beginning()
        while begun < beginning and self._queues:
            self._begin_next(now)
            begun += 1
        self._refuse_late(now, counted)
        if not self._queues:
            self._turns_without_room = 0
            self._room = REQUESTS_PER_TURN - begun
        if (len(self) or self._room < _SPARE) and not self._ends:
            self._ask_for_end()

    def _begin_next(self, now: float) -> None:
        """Let the next caller's oldest request go on; that caller comes behind the others."""
        caller, queue = next(iter(self._queues.items()))
        self._queues.move_to_end(caller)
        member = next(iter(queue))
        waited = now - self._places[member].came
        self.leave(member)
        member.go_on(waited)

    def _find_late(self, counted: float) -> None:
        before = counted - MAX_WAIT
        while self._places:
            member, place = next(iter(self._places.items()))
            if place.since > before:
                return
            self.leave(member)
            self._late[member] = place
            self._held += place.size

    def _refuse_late(self, now: float, counted: float) -> None:
        before = counted - MAX_HOLD
        for count in range(REQUESTS_PER_TURN):
            member, place = next(iter(self._late.items()), (None, None))
            if member is None or place is None or (count >= REFUSALS_PER_TURN and place.since > before):
                return
            self.leave(member)
            member.refuse(now - place.came)
