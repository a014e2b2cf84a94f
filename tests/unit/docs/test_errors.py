"""docs/errors.md lists every code, and no other."""

import re
from pathlib import Path

from tenantproxy.problems import PROBLEM_TYPES

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"


def test_the_page_is_equal_to_the_table() -> None:
    """Each code is on the page, with its status and whose turn it is, sorted by status."""
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| .* \| (.*) \| .* \|$", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(
        (str(kind.status), code, ", ".join(kind.turn) or "nobody") for code, kind in PROBLEM_TYPES.items()
    )
    assert [status for status, *_ in rows] == sorted(status for status, *_ in rows)
