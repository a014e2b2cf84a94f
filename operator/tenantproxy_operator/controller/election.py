"""Who may write: one candidate in the election of a leader over a Lease, as a state machine without I/O or clock.

As client-go's leaderelection. The leader renews the Lease every `retry_period`, and may write for `renew_deadline`
after it began its last renewal that succeeded. The others read the Lease as often, and take it where it was
released, or where they have seen no change of it for as long as it says that it is held. The leader has stopped by
then, whatever the clocks of the machines show: times in the Lease are for people, and none is ever compared.

    next_request(now): Read or Write, which the caller sends; None: nothing to do in this round
    on_read, on_written, on_conflict: what came of it; where nothing came, the request is made again later
    time_left(now): the seconds for which this process may still write

All times are those of the process's own monotonic clock.
"""

import math
from dataclasses import dataclass
from typing import Final

from tenantproxy_operator.kube.objects import LeaseRecord, StoredLease
from tenantproxy_operator.settings import LeaderElection

RELEASED: Final = ""
"""The holder of a Lease that nobody holds."""
_RELEASED_SECONDS: Final = 1
"""How long a released Lease says that it is held: the shortest time that the API server takes."""


@dataclass(frozen=True)
class Read:
    """Read the Lease."""


@dataclass(frozen=True)
class Write:
    """Write the Lease, where its resource version is still `version`; None: create it."""

    record: LeaseRecord
    version: str | None


class Election:
    """One candidate."""

    def __init__(self, identity: str, settings: LeaderElection) -> None:
        """Make one that has not seen the Lease yet; no other process has had its `identity`."""
        self._identity = identity
        self._settings = settings
        self._seen: LeaseRecord | None = None
        """The Lease as it was last seen; None: there was none."""
        self._version: str | None = None
        self._changed_at = -math.inf
        """When it was first seen as it is."""
        self._current = False
        """Whether nothing speaks against it still being as it was seen."""
        self._renewed_at = -math.inf
        """When the last renewal that succeeded was begun; never: this is not the leader."""

    @property
    def holder(self) -> str:
        """Who holds the Lease, as far as is known; empty: nobody."""
        return (self._seen.holder if self._seen else None) or RELEASED

    def time_left(self, now: float) -> float:
        """Return for how many seconds this process may write; none or fewer: it must not."""
        return self._renewed_at + self._settings.renew_deadline - now

    def next_request(self, now: float, wall_clock: str) -> Read | Write | None:
        """Return what to ask the API server now; None: nothing, before the next round.

        `wall_clock` goes into the Lease, for people.
        """
        if self.time_left(now) <= 0:
            self._renewed_at = -math.inf
        if not self._current:
            return Read()
        if not self._is_mine() and self._is_held(now):
            self._current = False
            return None
        return Write(self._claimed(wall_clock), self._version)

    def on_read(self, lease: StoredLease | None, now: float) -> None:
        """Take note of what was read; None: there is no Lease."""
        record = lease.record if lease else None
        self._version = lease.version if lease else None
        self._current = True
        # A Lease that somebody has deleted may still be relied upon: it is as if it were there, and not renewed.
        deleted = record is None and self._is_held(now)
        if record != self._seen and not deleted:
            self._seen, self._changed_at = record, now
        if not self._is_mine():
            self._renewed_at = -math.inf

    def on_written(self, lease: StoredLease, begun: float, now: float) -> None:
        """Take note that a write succeeded that was begun at that time; another round begins."""
        self._seen, self._version, self._changed_at = lease.record, lease.version, now
        # Only to renew it the leader need not look at it first.
        self._current = self._is_mine()
        self._renewed_at = begun if self._is_mine() else -math.inf

    def on_conflict(self) -> None:
        """Take note that the Lease was no longer as it was seen."""
        self._current = False

    def release(self, wall_clock: str) -> Read | Write | None:
        """Write no more; return the next request for giving the Lease up, None: it is not this process's."""
        self._renewed_at = -math.inf
        if self._seen is None or not self._is_mine():
            return None
        if not self._current:
            return Read()
        record = LeaseRecord(
            holder=RELEASED,
            duration=_RELEASED_SECONDS,
            acquired=self._seen.acquired,
            renewed=wall_clock,
            transitions=self._seen.transitions,
        )
        return Write(record, self._version)

    def _is_mine(self) -> bool:
        return self.holder == self._identity

    def _is_held(self, now: float) -> bool:
        """Tell whether somebody, such as this process, may rely on the Lease."""
        return self._seen is not None and self._seen.is_held(self._changed_at, now)

    def _claimed(self, wall_clock: str) -> LeaseRecord:
        """Return the Lease as held by this process from now on."""
        mine = self._seen if self._is_mine() else None
        transitions = (self._seen.transitions or 0) + (mine is None) if self._seen else 0
        return LeaseRecord(
            holder=self._identity,
            duration=self._settings.lease_duration,
            acquired=mine.acquired if mine else wall_clock,
            renewed=wall_clock,
            transitions=transitions,
        )
