"""An event from a request's body to what it says."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.random_poslog import Writer, poslog
from tenantproxy.config_poslog import Poslog, PoslogFilter, PoslogLimits, Verification
from tenantproxy.poslog.intake.content import LIGHT_BYTES
from tenantproxy.poslog.intake.envelope import CloudEvent, event_of
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.intake.reader import EventReader, Irrelevant, Relevant
from tenantproxy.poslog.intake.reader import TestEvent as TrialEvent
from tenantproxy.poslog.rules.compile import MAX_ORDERS
from tenantproxy.poslog.sending.events import Compression, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test
from tenantproxy.poslog.sending.samples import sample

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
READER = EventReader(Poslog(verification=Verification(shared_key=True)))
COMPRESSIONS = get_args(Compression)


def _sample(name: str) -> bytes:
    return sample(name, order="CO-1", business_unit="1", number=1, end=NOW)


def _event(xml: bytes, compression: Compression = "zlib") -> CloudEvent:
    return event_of(poslog_event(xml, compression, event_id="1", now=NOW, business_day="2026-11-30").body)


def _large(size: int) -> bytes:
    """Return a sale with random text, so that it is not out of proportion."""
    text = Random(1).randbytes(size // 2).hex().encode()  # noqa: S311 - test data
    return _sample("sale").replace(b"<ItemID>", b"<Description>%b</Description><ItemID>" % text)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("read", [READER.read, READER.read_light])
def test_relevant(read: Callable[[CloudEvent], object], compression: Compression) -> None:
    """What concerns an order comes with it, and with the PosLog as it was."""
    xml = _sample("pickup")
    event = _event(xml, compression)
    reading = read(event)
    assert isinstance(reading, Relevant)
    assert (reading.event, reading.poslog) == (event, xml)
    assert [(entry.order_id, entry.kind) for entry in reading.entries] == [("CO-1", "picked-up")]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize(("name", "why"), [("sale", "no-name"), ("login", "no-name"), ("training", "no-match")])
def test_irrelevant(name: str, why: str, compression: Compression) -> None:
    """What does not is told without parsing, or after it."""
    event = _event(_sample(name), compression)
    assert READER.read(event) == Irrelevant(event, why)  # type: ignore[arg-type] # its words are what is tested


def test_types() -> None:
    """The webhook's test is one; PosLogs come by three types; whatever else was subscribed to is an error."""
    trial = event_of(webhook_test(event_id="1", now=NOW).body)
    assert READER.read(trial) == READER.read_light(trial) == TrialEvent(trial)
    event = _event(_sample("pickup"))
    for each in ("txr.transactions.v1", "txr.transactions-staging.v1", "txr.storageless-transactions.v1"):
        assert isinstance(READER.read(msgspec.structs.replace(event, type=each)), Relevant)
    with pytest.raises(EventError, match=r"txr\.sequence-gaps\.v1") as raised:
        READER.read(msgspec.structs.replace(event, type="txr.sequence-gaps.v1"))
    assert raised.value.code == "unsupported-event-type"


def test_content_type() -> None:
    """How it is compressed is told by its bytes, whatever the event says."""
    body = poslog_event(_sample("pickup"), "zlib", event_id="1", now=NOW, business_day="2026-11-30").body
    assert isinstance(READER.read(event_of(body.replace(b"application/zip", b"text/plain"))), Relevant)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_light(compression: Compression) -> None:
    """What is large is left to a thread, whether it is so before or after decompression."""
    for xml in (_large(LIGHT_BYTES), _sample("sale").replace(b"<ItemID>", b" " * LIGHT_BYTES + b"<ItemID>")):
        event = _event(xml, compression)
        assert READER.read_light(event) is None
        assert READER.read(event) == Irrelevant(event, "no-name")
    assert READER.read_light(_event(_large(LIGHT_BYTES // 2))) is not None
    assert (
        READER.read_light(event_of(b'{"id":"1","type":"txr.transactions.v1","data":"%b"}' % (b"-" * LIGHT_BYTES)))
        is None
    )


def test_limit() -> None:
    """A PosLog has as many bytes as the tenant's limit says, and no more: in a thread, and at once."""
    xml = _sample("sale")
    for limit in (len(xml), len(xml) - 1):
        reader = EventReader(
            Poslog(verification=Verification(shared_key=True), limits=PoslogLimits(max_poslog_bytes=limit))
        )
        for read in (reader.read, reader.read_light):
            if limit == len(xml):
                assert isinstance(read(_event(xml)), Irrelevant)
            else:
                with pytest.raises(EventError, match=f"more than {limit:,} bytes") as raised:
                    read(_event(xml))
                assert raised.value.code == "event-too-large"


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (b"", "no element found"),
        (b"<POSLog>", "no element found"),
        (_sample("sale")[:-3], "unclosed token"),
        (_sample("pickup").replace(b"</ItemID>", b"</ItemId>"), "mismatched tag"),
        (_sample("sale").replace(b"?>", b"?><!DOCTYPE POSLog>"), "document type declaration"),
        (_sample("sale").replace(b"UTF-8", b"cp1252"), "encoding"),
        (b"<html></html>", "root"),
        (b"PK\3\4" + bytes(100), "not well-formed"),
    ],
)
def test_malformed(xml: bytes, said: str) -> None:
    """What is malformed is said, and not taken for irrelevant."""
    for compression in COMPRESSIONS:
        with pytest.raises(EventError, match=said) as raised:
            READER.read(_event(xml, compression))
        assert raised.value.code == "malformed-event"


def test_too_many_orders() -> None:
    """One event that concerns too many orders is refused, and says how many it may."""
    line = b"<LineItem><CustomerOrderForPickup><InventoryReservationID>%d</InventoryReservationID>"
    lines = b"".join(line % number + b"</CustomerOrderForPickup></LineItem>" for number in range(MAX_ORDERS + 1))
    with pytest.raises(EventError, match=f"more than {MAX_ORDERS} customer orders") as raised:
        READER.read(_event(_sample("sale").replace(b"<LineItem", lines + b"<LineItem", 1)))
    assert raised.value.code == "event-too-large"


STEEP = EventReader(
    Poslog(
        verification=Verification(shared_key=True),
        filter=PoslogFilter(order_id_pattern="([A-Za-z0-9]{1,20}-?){1,10}X"),
    )
)


def _ids(count: int, *, different: bool = True) -> bytes:
    line = "<LineItem><Sale><InventoryReservationID>{:0200}</InventoryReservationID></Sale></LineItem>"
    lines = "".join(line.format(number if different else 0) for number in range(count)).encode()
    return _sample("sale").replace(b"<LineItem", lines + b"<LineItem", 1)


def test_ids_that_take_long_to_match() -> None:
    """A few are matched on the event loop, more in a thread, and beyond a bound none; the same one once."""
    assert isinstance(STEEP.read_light(_event(_ids(2))), Irrelevant)
    more = _event(_ids(20))
    assert STEEP.read_light(more) is None
    assert isinstance(STEEP.read(more), Irrelevant)
    assert isinstance(STEEP.read_light(_event(_ids(400, different=False))), Irrelevant)
    with pytest.raises(EventError, match="too many texts to match with orderIdPattern") as raised:
        STEEP.read(_event(_ids(500)))
    assert raised.value.code == "event-too-large"


@given(st.integers(), st.sampled_from(COMPRESSIONS))
def test_nothing_else_is_raised(seed: int, compression: Compression) -> None:
    """Whatever is sent is read or an error that says what is wrong; cut off, it never counts as read."""
    random = Random(seed)  # noqa: S311 - test data
    xml = Writer(random, plain=True).write(poslog(random))
    READER.read(_event(xml, compression))
    with pytest.raises(EventError):
        READER.read(_event(xml[: random.randrange(len(xml.rstrip()))], compression))
    body = poslog_event(xml, compression, event_id="1", now=NOW, business_day="2026-11-30").body
    at = random.randrange(len(body))
    try:
        READER.read(event_of(body[:at] + random.randbytes(1) + body[at + 1 :]))
    except EventError as error:
        assert error.detail  # noqa: PT017 - or nothing
