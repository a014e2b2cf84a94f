"""What a file is, from the outside in."""

import base64
import io
import zipfile
import zlib
from datetime import UTC, datetime

import pytest

from tenantproxy.poslog.inspection.recognition import MAX_BYTES, UnknownContentError, recognise
from tenantproxy.poslog.intake.content import compressed, decompressed
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.sending.events import poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test

XML = b'<?xml version="1.0"?><POSLog><Transaction/></POSLog>'
NOW = datetime.now(UTC)


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.xml", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "layers"),
    [
        (XML, ("XML",)),
        (b"\xef\xbb\xbf" + XML, ("XML",)),
        (b"\n" + XML.partition(b"?>")[2], ("XML",)),
        ("<POSLog/>".encode("utf-16"), ("XML",)),
        (zlib.compress(XML), ("zlib",)),
        (_zipped(XML), ("ZIP",)),
        (base64.b64encode(zlib.compress(XML)), ("base64", "zlib")),
        (base64.encodebytes(_zipped(XML * 50)), ("base64", "ZIP")),
        (base64.b64encode(XML), ("base64", "XML")),
        (base64.b64encode(base64.b64encode(zlib.compress(XML))), ("base64", "base64", "zlib")),
    ],
)
def test_a_poslog(content: bytes, layers: tuple[str, ...]) -> None:
    """However it is packed: an event is made of it as the relay takes one, with what was in the file."""
    found = recognise(content)
    assert (found.layers, found.is_event) == (layers, False)
    inside = decompressed(compressed(found.event.text()), 1_000_000)
    assert inside is not None
    assert b"POSLog" in inside.replace(b"\0", b"")


@pytest.mark.parametrize(("compression", "name"), [("zlib", "zlib"), ("zip", "ZIP")])
def test_an_event(compression: str, name: str) -> None:
    """Stays as it is."""
    event = poslog_event(XML, compression, event_id="42", now=NOW, business_day="2026-11-30")  # type: ignore[arg-type]
    found = recognise(event.body)
    assert found.layers == ("CloudEvent", "base64", name)
    assert (found.is_event, found.body, found.event.id) == (True, event.body, "42")


def test_the_event_that_tries_a_webhook() -> None:
    """What is in it is no PosLog, and not compressed."""
    assert recognise(webhook_test(event_id="42", now=NOW).body).layers == ("CloudEvent", "base64")


def test_an_event_as_editors_save_it() -> None:
    """What they put before it is no part of it: it could not be decoded."""
    event = poslog_event(XML, "zlib", event_id="42", now=NOW, business_day="2026-11-30")
    found = recognise(b"\xef\xbb\xbf" + event.body)
    assert (found.is_event, found.body) == (True, event.body)


def test_an_event_whose_data_is_nothing() -> None:
    """Is one; that it can't be read is for its reader to say."""
    for data in (b"", b', "data": 1', b', "data": "?"'):
        assert recognise(b'{"id": "1", "type": "t"%b}' % data).layers == ("CloudEvent",)
    with pytest.raises(EventError):
        recognise(b'{"id": 1}')


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\x7fELF\2", b"hello", b"QUJD", b"[]", b"x", base64.b64encode(b"hello")]
)
def test_something_else(content: bytes) -> None:
    """Is told, with what it could be."""
    with pytest.raises(UnknownContentError, match="give an event"):
        recognise(content)


def test_a_large_file() -> None:
    """Is not looked at."""
    with pytest.raises(UnknownContentError, match=r"is larger than 67,108,864 bytes"):
        recognise(b"a" * (MAX_BYTES + 1))
