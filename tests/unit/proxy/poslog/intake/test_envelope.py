"""The envelope of an event: its fields, and what is said where one is wrong."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.poslog.intake.envelope import CloudEvent, event_of
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.sending.events import poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

NOW = datetime(2026, 11, 30, 12, 0, 0, 123000, tzinfo=UTC)


def _wrong(body: bytes) -> str:
    """Return what is said of an event that can't be read."""
    with pytest.raises(EventError) as raised:
        event_of(body).text()
    assert raised.value.code == "malformed-event"
    return raised.value.detail


def _event(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "1", "type": "txr.transactions.v1", "data": "x", **fields})


def test_as_sent() -> None:
    """What ExternalEvents sends is read, and the text that it signs."""
    sent = poslog_event(b"<POSLog/>", "zlib", event_id="405", now=NOW, business_day="2026-11-29")
    event = event_of(sent.body)
    assert (event.id, event.type, event.time) == ("405", "txr.transactions.v1", NOW)
    assert event.business_day == date(2026, 11, 29)
    assert event.text() == sent.data
    assert event_of(webhook_test(event_id="7", now=NOW).body).type == "exe.events.v1"


def test_least() -> None:
    """Only the id and the type must be there; whatever is unknown does not matter."""
    event = event_of(b'{"id":"1","type":"t","more":{"a":[1]},"meta":{"other":1}}')
    assert event == CloudEvent("1", "t", meta=event.meta)
    assert event.business_day is None


@given(st.text())
def test_signed_text(text: str) -> None:
    """`data` is what JSON says, however it is escaped: what is signed and what is read are one."""
    assert event_of(_event(data=text)).text() == text
    escaped = "".join(f"\\u{unit:04x}" for unit in memoryview(text.encode("utf-16-le", "replace")).cast("H"))
    assert event_of(b'{"id":"1","type":"t","data":"' + escaped.encode() + b'"}').text() == text


def test_member_twice() -> None:
    """The last of two members counts, in what is signed as in what is read."""
    assert event_of(b'{"id":"1","data":"a","type":"t","data":"b"}').text() == "b"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (_event(id=1), "id"),
        (_event(id=""), "id"),
        (_event(id="a\nb"), "id"),
        (_event(id="å"), "id"),
        (_event(id="x" * 257), "id"),
        (b'{"type":"t"}', "id"),
        (_event(type=None), "type"),
        (_event(type="a b"), "type"),
        (b'{"id":"1"}', "type"),
        (_event(time="2026-11-30"), "time"),
        (_event(time="2026-11-30T12:00:00"), "time"),
        (_event(time=5), "time"),
        (_event(meta=[]), "meta"),
        (_event(meta={"businessDay": "30.11.2026"}), "meta.businessDay"),
        (_event(data=None), "data"),
        (_event(data={"a": 1}), "data"),
        (b'{"id":"1","type":"t"}', "data"),
        (b'{"id":"1","type":"t","data":"\xff"}', "data"),
    ],
)
def test_wrong_field(body: bytes, field: str) -> None:
    """A field that can't be used is named, with what it must be, and never quoted."""
    detail = _wrong(body)
    assert detail.startswith(f"`{field}` ")
    assert "\n" not in detail
    assert len(detail) < 100


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[", b'{"id":"1","type":"t","data":"x"', b"\xff", b"[]", b"null", b'"x"', b'{"id":"1",}'),
        b'{"id":"1","type":"t","data":"x"} {}',
        b'{"id":"1","type":"t","data":"\\ud800"}',
        b'{"id":"\xff"}',
        _event(data="x").decode().encode("utf-16"),
        b"[" * 1_000_000,
        b'{"id":"1","type":"t","data":' + b"[" * 1_000_000,
        b'{"id":"1","type":"t","more":' + b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_001,
    ],
    ids=range(15),
)
def test_no_json(body: bytes) -> None:
    """Whatever is no JSON object, is cut off or nests deeply is malformed, at once."""
    assert _wrong(body) in {
        "the body is not JSON",
        "the body is not a JSON object",
        "`data` must be a text: base64 of the compressed PosLog",
    }
