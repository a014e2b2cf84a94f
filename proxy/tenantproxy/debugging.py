"""Debug lines of one proxy, for a while: a file names the time at which they end, and may come and go at any time.

They are those of the logger `tenantproxy.debug`, whose level is what is switched: how each call of the OMS went,
and which rules its answers break, but never a value.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tenantproxy.logs import FIELDS, fields

DEBUG_LOG: Final = logging.getLogger("tenantproxy.debug")
_log = logging.getLogger(__name__)

LONGEST: Final = 3600.0
"""Seconds after which they end, whatever time the file names; another time begins anew."""
POLL_SECONDS: Final = 2.0
MOST_LINES: Final = 100
"""In a second; the next one says how many were left out."""
_MOST_BYTES: Final = 64


def parse_end(text: str) -> float:
    """Return the Unix time that a text names, such as `2026-11-30T15:00:00Z`.

    Raises:
        ValueError: It is not of this form (RFC 3339, in UTC, in seconds).

    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


class DebugWindow:
    """Switches the debug lines on and off, as `path` says."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._text = ""
        self._ends = 0.0
        self._is_open = False
        self._bound = _Bound()

    async def follow(self) -> None:
        """Do so until cancelled; then they are off."""
        DEBUG_LOG.addFilter(self._bound)
        try:
            while True:
                seconds = self.look()
                await asyncio.sleep(seconds)
        finally:
            self._switch(is_open=False)
            DEBUG_LOG.removeFilter(self._bound)

    def look(self) -> float:
        """Switch, if it is time to; return the seconds after which to look again."""
        now = self._now()
        text = self._read()
        if text != self._text:
            self._text = text
            self._ends = self._end(text, now)
        self._switch(is_open=now < self._ends)
        return min(POLL_SECONDS, self._ends - now) if self._is_open else POLL_SECONDS

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                return file.read(_MOST_BYTES).decode("ascii", "replace").strip()
        except OSError:
            return ""

    @staticmethod
    def _end(text: str, now: float) -> float:
        if not text:
            return 0.0
        try:
            return min(parse_end(text), now + LONGEST)
        except ValueError:
            _log.warning("the end of the debug lines is no time of RFC 3339 in UTC and seconds; there are none")
            return 0.0

    def _switch(self, *, is_open: bool) -> None:
        if is_open == self._is_open:
            return
        self._is_open = is_open
        DEBUG_LOG.setLevel(logging.DEBUG if is_open else logging.NOTSET)
        if is_open:
            until = datetime.fromtimestamp(self._ends, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            _log.warning("debug lines are written", extra=fields(until=until))
        else:
            _log.warning("debug lines end")


class _Bound(logging.Filter):
    """Lets only so many lines pass in a second."""

    def __init__(self) -> None:
        super().__init__()
        self._second = 0
        self._count = 0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line passes."""
        second = int(record.created)
        if second != self._second:
            self._second, self._count = second, 0
        if self._count >= MOST_LINES:
            self._left_out += 1
            return False
        self._count += 1
        if self._left_out:
            getattr(record, FIELDS)["suppressed"] = self._left_out
            self._left_out = 0
        return True
