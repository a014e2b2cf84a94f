"""Lines of the log as sentences for people; see `logs` for those for machines."""

import json
import logging
import os
import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TextIO

from tenantproxy.logs import FIELDS
from tenantproxy.problems import PROBLEM_TYPES

_GREEN, _YELLOW, _RED, _DIM = 32, 33, 31, 2
"""Of ANSI's escape sequences."""
_BAD: Final = 400
_FAILED: Final = 500


class TextFormatter(logging.Formatter):
    """One line per record, but for the traceback of an unexpected error; `tenant` stands in each."""

    def __init__(self, tenant: str = "", *, colours: bool = False) -> None:
        super().__init__()
        self._tenant = tenant
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: Mapping[str, Any] = getattr(record, FIELDS, {})
        if record.name == "tenantproxy.request":
            text, colour = _request(line)
        elif record.name == "tenantproxy.state":
            text, colour = _state(record.getMessage(), line)
        else:
            text, colour = _other(record, line)
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        start = " ".join(part for part in (when, self._tenant) if part)
        formatted = f"{self._in(_DIM, start)}  {self._in(colour, _printable(text))}"
        if (correlation_id := line.get("correlationId")) is not None:
            formatted += f"  {self._in(_DIM, _printable(str(correlation_id)))}"
        if record.exc_info and record.exc_info[0] is not None:  # without its message, which may quote input
            formatted += f"\n{''.join(traceback.format_tb(record.exc_info[2]))}{record.exc_info[0].__name__}"
        return formatted

    def _in(self, colour: int | None, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour is not None else text


def takes_colours(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a stream is to have colours, as https://no-color.org and https://force-color.org say."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def _request(line: Mapping[str, Any]) -> tuple[str, int | None]:
    """Say what came of a request, or how many more were like it."""
    said = [
        f"{line['suppressed']} more" if "suppressed" in line else line.get("method", "no request"),
        line["route"],
    ]
    status = line.get("status")
    colour = None
    if line.get("callerGone"):
        said.append("the caller has gone")
    elif status is not None:
        said.append(str(status))
        colour = _GREEN if status < _BAD else _YELLOW if status < _FAILED else _RED
    if (code := line.get("code")) is not None:
        finer = f", {line['reason']}" if "reason" in line else ""
        said.append(f"{PROBLEM_TYPES[code].title} ({code}{finer})")
    if (outcome := line.get("outcome")) is not None:
        said.append(outcome)
        if "eventId" in line:
            said.append(f"event {line['eventId']}")
    if (milliseconds := line.get("durationMs")) is not None:
        said.append(f"in {milliseconds} ms")
    if (calls := line.get("upstreamCalls")) is not None:
        times = "" if calls == 1 else f" to the last of {calls} calls"
        said.append(f"- OMS: {line.get('upstreamStatus', 'no response')}{times} in {line['upstreamMs']} ms")
    if "cutBy" in line:
        said.append(f"- incomplete after {line['pages']} pages ({line['cutBy']})")
    return " ".join(said), colour


def _state(message: str, line: Mapping[str, Any]) -> tuple[str, int]:
    about = [line[name] for name in ("operation", "issuer", "reason") if name in line]
    status = line.get("upstreamStatus")
    if status is not None and line.get("reason") != f"status-{status}":
        about.append(f"status {status}")
    if line["state"] == "ended":
        return f"{message}, after {line['seconds']} s ({', '.join([*about, line['code']])})", _GREEN
    return f"{message} ({', '.join([*about, line['code']])})", _YELLOW


def _other(record: logging.LogRecord, line: Mapping[str, Any]) -> tuple[str, int | None]:
    colour = {logging.WARNING: _YELLOW, logging.ERROR: _RED, logging.CRITICAL: _RED}.get(record.levelno)
    about = ", ".join(f"{name}={_said(value)}" for name, value in line.items() if name != "correlationId")
    level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
    return f"{level}{record.getMessage()}{f' ({about})' if about else ''}", colour


def _said(value: object) -> str:
    """Return a value as the JSON lines have it, but for the quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """Return text that moves no cursor and begins no line, whatever is in it."""
    return "".join(char if char.isprintable() else char.encode("unicode-escape").decode() for char in text)
