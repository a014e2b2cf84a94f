"""Which headers a credential may be sent in, and which values they carry (RFC 9110 sections 5.1 and 5.5)."""

import re
from typing import Final

from tenantproxy.credentials.base import check_length
from tenantproxy.errors import FieldProblem

TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""What a header's name and an authentication scheme are made of."""
_NAME: Final = re.compile(TOKEN)
_MOST_CHARACTERS: Final = 128
"""Of a name."""
_VALUE: Final = re.compile(r"[!-~]*")
AUTHORIZATION: Final = "authorization"
RESERVED: Final = frozenset(
    {
        *("accept", "accept-encoding", "correlation-id", "tenant-id", "traceparent", "tracestate", "user-agent"),
        *("connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("cookie", "date", "forwarded", "max-forwards", "range", "set-cookie", "via"),
    }
)
"""What the proxy sends itself, and what is about the connection or changes how a request is read."""
RESERVED_BEGIN: Final = ("content-", "if-", "proxy-", "sec-", "x-forwarded-", "x-http-method", "x-method-override")
"""What describes the body, makes an answer conditional, is for a proxy, or turns a method into another one."""


def check_header_name(key: str, name: str) -> list[FieldProblem]:
    """Return the problem of a header that a credential must not set, if it is one."""
    if len(name) > _MOST_CHARACTERS or not _NAME.fullmatch(name):
        detail = f"is not a header's name; it has at most {_MOST_CHARACTERS} letters, digits, and - or _"
        return [FieldProblem(key, detail)]
    lowered = name.lower()
    if lowered == AUTHORIZATION:
        return [FieldProblem(key, "can't be Authorization; use the type `basic` or `bearer` for that")]
    if lowered in RESERVED or lowered.startswith(RESERVED_BEGIN):
        return [FieldProblem(key, "is a header of HTTP or of the proxy itself; name one of the OMS's own")]
    return []


def check_header_value(key: str, value: str) -> list[FieldProblem]:
    """Return the problem of a value that not every server takes in a header, if it has one."""
    if problems := check_length(key, value):
        return problems
    if not _VALUE.fullmatch(value):
        return [FieldProblem(key, "has other characters than visible ASCII, such as a space; remove them")]
    return []
