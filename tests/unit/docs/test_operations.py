"""docs/operations.md names existing tests and metrics, and omits no test of a fault."""

import re
from pathlib import Path
from typing import Final

from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.metrics import Metrics

ROOT: Final = Path(__file__).parents[3]
TESTS: Final = ROOT / "tests/integration/apiserver/operator"
PAGE: Final = (ROOT / "docs/operations.md").read_text()
ROWS: Final = [
    [cell.strip() for cell in line[1:-1].split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| failure", "| ---"))
]
NAMED: Final = set(re.findall(r"`((?:faults/)?test_\w+\.py)::(test_\w+)`", PAGE))


def _tests_in(file: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE))


def test_rows_are_whole() -> None:
    """Each failure has what users see, what the operator does, a metric or none, and a test."""
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 5, row
        assert all((row[0], row[1], row[2], row[4])), row


def test_tests_exist() -> None:
    """Each test that is named is there."""
    assert {(file, name) for file, name in NAMED if name not in _tests_in(TESTS / file)} == set()


def test_no_fault_is_left_out() -> None:
    """Each test of a fault, and of the rollout, is named."""
    files = [*(TESTS / "faults").glob("test_*.py"), TESTS / "test_rollout.py"]
    there = {(str(file.relative_to(TESTS)), name) for file in files for name in _tests_in(file)}
    assert there - NAMED == set()


def test_metrics_exist() -> None:
    """Each metric that is named is one of the operator's."""
    families = re.findall(r"^# TYPE tenantproxy_operator_(\w+) ", Metrics().exposition().decode(), re.MULTILINE)
    for row in ROWS:
        for name in re.findall(r"`(\w+)(?:\{[^`]*\})?`", row[3]):
            assert name in families, row


def test_reasons_exist() -> None:
    """Each reason that users see is one of the conditions'."""
    reasons = {value for name, value in vars(Reason).items() if name.isupper()}
    types = {"Accepted", "Available", "Stalled"}
    for row in ROWS:
        for name in re.findall(r"`([A-Z]\w+)`", row[1]):
            assert name in reasons | types, row
