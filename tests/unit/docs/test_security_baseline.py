"""docs/security-baseline.md answers every requirement, with evidence that is there."""

import re
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/security-baseline.md").read_text()
STATUSES: Final = {"met", "gap", "owner", "none yet"}
OSPS: Final = {
    "Level 1": "AC-01.01 AC-02.01 AC-03.01 AC-03.02 BR-01.01 BR-01.03 BR-03.01 BR-03.02 BR-07.01 DO-01.01 DO-02.01"
    " GV-02.01 GV-03.01 LE-02.01 LE-02.02 LE-03.01 LE-03.02 QA-01.01 QA-01.02 QA-02.01 QA-04.01 QA-05.01 QA-05.02"
    " VM-02.01",
    "Level 2": "AC-04.01 BR-02.01 BR-04.01 BR-05.01 BR-06.01 DO-06.01 DO-07.01 GV-01.01 GV-01.02 GV-03.02 LE-01.01"
    " QA-03.01 QA-06.01 SA-01.01 SA-02.01 SA-03.01 VM-01.01 VM-03.01 VM-04.01",
    "Level 3": "AC-04.02 BR-01.04 BR-02.02 BR-07.02 DO-03.01 DO-03.02 DO-04.01 DO-05.01 GV-04.01 QA-02.02 QA-04.02"
    " QA-06.02 QA-06.03 QA-07.01 SA-03.02 VM-04.02 VM-05.01 VM-05.02 VM-05.03 VM-06.01 VM-06.02",
}
PASSING: Final = 67
"""Criteria of the passing level."""
BINARY: Final = b"\0"


class Row(NamedTuple):
    """A line of a table."""

    ids: tuple[str, ...]
    status: str
    evidence: str


def rows(heading: str) -> list[Row]:
    """Return the lines of the table under a heading: without its head, and without what a requirement asks for."""
    _, _, below = PAGE.partition(f"\n{heading}\n")
    table = re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    return [Row(tuple(cells[0].split(", ")), cells[-2], cells[-1]) for cells in lines[2:]]


HEADINGS: Final = (*(f"### {level}" for level in OSPS), "## Best Practices, passing")
ROWS: Final = [row for heading in HEADINGS for row in rows(heading)]


@pytest.mark.parametrize("level", OSPS)
def test_every_requirement_has_a_line(level: str) -> None:
    """Those of the version that the page names, in its order."""
    assert [" ".join(row.ids) for row in rows(f"### {level}")] == OSPS[level].split()


def test_every_criterion_has_a_line() -> None:
    """No criterion of the passing level is left out or told twice."""
    criteria = [each for row in rows(HEADINGS[-1]) for each in row.ids]
    assert len(criteria) == len(set(criteria)) == PASSING


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.ids[0])
def test_evidence_is_there(row: Row) -> None:
    """Each line has a status and words; each file that it names exists, and so does each target of make."""
    assert row.status in STATUSES
    assert row.evidence.endswith(".")
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in re.findall(r"`([^`]+)`", row.evidence):
        if name.startswith("make "):
            assert name.removeprefix("make ") in targets, name
        elif "/" in name or re.search(r"\.(md|toml|lock|sum)$", name):
            assert (ROOT / name).exists() or any(ROOT.glob(f"hack/**/{name}")), name


def test_no_binary_files() -> None:
    """Whatever is in Git can be reviewed: it is text, but for earlier releases (hack/release/kept.py)."""
    command = ("git", "ls-files", "-z")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    assert len(files) > 100
    binaries = [path for path in files if path.is_file() and BINARY in path.read_bytes()]
    assert [path for path in binaries if not path.match("tests/releases/*/packages.zip")] == []
