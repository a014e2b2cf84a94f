"""Admission control: how many reads one process handles at a time, and how much memory their answers may take.

Nothing waits here: a read without room is refused at once, so that no deadlock is possible. Without I/O.
"""

from typing import Final

from tenantproxy.observation import Observation
from tenantproxy.problems import Problem, retry_after

QUEUE_FACTOR: Final = 2
"""Requests in flight per connection: as many again as are being answered may wait for a connection."""
MAX_HELD_BYTES: Final = 48 * 1024 * 1024
"""Of the OMS's answers and of ours that are not yet out, over all reads.

While an answer is converted or sent there may be a copy of it: in all that stays below the 128 MiB that any one
attack may cost. It is room for the largest answer that can be configured in both of its forms, and for one more.
"""


def share(total: int) -> int:
    """Return how much of a total one caller may have: a quarter is always left for others."""
    return max(1, total * 3 // 4)


def overloaded(detail: str, *, reason: str | None = None) -> Problem:
    """Return the answer to a request that there is no room for now."""
    return Problem("overloaded", detail, headers=retry_after(1), reason=reason)


class _Account:
    """What is taken of an amount, by all reads or by those of one caller."""

    __slots__ = ("_enough", "held", "max_bytes", "max_requests", "requests")

    def __init__(self, max_requests: int, max_bytes: int, max_answer_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self._enough = max(0, max_bytes - max_answer_bytes)
        self.requests = 0
        self.held = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another read, or no room for its answer if that is of the largest."""
        return self.requests >= self.max_requests or self.held > self._enough


class Bulkhead:
    """What one operation has in flight, and how much it may have of what all of them share.

    As many requests as it may have connections may wait for one.
    """

    __slots__ = ("connections", "max_connections", "requests")

    def __init__(self, max_connections: int) -> None:
        self.max_connections = max_connections
        self.connections = 0
        """To the OMS in use, counted by their pool."""
        self.requests = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another request."""
        return self.requests >= self.max_connections * QUEUE_FACTOR


class Admission:
    """What the reads of one process have in flight; `max_answer_bytes` is what the OMS's answers may have.

    One caller may have a share of it. Where callers are anonymous (`access.mode: trusted`, one edge stands for all
    of them), only the totals bound.
    """

    def __init__(self, max_requests: int, max_answer_bytes: int, max_bytes: int = MAX_HELD_BYTES) -> None:
        self._total = _Account(max_requests, max_bytes, max_answer_bytes)
        self._anonymous = _Account(max_requests, max_bytes, max_answer_bytes)
        self._max_answer_bytes = max_answer_bytes
        self._callers: dict[str, _Account] = {}

    def admit(
        self, caller: str | None, bulkhead: Bulkhead | None = None, observation: Observation | None = None
    ) -> "Ticket":
        """Take a read in; its ticket must be released when its answer is out, or there will be none.

        Raises:
            Problem: `overloaded`: there is no room, or this caller or the operation of `bulkhead` has its share.

        """
        total = self._total
        if total.is_full:
            raise overloaded("The proxy has too many requests in flight.")
        if bulkhead is not None and bulkhead.is_full:
            raise overloaded("Too many requests of this operation are in flight.", reason="operation-share")
        own = self._anonymous if caller is None else self._callers.get(caller)
        if own is None:
            assert caller is not None  # noqa: S101 - anonymous callers have an account
            own = self._callers[caller] = _Account(
                share(total.max_requests), share(total.max_bytes), self._max_answer_bytes
            )
        elif own.is_full:
            raise overloaded("This caller has too many requests in flight.", reason="caller-share")
        if bulkhead is not None:
            bulkhead.requests += 1
        total.requests += 1
        own.requests += 1
        return Ticket(self, caller, total, own, bulkhead, observation or Observation())

    def forget(self, caller: str | None) -> None:
        """Keep nothing of a caller that has nothing in flight."""
        if caller is not None:
            del self._callers[caller]


class Ticket:
    """The place of one read, the bytes that are held for it, and what is seen of it."""

    __slots__ = ("_admission", "_kept", "_own", "_total", "bulkhead", "caller", "held", "observation")

    def __init__(
        self,
        admission: Admission,
        caller: str | None,
        total: _Account,
        own: _Account,
        bulkhead: Bulkhead | None,
        observation: Observation,
    ) -> None:
        self.caller = caller
        self.bulkhead = bulkhead
        self.observation = observation
        self._admission: Admission | None = admission
        self._total = total
        self._own = own
        self.held = 0
        """Bytes."""
        self._kept = 0
        """Those of them that came of earlier calls, and are still needed."""

    def hold(self, count: int) -> bool:
        """Hold so many bytes from now on, beside what is kept; return whether there is room.

        Fewer than before always have.
        """
        if self._admission is None:
            return False
        total, own = self._total, self._own
        count += self._kept
        more = count - self.held
        if more > 0 and (total.held + more > total.max_bytes or own.held + more > own.max_bytes):
            return False
        total.held += more
        own.held += more
        self.held = count
        return True

    def grow(self, count: int) -> bool:
        """Hold so many bytes more; return whether there is room."""
        return self.hold(self.held - self._kept + count)

    def keep(self, count: int) -> bool:
        """Hold these bytes alone, and keep them beside what is held later; return whether there is room."""
        before, self._kept = self._kept, 0
        if not self.hold(count):
            self._kept = before
            return False
        self._kept = count
        return True

    def release(self) -> None:
        """Give all of it back; a second time does nothing."""
        if self._admission is None:
            return
        total, own = self._total, self._own
        total.held -= self.held
        own.held -= self.held
        total.requests -= 1
        own.requests -= 1
        if self.bulkhead is not None:
            self.bulkhead.requests -= 1
        if not own.requests:
            self._admission.forget(self.caller)
        self._admission = None
