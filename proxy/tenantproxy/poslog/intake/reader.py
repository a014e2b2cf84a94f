"""An event, from a request's body to what it says of customer orders. Pure; only large events take long."""

from typing import Final, Literal, NamedTuple

from tenantproxy.config_poslog import Poslog
from tenantproxy.poslog.intake.content import LIGHT_BYTES, compressed, decompressed
from tenantproxy.poslog.intake.envelope import CloudEvent
from tenantproxy.poslog.intake.errors import EventError, malformed
from tenantproxy.poslog.intake.parser import parse
from tenantproxy.poslog.intake.precheck import Precheck
from tenantproxy.poslog.rules.compile import Entry, Filter, TooLargeError
from tenantproxy.poslog.rules.matching import TooMuchWorkError

POSLOG_TYPES: Final = frozenset(
    {"txr.storageless-transactions.v1", "txr.transactions-staging.v1", "txr.transactions.v1"}
)
TEST_TYPE: Final = "exe.events.v1"
ROOT: Final = "POSLog"
LIGHT_STEPS: Final = 300_000
"""Of matching ids, on the event loop: 10 ms at most."""
MAX_STEPS: Final = 16_000_000
"""Of the same in a thread: half a second at most. 10,000 ids of 20 characters take 5 million with a pattern of up
to 25 characters."""


class TestEvent(NamedTuple):
    """An event that tries whether the webhook works."""

    event: CloudEvent


class Irrelevant(NamedTuple):
    """An event of which nothing concerns a customer order."""

    event: CloudEvent
    why: Literal["no-name", "no-match"]
    """The names that a rule needs are not in it; or they may be, but no rule matches."""


class Relevant(NamedTuple):
    """An event of which something concerns a customer order."""

    event: CloudEvent
    poslog: bytes
    """The XML."""
    entries: tuple[Entry, ...]
    """At least one."""


Reading = TestEvent | Irrelevant | Relevant


class EventReader:
    """Reads events by a relay's configuration; in any thread.

    A PosLog of up to `LIGHT_BYTES` takes a tenth of a millisecond, where it is parsed some. For larger ones there
    are threads, one event at a time: one of 5 MB takes 10 ms there, 160 where it is parsed, and 30 MiB for all
    that is made of it; others wait for their turn for 20 ms at most. The worst that is taken, by the bounds of
    parser.py, takes 60 MiB, and what the rules need besides.
    """

    def __init__(self, config: Poslog) -> None:
        """Compile.

        Raises:
            FilterError: The filter can't be used.

        """
        self._filter = Filter(config.filter)
        self._precheck = Precheck(self._filter.needed)
        self._limit = config.limits.max_poslog_bytes

    def read(self, event: CloudEvent) -> Reading:
        """Return what an event (`envelope.event_of` its body) says.

        Raises:
            EventError: It is malformed, of another type, or beyond a bound.

        """
        try:
            reading = self._read(event, self._limit, MAX_STEPS)
        except TooMuchWorkError:
            raise EventError(
                "event-too-large", "the PosLog has too many texts to match with orderIdPattern"
            ) from None
        assert reading is not None  # noqa: S101 - more than this limit is an error
        return reading

    def read_light(self, event: CloudEvent) -> Reading | None:
        """Return the same, if it takes no longer than the event loop can wait; else None: `read` it in a thread.

        Raises:
            EventError: It is malformed, of another type, or beyond a bound.

        """
        if len(event.data) > LIGHT_BYTES:
            return None
        try:
            return self._read(event, min(self._limit, LIGHT_BYTES), LIGHT_STEPS)
        except TooMuchWorkError:
            return None

    def _read(self, event: CloudEvent, limit: int, steps: int) -> Reading | None:
        """Return what an event says; None: its PosLog has more than `limit` bytes, but not more than it may."""
        if event.type == TEST_TYPE:
            return TestEvent(event)
        if event.type not in POSLOG_TYPES:
            raise EventError(
                "unsupported-event-type", f"an event of the type {event.type} has no PosLog: unsubscribe from it"
            )
        poslog = decompressed(compressed(event.text()), limit)
        if poslog is None:
            if limit < self._limit:
                return None
            raise EventError("event-too-large", f"the PosLog has more than {limit:,} bytes, decompressed")
        if not self._precheck.may_concern(poslog):
            return Irrelevant(event, "no-name")
        root = parse(poslog)
        if root.name != ROOT:
            raise malformed(f"the root of the PosLog is not {ROOT}")
        try:
            entries = self._filter.entries(root, steps)
        except TooLargeError as error:
            raise EventError("event-too-large", f"the PosLog {error}") from None
        return Relevant(event, poslog, entries) if entries else Irrelevant(event, "no-match")
