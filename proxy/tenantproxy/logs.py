"""The log, on stderr: JSON lines, if nothing else is wanted.

Nothing that a caller or the OMS sent is logged, except a checked correlation id.
"""

import contextlib
import json
import logging
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

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
        self.constants = constants

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self.constants,
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = record.exc_info[0].__name__
            entry["traceback"] = traceback.format_tb(record.exc_info[2])
        try:
            return _encode(entry).decode()
        except (TypeError, UnicodeEncodeError):
            # Half a character, which JSON's escapes can make, or a value that JSON has no type for.
            return json.dumps(entry, default=str)


class Lines:
    """The lines with one message, level and logger, of which there is one for each request.

    Where JSON lines go to stderr and nobody else wants the logger's records, they are written there at once: a
    record costs four times as much. Who that is, is looked up now.
    """

    def __init__(self, logger: logging.Logger, level: int, message: str) -> None:
        self._logger = logger
        self._level = level
        self._message = message
        self._output: BinaryIO | None = None
        self._second = 0
        self._start = b""
        handler = _only_handler(logger)
        if handler is not None and isinstance(formatter := handler.formatter, JsonFormatter):
            self._output = getattr(handler.stream, "buffer", None)
            name = logging.getLevelName(level).lower()
            common = {"level": name, "logger": logger.name, "message": message, **formatter.constants}
            self._common = _encode(common)[1:-1]

    def write(self, members: msgspec.Struct) -> None:
        """Write a line with these members: at least one, whose text is text (no half of a surrogate pair)."""
        if self._output is None:
            self._logger.log(self._level, self._message, extra={FIELDS: msgspec.to_builtins(members)})
            return
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._start = datetime.fromtimestamp(second, UTC).strftime('{"time":"%Y-%m-%dT%H:%M:%S').encode()
        milliseconds = (now - second) * 1000
        try:
            made = _encode(members)[1:]
            self._output.write(b'%b.%03d+00:00",%b,%b\n' % (self._start, milliseconds, self._common, made))
            self._output.flush()  # before what others write
        except (OSError, ValueError):
            pass  # nobody reads it; `logging` goes on as well, and `suppress` is a seventh of what a line costs


def _only_handler(logger: logging.Logger) -> "logging.StreamHandler[Any] | None":
    """Return the handler that gets the records of a logger, all of them as they are; None: there are others."""
    handlers: list[logging.Handler] = []
    if logger.filters:
        return None
    each: logging.Logger | None = logger
    while each is not None:
        handlers += each.handlers
        each = each.parent if each.propagate else None
    match handlers:
        case [logging.StreamHandler(filters=[]) as handler]:
            return handler
        case _:
            return None


_encode: Final = msgspec.json.Encoder().encode


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
