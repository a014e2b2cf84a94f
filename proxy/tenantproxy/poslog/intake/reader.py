"""An event, from a request's body to what it says of customer orders. Pure; only large events take long."""

from typing import Any, Final, Literal, NamedTuple

from tenantproxy.config_poslog import Poslog
from tenantproxy.poslog.intake.envelope import CloudEvent

LIGHT_BYTES: Final = 128 * 1024
"""Of a PosLog that is read at once; a larger one belongs into a thread: it takes more than some milliseconds."""


class TestEvent(NamedTuple):
    """An event that tries whether the webhook works."""

    event: CloudEvent


class Irrelevant(NamedTuple):
    """An event of which nothing concerns a customer order."""

    event: CloudEvent
    why: Literal["no-name", "no-match"]
    """No name that a rule needs is in it; or one is, but no rule matches."""


class Relevant(NamedTuple):
    """An event of which something concerns a customer order."""

    event: CloudEvent
    poslog: bytes
    """The XML."""
    entries: tuple[Any, ...]
    """At least one."""


Reading = TestEvent | Irrelevant | Relevant


class EventReader:
    """Reads events by a relay's configuration; of any number of threads."""

    def __init__(self, config: Poslog) -> None:
        self._config = config

    def read(self, event: CloudEvent) -> Reading:
        """Return what an event (`envelope.event_of` its body) says.

        Raises:
            EventError: It is malformed, of another type, or beyond a bound.

        """
        raise NotImplementedError(self._config, event)

    def read_light(self, event: CloudEvent) -> Reading | None:
        """Return the same, if its PosLog has at most `LIGHT_BYTES`; else None: `read` it in a thread.

        Raises:
            EventError: It is malformed, of another type, or beyond a bound.

        """
        return self.read(event)
