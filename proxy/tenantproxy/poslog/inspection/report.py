"""What the relay would make of a file, by the parts that it is made of itself."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from tenantproxy.config_poslog import Poslog
from tenantproxy.poslog.inspection.recognition import Recognised, UnknownContentError, recognise
from tenantproxy.poslog.intake.content import compressed, decompressed
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.intake.parser import parse
from tenantproxy.poslog.intake.reader import EventReader, Irrelevant, Reading, Relevant, TestEvent
from tenantproxy.poslog.rules.compile import Filter
from tenantproxy.poslog.rules.explanation import Place, TransactionExplanation, explain, find

Outcome = Literal["relevant", "irrelevant", "test", "refused", "unknown"]
"""Sent to the OMS; acknowledged only; the test event, acknowledged only; refused; or no event at all."""


class Sent(msgspec.Struct, frozen=True):
    """The request that the OMS gets, but for its correlation id, credential and signature."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


class Report(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What is said of a file."""

    outcome: Outcome
    layers: tuple[str, ...] = ()
    """What the file is, from the outside in."""
    event_id: str | None = None
    event_type: str | None = None
    event_time: str | None = None
    business_day: str | None = None
    poslog_bytes: int | None = None
    """Decompressed."""
    code: str | None = None
    why: str | None = None
    """Why it is refused."""
    transactions: list[TransactionExplanation] = []
    places: list[Place] = []
    """Of the text that was looked for."""
    sent: Sent | None = None


class Inspected(msgspec.Struct, frozen=True):
    """A file's report, and where the OMS gets something of it, from what."""

    report: Report
    body: bytes = b""
    """Of the event."""
    relevant: Relevant | None = None


class Inspector:
    """Looks at files as one relay would."""

    def __init__(self, config: Poslog) -> None:
        """Compile.

        Raises:
            FilterError: The filter can't be used.

        """
        self._reader = EventReader(config)
        self._filter = Filter(config.filter)
        self._limit = config.limits.max_poslog_bytes
        self._max_event_bytes = config.limits.max_event_bytes

    def inspect(self, content: bytes, text: str = "") -> Inspected:
        """Return what a file is, what comes of it, and where a text is in it."""
        try:
            given = recognise(content)
        except UnknownContentError as error:
            return Inspected(Report(outcome="unknown", why=str(error)))
        except EventError as error:
            return Inspected(Report(outcome="refused", code=error.code, why=error.detail))
        try:
            reading = self._read(given)
        except EventError as error:
            return Inspected(_report(given, "refused", code=error.code, why=error.detail))
        if isinstance(reading, TestEvent):
            return Inspected(_report(given, "test"))
        if isinstance(reading, Irrelevant):
            return Inspected(self._explained(given, "irrelevant", text))
        return Inspected(self._explained(given, "relevant", text), given.body, reading)

    def _read(self, given: Recognised) -> Reading:
        if len(given.body) > self._max_event_bytes:
            detail = f"the event has {len(given.body):,} bytes; the relay takes up to {self._max_event_bytes:,}"
            raise EventError("event-too-large", detail)
        return self._reader.read(given.event)

    def _explained(self, given: Recognised, outcome: Outcome, text: str) -> Report:
        """Return the report with the rules; a PosLog of no use to any need not be well-formed for the relay."""
        xml = decompressed(compressed(given.event.text()), self._limit) or b""
        try:
            root = parse(xml)
        except EventError as error:
            return _report(given, outcome, poslog_bytes=len(xml), why=error.detail)
        return replace(
            _report(given, outcome, poslog_bytes=len(xml)),
            transactions=explain(self._filter, root),
            places=find(root, text) if text else [],
        )


def _report(
    given: Recognised,
    outcome: Outcome,
    *,
    code: str | None = None,
    why: str | None = None,
    poslog_bytes: int | None = None,
) -> Report:
    event = given.event
    return Report(
        outcome=outcome,
        layers=given.layers,
        event_id=event.id if given.is_event else None,
        event_type=event.type if given.is_event else None,
        event_time=event.time.isoformat() if event.time is not None else None,
        business_day=event.business_day.isoformat() if event.business_day is not None else None,
        poslog_bytes=poslog_bytes,
        code=code,
        why=why,
    )
