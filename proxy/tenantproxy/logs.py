"""The log, on stderr: JSON lines, if nothing else is wanted.

Nothing that a caller or the OMS sent is logged, except a checked correlation id.
"""

import contextlib
import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("json", "text")
_MOST_KEPT: Final = 64 * 1024
"""Bytes of a file for `keep`; there are at most two."""
FIELDS: Final = "fields"
"""The name in a log call's `extra` of what goes into the line; see `fields`."""


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, constants, the record's fields, the traceback.

    A traceback is given without the exception's message, which may quote input.
    """

    def __init__(self, constants: Mapping[str, str]) -> None:
        super().__init__()
        self._constants = constants

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._constants,
            **getattr(record, FIELDS, {}),
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
    return {FIELDS: values}


def keep(logger: str, path: Path, **constants: str) -> None:
    """Also write a logger's records to a file, as JSON lines, from now on; it and its predecessor stay small."""
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415 - for `local` only

    with contextlib.suppress(OSError):  # then there are none, or they can't be written, either
        path.unlink()
    handler = RotatingFileHandler(path, maxBytes=_MOST_KEPT, backupCount=1, delay=True)
    handler.setFormatter(JsonFormatter(constants))
    logging.getLogger(logger).addHandler(handler)


def configure(level: str, formatter: logging.Formatter | None = None, **constants: str) -> None:
    """Send all records of `level` and above to stderr; without a formatter as JSON lines.

    Each of these has `constants`, such as the tenant.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter or JsonFormatter(constants))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiohttp's and asyncio's own records may quote requests; what matters of them is said by us.
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.raiseExceptions = False
    # What no line shows need not be found out for each (Python's logging HOWTO, "Optimization").
    logging._srcfile = None  # noqa: SLF001
    for name in ("logAsyncioTasks", "logMultiprocessing", "logProcesses", "logThreads"):
        setattr(logging, name, False)
