"""Check the criteria of a search, and encode them again, so that the OMS reads exactly what was checked."""

from typing import Final

import msgspec

from tenantproxy.errors import FieldProblem
from tenantproxy.problems import Problem

_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encoded_anew(body: bytes) -> bytes:
    """Return the criteria with each field once (the last of several); their values are as they were written.

    No value becomes an object of Python's: of 64 KiB of numbers there would be tens of thousands.

    Raises:
        Problem: `malformed-json`: it is not JSON (RFC 8259) in UTF-8, or nested too deeply; `invalid-request`:
            it is no object, or `customerId` is no string.

    """
    try:
        body.decode()  # msgspec does not look into what it leaves as it is written
        document = _ANY.decode(body)
    except (ValueError, RecursionError):
        raise Problem("malformed-json", "The body can't be parsed as JSON.") from None
    try:
        criteria = _OBJECT.decode(document)
    except msgspec.ValidationError:
        raise _invalid("", "must be an object") from None
    if not bytes(criteria.get("customerId", b'"')).startswith(b'"'):
        raise _invalid("/customerId", "must be a string")
    return msgspec.json.encode(criteria)


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(
        "invalid-request", "The search criteria have invalid fields.", errors=[FieldProblem(pointer, detail)]
    )
