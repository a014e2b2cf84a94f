"""docs/errors.md lists every code, and no other; each code in the source is one of the table."""

import ast
import re
from pathlib import Path

from tenantproxy.problems import PROBLEM_TYPES

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "errors.md"


def test_the_page_is_equal_to_the_table() -> None:
    """Each code is on the page, with its status and whose turn it is, sorted by status."""
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| .* \| (.*) \| .* \|$", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(
        (str(kind.status), code, ", ".join(kind.turn) or "nobody") for code, kind in PROBLEM_TYPES.items()
    )
    assert [status for status, *_ in rows] == sorted(status for status, *_ in rows)


def test_each_code_that_is_raised_has_a_row() -> None:
    """A code that the table lacks would be an error only when it is answered."""
    calls = [
        call
        for file in (ROOT / "proxy" / "tenantproxy").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem"
    ]
    named = {arg.value for call in calls for arg in call.args[:1] if isinstance(arg, ast.Constant)}
    assert len(named) > 20
    assert named - PROBLEM_TYPES.keys() == set()
