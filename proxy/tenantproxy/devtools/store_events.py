"""The store events that the mock OMS was sent, each kept once, by its `Idempotency-Key`."""

from collections import Counter
from typing import Any, Final

import msgspec

_KEPT: Final = 1000
"""Events; after these the oldest is forgotten."""
_JSON: Final = "application/json"


class StoreEvents:
    """What an OMS does with events: an event that comes again changes nothing."""

    def __init__(self) -> None:
        self._bodies: dict[str, msgspec.Raw | str] = {}
        self._times: Counter[str] = Counter()

    def take(self, key: str, content_type: str, body: bytes) -> None:
        """Keep an event, if it is new.

        Raises:
            ValueError: It can't be kept; the message says why.

        """
        if not key:
            raise ValueError("the header Idempotency-Key is missing")
        try:
            content = _as_it_is(body) if content_type == _JSON else body.decode()
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ValueError(f"the body is not {content_type}") from None
        self._times[key] += 1
        self._bodies.setdefault(key, content)
        if len(self._bodies) > _KEPT:
            oldest = next(iter(self._bodies))
            del self._bodies[oldest], self._times[oldest]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return them, the oldest first, and how often each came."""
        return [{"key": key, "times": self._times[key], "body": body} for key, body in self._bodies.items()]


def _as_it_is(body: bytes) -> msgspec.Raw:
    """Return JSON, with numbers digit by digit. Raises msgspec.DecodeError."""
    msgspec.json.decode(body)
    return msgspec.Raw(body)
