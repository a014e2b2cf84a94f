"""What a file is: an event, or a PosLog as it is, compressed, or in base64."""

import base64
import binascii
import codecs
import re
import zlib
from typing import Final, NamedTuple

import msgspec

from tenantproxy.poslog.intake import archive
from tenantproxy.poslog.intake.content import is_zlib
from tenantproxy.poslog.intake.envelope import CloudEvent, event_of

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a file."""
MADE_UP_ID: Final = "0000000000000000"
"""The id of the event that is made of a file that is none."""
MADE_UP_TYPE: Final = "txr.transactions.v1"

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<|\xff\xfe<\0|\xfe\xff\0<|<\0|\0<")


class UnknownContentError(ValueError):
    """A file is nothing that has a PosLog in it; the message says what it could be."""


class Recognised(NamedTuple):
    """What a file is, from the outside in, and its event, which may be made up."""

    layers: tuple[str, ...]
    body: bytes
    """Of the event, as ExternalEvents posts it."""
    event: CloudEvent

    @property
    def is_event(self) -> bool:
        """Whether the file is an event itself."""
        return self.layers[0] == _EVENT


_EVENT: Final = "CloudEvent"


def recognise(content: bytes) -> Recognised:
    """Return what a file is.

    Raises:
        EventError: It is JSON, but no event.
        UnknownContentError: It is something else.

    """
    if len(content) > MAX_BYTES:
        raise UnknownContentError(f"is larger than {MAX_BYTES:,} bytes")
    json = content.removeprefix(codecs.BOM_UTF8)  # as editors write it
    if json.lstrip().startswith(b"{"):
        event = event_of(json)
        return Recognised((_EVENT, *_layers_in(event)), json, event)
    layers, compressed = _unpacked(content)
    data = base64.b64encode(compressed).decode()
    body = msgspec.json.encode({"specversion": "1.0", "id": MADE_UP_ID, "type": MADE_UP_TYPE, "data": data})
    return Recognised(layers, body, event_of(body))


def _layers_in(event: CloudEvent) -> tuple[str, ...]:
    """Return how an event's PosLog is packed; whether that is well done, its reader says."""
    try:
        content = base64.b64decode(msgspec.json.decode(event.data, type=str), validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        return ()
    compression = _compression(content)
    return ("base64",) if compression is None else ("base64", compression)


def _compression(content: bytes) -> str | None:
    """Return how a PosLog is compressed, by its first bytes; None: it is not."""
    if content.startswith(archive.START):
        return "ZIP"
    return "zlib" if is_zlib(content) else None


def _unpacked(content: bytes) -> tuple[tuple[str, ...], bytes]:
    """Return a file's layers, and the compressed PosLog in it."""
    if _XML.match(content):
        return ("XML",), zlib.compress(content)
    if _BASE64.fullmatch(content):
        try:
            inner = binascii.a2b_base64(b"".join(content.split()), strict_mode=True)
        except binascii.Error:
            inner = b""
        if inner:
            layers, compressed = _unpacked(inner)
            return ("base64", *layers), compressed
    if (compression := _compression(content)) is not None:
        return (compression,), content
    raise UnknownContentError(
        "is nothing that has a PosLog in it; give an event (CloudEvent, JSON), or a PosLog as XML, as a zlib "
        "stream, as a ZIP archive, or one of these in base64"
    )
