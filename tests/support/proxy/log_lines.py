"""The lines that code under test writes to a proxy's log, each of which must be one of docs/logs.schema.json."""

import contextlib
import functools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

from tenantproxy.logs import JsonFormatter

SCHEMA = Path(__file__).parents[3] / "docs" / "logs.schema.json"


@functools.cache
def line_validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))


class LogLines(logging.Handler):
    """Collects lines as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter({"tenant": "acme"}))
        self.text = ""
        self._lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.text += f"{text}\n"
        self._lines.append(json.loads(text))

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Return the lines of a logger, without what all lines have."""
        common = ("time", "level", "logger", "tenant")
        return [
            {name: value for name, value in line.items() if name not in common}
            for line in self._lines
            if line["logger"] == logger
        ]

    def check(self) -> None:
        for line in self._lines:
            line_validator().validate(line)


@contextlib.contextmanager
def log_lines(level: int = logging.INFO) -> Iterator[LogLines]:
    """Collect the lines of this level and above, and check them in the end. Proxies must be started within."""
    logger = logging.getLogger("tenantproxy")
    before = logger.level
    lines = LogLines()
    logger.addHandler(lines)
    logger.setLevel(level)
    try:
        yield lines
    finally:
        logger.setLevel(before)
        logger.removeHandler(lines)
    lines.check()
