"""docs/logs.md and docs/logs.schema.json: the same fields and words, which are those of the code."""

import ast
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from support.proxy.log_lines import SCHEMA, line_validator
from tenantproxy.api.request_log import MOST_ALIKE, MOST_KINDS, MOST_VIOLATIONS
from tenantproxy.credentials.grant import Way
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.debugging import MOST_LINES
from tenantproxy.oms.reads import Bound
from tenantproxy.operations import OPERATIONS
from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy.relay.delivery import DELIVER_EVENT
from tenantproxy.relay.metrics import Outcome

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "logs.md").read_text()
KINDS_OF_LINES: dict[str, Any] = json.loads(SCHEMA.read_text())["$defs"]


def section(title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("kind", "title", "elsewhere"),
    [
        ("request", "Requests", {"level", "message", "suppressed"}),
        ("state", "State changes", {"level"}),
        ("debug", "Debug lines", {"level"}),
        ("audit", "The audit log", {"level"}),
    ],
)
def test_each_field_is_explained(kind: str, title: str, elsewhere: set[str]) -> None:
    """In the table of its kind of line."""
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section(title), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    named -= {"code", "pointer", "rule", "until"}
    assert named - {"correlationId", "traceId"} == KINDS_OF_LINES[kind]["properties"].keys() - elsewhere - {"code"}


def test_the_sample_is_a_line() -> None:
    """It holds the schema, as the lines of all tests do."""
    (sample,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    line_validator().validate(json.loads(sample))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "502"},
        {"customerId": "C-1"},
        {"reason": "The OMS said: no"},
        {"route": "/x"},
        {"message": "gone"},
    ],
    ids=str,
)
def test_the_schema_refuses(change: dict[str, Any]) -> None:
    """Other types, fields and texts than it knows."""
    (sample,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert not line_validator().is_valid(json.loads(sample) | change)


def test_words_of_the_code() -> None:
    """Operations, types of credentials and reasons of incomplete searches are those that there are."""
    operations = {operation.name for operation in OPERATIONS}
    request, state, audit = (KINDS_OF_LINES[kind]["properties"] for kind in ("request", "state", "audit"))
    assert set(request["route"]["enum"]) == operations | {"putProxyConfig", "preflight", "events", "other", "any"}
    assert set(request["cutBy"]["enum"]) == set(get_args(Bound))
    assert set(state["operation"]["enum"]) == operations | {DELIVER_EVENT}
    debug = KINDS_OF_LINES["debug"]["properties"]
    assert set(audit["type"]["enum"]) == set(debug["credential"]["enum"]) == KINDS.keys()
    assert set(debug["operation"]["enum"]) == operations | {DELIVER_EVENT}
    assert set(request["outcome"]["enum"]) == set(get_args(Outcome))
    ways = {way.name.lower().replace("_", "-") for way in Way}
    assert set(debug["credentialState"]["enum"]) == ways | {"trial"}


def test_each_state_has_a_row() -> None:
    """The codes with which the source makes a `Trouble` are those of the second table, and error codes."""
    calls = [
        call
        for file in (ROOT / "proxy" / "tenantproxy").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Trouble"
    ]
    codes = {arg.value for call in calls for arg in call.args[:1] if isinstance(arg, ast.Constant)}
    assert codes == set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)`", section("State changes"), re.MULTILINE))
    assert codes < PROBLEM_TYPES.keys()


def test_bounds() -> None:
    """The page names them."""
    assert f"first {MOST_VIOLATIONS} violations" in section("Debug lines")
    assert KINDS_OF_LINES["debug"]["properties"]["violations"]["maxItems"] == MOST_VIOLATIONS
    assert f"at most {MOST_LINES} of these lines in a second" in section("Debug lines")
    text = section("Requests")
    assert f"at most {MOST_ALIKE} lines in a\nsecond, and of at most {MOST_KINDS} such kinds" in text
    assert f"at most {(MOST_KINDS + 1) * (MOST_ALIKE + 1):,} lines a second" in text
