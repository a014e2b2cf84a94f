"""Every link between the project's pages leads to a file, and to a heading in it."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = subprocess.run(  # what is in Git or could be: no page of a dependency
    ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"),  # noqa: S607 - any Git will do
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
_CODE: Final = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@functools.cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them; a repeated one gets a number."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\]\([^)]*\)", "", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        repeated = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.add(f"{anchor}-{repeated}" if repeated else anchor)
    return found


def broken(page: Path) -> list[str]:
    """Return the page's relative links that lead nowhere."""
    wrong = []
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link names an existing file and, after #, an existing heading."""
    assert broken(ROOT / page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    """A missing file and a missing heading are reported; code is not searched for links."""
    page = tmp_path / "page.md"
    page.write_text("# A b\n\n[1](#a-b) [2](page.md#a-b) [3](#b) [4](other.md) [5](page.md#c) `[6](no.md)`\n")
    assert broken(page) == ["#b", "other.md", "page.md#c"]
