"""Lines for people: sentences, in colours where they are wanted, and one line whatever is in them."""

import io
import logging
import re
import subprocess
import sys
from typing import Any

import pytest

from tenantproxy.log_text import TextFormatter, takes_colours
from tenantproxy.logs import fields


def line(
    logger: str, message: str, extra: dict[str, Any], *, level: int = logging.INFO, colours: bool = False
) -> str:
    """Return a formatted record without its time."""
    record = logging.LogRecord(logger, level, __file__, 1, message, (), None)
    record.__dict__.update(fields(**extra))
    text = TextFormatter("acme", colours=colours).format(record)
    time, _, rest = text.partition("acme")
    assert re.fullmatch(r"(\x1b\[2m)?\d\d:\d\d:\d\d\.\d{3} ", time)
    return rest


READ = {"method": "GET", "route": "getOrder", "durationMs": 1.8, "correlationId": "c-1"}


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (
            {"status": 200, "upstreamStatus": 200, "upstreamMs": 0.9, "upstreamCalls": 1},
            "  GET getOrder 200 in 1.8 ms - OMS: 200 in 0.9 ms  c-1",
        ),
        (
            {
                "status": 502,
                "code": "upstream-error",
                "reason": "status-503",
                "upstreamStatus": 503,
                "upstreamMs": 0.9,
                "upstreamCalls": 2,
            },
            (
                "  GET getOrder 502 The order management system failed (upstream-error, status-503)"
                " in 1.8 ms - OMS: 503 to the last of 2 calls in 0.9 ms  c-1"
            ),
        ),
        (
            {"status": 405, "code": "method-not-allowed"},
            "  GET getOrder 405 This method is not served at this path (method-not-allowed) in 1.8 ms  c-1",
        ),
        (
            {"callerGone": True, "upstreamMs": 0.9, "upstreamCalls": 1},
            "  GET getOrder the caller has gone in 1.8 ms - OMS: no response in 0.9 ms  c-1",
        ),
        (
            {"status": 200, "cutBy": "time", "pages": 3},
            "  GET getOrder 200 in 1.8 ms - incomplete after 3 pages (time)  c-1",
        ),
        (
            {
                "method": "POST",
                "route": "events",
                "status": 204,
                "outcome": "delivered",
                "eventId": "77",
                "upstreamStatus": 202,
                "upstreamMs": 0.9,
                "upstreamCalls": 1,
            },
            "  POST events 204 delivered event 77 in 1.8 ms - OMS: 202 in 0.9 ms  c-1",
        ),
    ],
    ids=["200", "502", "405", "gone", "incomplete", "event"],
)
def test_request(extra: dict[str, Any], text: str) -> None:
    """What was asked, what came of it, why, how long it took, and the OMS's part in it."""
    assert line("tenantproxy.request", "request", READ | extra) == text


def test_requests_that_are_not_logged() -> None:
    """How many, and of which kind."""
    text = line(
        "tenantproxy.request", "requests not logged", {"route": "getOrder", "status": 200, "suppressed": 7}
    )
    assert text == "  7 more getOrder 200"


def test_state() -> None:
    """What is wrong, of what, and why; and for how long it was."""
    begun = {"code": "circuit-open", "state": "begun", "operation": "getOrder", "reason": "status-500"}
    assert line("tenantproxy.state", "it is open", begun) == "  it is open (getOrder, status-500, circuit-open)"
    token = {"code": "token-unavailable", "state": "begun", "reason": "status-500", "upstreamStatus": 500}
    assert line("tenantproxy.state", "there is none", token) == "  there is none (status-500, token-unavailable)"
    token["reason"] = "not-json"
    assert line("tenantproxy.state", "none", token) == "  none (not-json, status 500, token-unavailable)"
    ended = {"code": "token-unavailable", "state": "ended", "seconds": 3.5}
    assert line("tenantproxy.state", "it is there", ended) == "  it is there, after 3.5 s (token-unavailable)"


def test_other_lines() -> None:
    """The message, with its level unless that is usual, and what it is about."""
    assert line("tenantproxy.lifecycle", "ready", {}) == "  ready"
    audit = {"outcome": "stored", "subject": "S"}
    assert line("tenantproxy.audit", "replaced", audit, level=logging.WARNING) == (
        "  warning: replaced (outcome=stored, subject=S)"
    )
    debug = {"bytes": 7, "connectionReused": True, "violations": [{"pointer": "/a"}]}
    assert line("tenantproxy.debug", "a call", debug) == (
        '  a call (bytes=7, connectionReused=true, violations=[{"pointer": "/a"}])'
    )


@pytest.mark.parametrize(
    ("logger", "extra", "colour"),
    [
        ("tenantproxy.request", {**READ, "status": 200}, 32),
        ("tenantproxy.request", {**READ, "status": 404, "code": "order-not-found"}, 33),
        ("tenantproxy.request", {**READ, "status": 502, "code": "upstream-error"}, 31),
        ("tenantproxy.state", {"code": "circuit-open", "state": "begun"}, 33),
        ("tenantproxy.state", {"code": "circuit-open", "state": "ended", "seconds": 1.0}, 32),
    ],
)
def test_colours_have_a_meaning(logger: str, extra: dict[str, Any], colour: int) -> None:
    """Green is well, yellow somebody's turn, red a failure; without them the text is the same."""
    coloured = line(logger, "x", extra, colours=True)
    assert f"\x1b[{colour}m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == line(logger, "x", extra)


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2Jb", "a\rb", "a\u2028b", "a\ud800b"], ids=ascii)
def test_no_text_does_harm(text: str) -> None:
    """It begins no line and moves no cursor."""
    shown = line("tenantproxy.audit", "x", {"email": text})
    assert shown.isprintable()
    assert re.fullmatch(r"  x \(email=a\\[^ ]+b\)", shown)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (_Terminal(), {}, True),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"NO_COLOR": "", "FORCE_COLOR": ""}, True),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_who_wants_colours(stream: io.StringIO, environ: dict[str, str], *, wanted: bool) -> None:
    """A terminal, unless its user does not; else who asks for them."""
    assert takes_colours(stream, environ) is wanted


def test_exception_without_its_message() -> None:
    """The lines of code and the type, as in JSON."""
    program = (
        "import logging\n"
        "from tenantproxy import log_text, logs\n"
        "logs.configure('info', log_text.TextFormatter('acme'))\n"
        "try:\n"
        "    raise ValueError('MAR' 'KED')\n"
        "except ValueError:\n"
        "    logging.getLogger('tenantproxy.x').exception('failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    first, *_, last = done.stderr.splitlines()
    assert first.endswith("acme  error: failed")
    assert last == "ValueError"
    assert "MARKED" not in done.stderr
