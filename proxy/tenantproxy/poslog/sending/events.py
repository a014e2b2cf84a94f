"""The events that ExternalEvents delivers: CloudEvents as JSON, a PosLog in them compressed and in base64. No I/O.

What each field is, and from which of Hii Retail's pages it is known: docs/oms.md.
"""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

Compression = Literal["zlib", "zip"]
"""Hii Retail's pages say ZIP; their sample code reads a zlib stream, another sample begins like a ZIP archive."""

POSLOG_TYPE: Final = "txr.transactions.v1"
TEST_TYPE: Final = "exe.events.v1"
_SOURCE: Final = "exe-dispatch.retailsvc.com"


class Event(msgspec.Struct, frozen=True):
    """An event on its way: its id, the JSON text of its envelope, and the text in the envelope's `data`."""

    id: str
    body: bytes
    data: str


def poslog_event(
    poslog: bytes, compression: Compression, *, event_id: str, now: datetime, business_day: str
) -> Event:
    """Return the event of a PosLog, XML; `now` has a time zone, `business_day` is a date (ISO 8601)."""
    compressed = zlib.compress(poslog) if compression == "zlib" else _zipped(poslog, now)
    return _event(POSLOG_TYPE, "application/zip", compressed, event_id, now, {"businessDay": business_day})


def test_event(*, event_id: str, now: datetime) -> Event:
    """Return the event that ExternalEvents sends to try a webhook."""
    data = {"message": "This is a test event", "coffee": True, "currentTime": _text(now)}
    return _event(TEST_TYPE, "application/json", msgspec.json.encode(data), event_id, now, {})


def _event(
    kind: str, content_type: str, data: bytes, event_id: str, now: datetime, meta: Mapping[str, str]
) -> Event:
    text = base64.b64encode(data).decode()
    envelope: dict[str, Any] = {
        "id": event_id,
        "time": _text(now),
        "type": kind,
        "specversion": "1.0",
        "source": _SOURCE,
        "datacontenttype": content_type,
        "dataencoding": "base64",
        "data": text,
        "meta": meta,
    }
    return Event(event_id, msgspec.json.encode(envelope), text)


def _zipped(poslog: bytes, now: datetime) -> bytes:
    """Return an archive of one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(zipfile.ZipInfo("transaction.xml", now.timetuple()[:6]), poslog, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _text(now: datetime) -> str:
    """Return a moment as ISO 8601, in UTC, to the millisecond."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
