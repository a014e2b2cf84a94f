"""The envelope of an event: a CloudEvent in JSON, as ExternalEvents sends it."""

import re
from datetime import date, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tenantproxy.poslog.intake.errors import malformed

_Name = Annotated[str, Meta(pattern=r"\A[!-~]{1,256}\Z")]
"""Without what a header's value or a line of the log can't have: it becomes part of them. ExternalEvents' ids are
numbers of some 16 digits."""


class EventMeta(msgspec.Struct, frozen=True, rename="camel"):
    """What Hii Retail adds to an event of a transaction."""

    business_day: date | None = None


class CloudEvent(msgspec.Struct, frozen=True):
    """What is read of an event; other members don't matter.

    Where a member comes twice, the last one is read, for the signature over `data` as well.
    """

    id: _Name
    type: _Name
    time: Annotated[datetime, Meta(tz=True)] | None = None
    meta: EventMeta | None = None
    data: msgspec.Raw = msgspec.Raw()
    """As it is in JSON; nothing where it is missing."""

    def text(self) -> str:
        """Return `data`, where it is a text: the string that is signed.

        Raises:
            EventError: It is none.

        """
        return _text(self.data)

    @property
    def business_day(self) -> date | None:
        """The business day of the store."""
        return self.meta.business_day if self.meta is not None else None


class _Data(msgspec.Struct, frozen=True):
    """What is read of an event of which something else may be wrong."""

    data: msgspec.Raw = msgspec.Raw()


_EXPECTED: Final = {
    "id": "1 to 256 characters of ASCII that can be seen",
    "type": "1 to 256 characters of ASCII that can be seen",
    "time": "a date and a time with its zone (RFC 3339)",
    "meta": "an object",
    "meta.businessDay": "a date (ISO 8601)",
}
_FIELD: Final = re.compile(r"(?:field `|\$\.)([A-Za-z.]+)`$")
"""At the end of an error of msgspec's."""
_TEXT: Final = msgspec.json.Decoder(str)
_EVENT: Final = msgspec.json.Decoder(CloudEvent)
_DATA: Final = msgspec.json.Decoder(_Data)


def event_of(body: bytes) -> CloudEvent:
    """Return the event in a request's body.

    Raises:
        EventError: It is no JSON, or has not the fields of an event.

    """
    try:
        return _EVENT.decode(body)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        if found is None:
            raise malformed("the body is not a JSON object") from None
        raise malformed(f"`{found[1]}` must be {_EXPECTED[found[1]]}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise malformed("the body is not JSON") from None


def text_of(body: bytes) -> str:
    """Return the text in `data` of a request's body, whatever else is in it.

    Raises:
        EventError: There is none.

    """
    try:
        data = _DATA.decode(body).data
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise malformed("the body is not a JSON object") from None
    return _text(data)


def _text(data: msgspec.Raw) -> str:
    try:
        return _TEXT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise malformed("`data` must be a text: base64 of the compressed PosLog") from None
