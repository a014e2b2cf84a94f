"""What finds a request in our log and the OMS's: its id, the caller's own or a random one; and its trace."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

from tenantproxy.server.request import Request

_GIVEN: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_AT_ONCE: Final = 64
"""Ids that are made together: asking the kernel for random bytes is most of what one costs."""
_VARIANT: Final = dict(zip("0123456789abcdef", 4 * "89ab", strict=True))
"""RFC 9562 fixes two bits of the digit that says which layout a UUID has."""


class CorrelationIds:
    """Those of one process."""

    def __init__(self) -> None:
        self._made: list[str] = []

    def of(self, given: str | None) -> str:
        """Return the id of a request that came with this one, if it can be taken as it is."""
        return given if given is not None and _GIVEN.fullmatch(given) else self.new()

    def new(self) -> str:
        """Return a random UUID of version 4 (RFC 9562)."""
        if not self._made:
            self._made = [*_random_ids()]
        return self._made.pop()


def correlated(headers: Mapping[str, str], request: Request, correlation_id: str) -> dict[str, str]:
    """Return headers for the OMS with those by which its log, and its spans, find the caller's request."""
    given = {**headers, "Correlation-Id": correlation_id}
    traceparent = request.headers.get("traceparent")
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        given["traceparent"] = traceparent
    return given


def _random_ids() -> Iterator[str]:
    digits = os.urandom(16 * _AT_ONCE).hex()
    for start in range(0, len(digits), 32):
        text = digits[start : start + 32]
        yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
