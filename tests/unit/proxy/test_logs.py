"""JSON lines for people and machines, without what callers and the OMS sent."""

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tenantproxy.logs import JsonFormatter, fields, keep

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def line(message: str = "hello", *args: object, exc_info: ExcInfo | None = None, **extra: Any) -> dict[str, Any]:
    """Return a formatted record, parsed; it is one line."""
    record = logging.LogRecord("tenantproxy.x", logging.WARNING, __file__, 1, message, args, exc_info)
    record.__dict__.update(fields(**extra) if extra else {})
    text = JsonFormatter({"tenant": "acme"}).format(record)
    assert "\n" not in text
    result: dict[str, Any] = json.loads(text)
    return result


def failure(error: BaseException) -> ExcInfo:
    try:
        raise error  # noqa: TRY301 - a traceback is what is wanted
    except BaseException as caught:  # noqa: BLE001 - whatever the test raises
        return type(caught), caught, caught.__traceback__


def test_line() -> None:
    """A line says when, how grave, who and what, and whose proxy it is."""
    entry = line("%d requests", 3)
    when = datetime.fromisoformat(entry.pop("time"))
    assert when.tzinfo == UTC
    assert abs((datetime.now(UTC) - when).total_seconds()) < 60
    assert entry == {"level": "warning", "logger": "tenantproxy.x", "message": "3 requests", "tenant": "acme"}


def test_fields() -> None:
    """A record's own fields stand beside the common ones, with their types."""
    entry = line(status=200, durationMs=1.5, correlationId="c", email=None)
    assert (entry["status"], entry["durationMs"], entry["correlationId"], entry["email"]) == (200, 1.5, "c", None)


@pytest.mark.parametrize(
    "text",
    ["a\nb", 'a"b', "a\x00b", "\u2028", "Bj\u00f6rn \U0001f511", "lone \ud800 surrogate", '"}{"level":"x'],
    ids=["newline", "quote", "NUL", "line separator", "non-ASCII", "surrogate", "injection"],
)
def test_one_line_whatever_is_in_it(text: str) -> None:
    """Whatever text comes, it stays one line and one JSON object, and comes out as it was."""
    entry = line("got %s", text, subject=text)
    assert (entry["message"], entry["subject"]) == (f"got {text}", text)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("MARKED"),
        UnicodeDecodeError("utf-8", b"MARKED", 0, 1, "MARKED"),
        KeyError("MARKED"),
        ExceptionGroup("MARKED", [ValueError("MARKED")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exception_without_its_message(error: Exception) -> None:
    """A traceback names the exception's type and the lines of code, but not its message, which may quote input."""
    entry = line("failed", exc_info=failure(error))
    assert entry["exception"] == type(error).__name__
    assert any("in failure" in frame for frame in entry["traceback"])
    assert "MARKED" not in json.dumps(entry)


def test_exception_without_its_cause() -> None:
    """The message of what an exception came from is left out as well."""
    error = RuntimeError("MARKED")
    error.__cause__ = ValueError("MARKED")
    error.add_note("MARKED")
    assert "MARKED" not in json.dumps(line("failed", exc_info=failure(error)))


def test_unforeseen_value() -> None:
    """A field of a type that JSON doesn't know costs no line."""
    assert line("hello", path=UTC)["path"] == "UTC"


def test_no_exception() -> None:
    """A record without an exception has no traceback, also where one was asked for and there was none."""
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "m", (), (None, None, None))
    assert not {"exception", "traceback"} & json.loads(JsonFormatter({"tenant": "acme"}).format(record)).keys()


PROGRAM = """
import logging
from tenantproxy import logs
logs.configure({level!r}, tenant="acme")
log = logging.getLogger("tenantproxy.x")
log.debug("D"); log.info("I"); log.warning("W"); log.error("E")
for name in ("aiohttp.server", "aiohttp.access", "asyncio"):
    logging.getLogger(name).error("MARKED")
try:
    raise ValueError("MARKED")
except ValueError:
    log.exception("failed")
log.error("%d", "MARKED")
print("only this")
"""


@pytest.mark.parametrize(
    ("level", "letters"), [("debug", "DIWE"), ("info", "IWE"), ("warning", "WE"), ("error", "E")]
)
def test_configured_process(level: str, letters: str) -> None:
    """A process writes JSON lines of its level to stderr, nothing to stdout; libraries that quote are silent."""
    program = PROGRAM.format(level=level)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "only this\n"
    entries = [json.loads(text) for text in done.stderr.splitlines()]
    assert "".join(entry["message"] for entry in entries if len(entry["message"]) == 1) == letters
    assert [entry["exception"] for entry in entries if "exception" in entry] == ["ValueError"]
    assert {entry["tenant"] for entry in entries} == {"acme"}
    assert "MARKED" not in done.stderr.replace('raise ValueError(\\"MARKED\\")', "")


ADD_TRACE_ID = "lambda record: record.__dict__.setdefault('fields', {}).update(traceId='t') or True"
LINES = """
import logging, os, sys
import msgspec
from tenantproxy import logs
from tenantproxy.log_text import TextFormatter

class Members(msgspec.Struct, omit_defaults=True, rename="camel"):
    status: int
    duration_ms: float
    code: str | None = None

log = logging.getLogger("tenantproxy.x.y")
{configure}
lines = logs.Lines(log, logging.INFO, 'a "message"')
log.info("before")
lines.write(Members(200, 1.5))
log.info("between")
lines.write(Members(502, 0.1, code=chr(0x1f511)))
print("done", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("configure", "added"),
    [
        ("logs.configure('info', tenant='acme')", {}),
        ("logs.configure('info', tenant='acme'); log.parent.addHandler(logging.NullHandler())", {}),
        (
            f"logs.configure('info', tenant='acme'); log.addFilter({ADD_TRACE_ID})",
            {"traceId": "t"},
        ),
    ],
    ids=["at once", "by records, for another handler", "by records, for a filter"],
)
def test_lines_of_requests(configure: str, added: dict[str, str]) -> None:
    """They are the same at once as by records, in the order in which all lines were written."""
    program = [sys.executable, "-c", LINES.format(configure=configure)]
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(program, capture_output=True, check=True, env=buffered, text=True)
    lines = [json.loads(each) for each in done.stderr.splitlines()]
    times = [datetime.fromisoformat(each.pop("time")) for each in lines]
    assert times == sorted(times)
    assert all(each.microsecond % 1000 == 0 for each in times)
    assert (datetime.now(UTC) - times[0]).total_seconds() < 60
    start = {"level": "info", "logger": "tenantproxy.x.y"}
    expected: list[tuple[str, dict[str, Any]]] = [
        ("before", {}),
        ('a "message"', {"status": 200, "durationMs": 1.5}),
        ("between", {}),
        ('a "message"', {"status": 502, "durationMs": 0.1, "code": "\U0001f511"}),
    ]
    assert [[*each.items()] for each in lines] == [
        [*(start | {"message": message, "tenant": "acme"} | members | added).items()]
        for message, members in expected
    ]


def test_lines_of_requests_that_nobody_reads() -> None:
    """A log that can't be written costs lines, and nothing else."""
    program = LINES.format(configure="logs.configure('info', tenant='acme'); os.close(2)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)
    assert done.stdout == "done\n"


def test_kept_in_a_file(tmp_path: Path) -> None:
    """What one logger says, since now, and never much; a file that can't be written harms nothing."""
    path = tmp_path / "kept.log"
    path.write_text("of an earlier process\n")
    for name, file in (("tenantproxy.kept", path), ("tenantproxy.lost", tmp_path / "missing" / "kept.log")):
        logger = logging.getLogger(name)
        logger.propagate = False
        keep(name, file, tenant="acme")
        assert not path.exists() or name == "tenantproxy.lost"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logging, "raiseExceptions", False)
            logging.getLogger("tenantproxy.other").warning("not that one")
            for _ in range(1000):
                logger.warning("it %s", "begins" * 20, extra=fields(code="circuit-open"))
        (handler,) = logger.handlers
        logger.removeHandler(handler)
        handler.close()
    lines = [json.loads(each) for each in path.read_text().splitlines()]
    assert {(each["tenant"], each["code"], each["message"][:3]) for each in lines} == {
        ("acme", "circuit-open", "it ")
    }
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= 128 * 1024
