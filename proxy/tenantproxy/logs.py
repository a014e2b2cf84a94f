"""JSON lines on stderr. Nothing that a caller or the OMS sent is logged, except a checked correlation id."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

LEVELS: Final = ("debug", "info", "warning", "error")
_FIELDS: Final = "fields"


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, tenant, the record's fields, the traceback.

    A traceback is given without the exception's message, which may quote input.
    """

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self._tenant = tenant

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "tenant": self._tenant,
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = record.exc_info[0].__name__
            entry["traceback"] = traceback.format_tb(record.exc_info[2])
        try:
            return msgspec.json.encode(entry).decode()
        except (TypeError, UnicodeEncodeError):
            # Half a character, which JSON's escapes can make, or a value that JSON has no type for.
            return json.dumps(entry, default=str)


def fields(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """Return the `extra` of a log call that puts `values` into the line."""
    return {_FIELDS: values}


def configure(level: str, *, tenant: str) -> None:
    """Send all records of `level` and above to stderr, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(tenant))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiohttp's and asyncio's own records may quote requests; what matters of them is said by us.
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.raiseExceptions = False
