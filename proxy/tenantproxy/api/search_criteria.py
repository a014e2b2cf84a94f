"""Read the criteria of a search: which fields the body has, each once, their values not yet looked at."""

from typing import Final

import msgspec

from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.criteria import invalid
from tenantproxy.problems import Problem

_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the criteria, each field once (the last of several), as JSON.

    No value becomes an object of Python's: of 64 KiB of numbers there would be tens of thousands.

    Raises:
        Problem: `malformed-json`: it is not JSON (RFC 8259) in UTF-8, or nested too deeply; `invalid-request`:
            it is no object.

    """
    try:
        body.decode()  # msgspec does not look into what it leaves as it is written
        document = _ANY.decode(body)
    except (ValueError, RecursionError):
        raise Problem("malformed-json", "The body can't be parsed as JSON.") from None
    try:
        return _OBJECT.decode(document)
    except msgspec.ValidationError:
        raise invalid(FieldProblem("", "must be an object")) from None
