"""An event is as docs/oms.md has it, in either compression."""

import base64
import io
import json
import xml.etree.ElementTree as ET
import zipfile
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tenantproxy.poslog.sending import samples
from tenantproxy.poslog.sending.events import POSLOG_TYPE, TEST_TYPE, Compression, Event, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

NOW = datetime(2026, 11, 30, 11, 15, 0, 857_000, tzinfo=timezone(timedelta(hours=1)))
POSLOG = samples.sample("pickup", order="A/17 <1>", business_unit="store-1", number=7, end=NOW)


def _poslog(compression: Compression) -> Event:
    return poslog_event(POSLOG, compression, event_id="42", now=NOW, business_day="2026-11-30")


def _unzipped(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        (name,) = files.namelist()
        return files.read(name)


@pytest.mark.parametrize(("compression", "read"), [("zlib", zlib.decompress), ("zip", _unzipped)])
def test_a_poslog_comes_compressed(compression: Compression, read: Any) -> None:
    """What is in `data` is the PosLog, byte for byte; the rest says what it is."""
    event = _poslog(compression)
    envelope = json.loads(event.body)
    assert envelope.pop("data") == event.data
    assert read(base64.b64decode(event.data)) == POSLOG
    assert envelope == {
        "id": "42",
        "time": "2026-11-30T10:15:00.857Z",
        "type": POSLOG_TYPE,
        "specversion": "1.0",
        "source": "exe-dispatch.retailsvc.com",
        "datacontenttype": "application/zip",
        "dataencoding": "base64",
        "meta": {"businessDay": "2026-11-30"},
    }


def test_zlib_begins_as_the_transaction_repository_has_it() -> None:
    """Its first two bytes are among those that the pages list."""
    assert base64.b64decode(_poslog("zlib").data)[:2].hex() in {
        *("7801", "785e", "789c", "78da", "7820", "787d", "78bb", "78f9")
    }


def test_the_test_event_has_json() -> None:
    """A webhook is tried with JSON, in base64 as well."""
    envelope = json.loads(webhook_test(event_id="1", now=datetime.now(UTC)).body)
    assert (envelope["type"], envelope["datacontenttype"]) == (TEST_TYPE, "application/json")
    assert json.loads(base64.b64decode(envelope["data"])).keys() == {"message", "coffee", "currentTime"}


@pytest.mark.parametrize("name", samples.NAMES)
def test_samples_are_poslogs(name: str) -> None:
    """Each can be parsed, whatever the order is called; its number is in those with one alone."""
    text = samples.sample(name, order="A/17 <1> & co", business_unit="store-1", number=7, end=NOW)
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == "{http://www.nrf-arts.org/IXRetail/namespace/}POSLog"
    assert ("A/17 <1> & co" in [element.text for element in root.iter()]) is (name in samples.WITH_ITS_NUMBER)


def test_a_transaction_has_its_own_number_and_time() -> None:
    """By which a receiver tells it from others, and what was first."""
    root = ET.fromstring(POSLOG)  # noqa: S314 - our own
    texts = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert texts["TransactionID"] == "store-1;3;7;2026-11-30T11:15:00;7"
    assert (texts["BeginDateTime"], texts["EndDateTime"]) == (
        "2026-11-30T11:14:20+01:00",
        "2026-11-30T11:15:00+01:00",
    )
