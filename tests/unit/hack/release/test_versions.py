"""Where the version is written."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from hack.release import ReleaseError, versions
from tenantproxy import __version__

ROOT: Final = Path(__file__).parents[4]
GIT: Final = shutil.which("git") or "git"
NEXT: Final = "3.2.1"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a repository with this one's files that have versions, as they are here."""
    root = tmp_path / "clone"
    command = (GIT, "grep", "--files-with-matches", "-zF", __version__)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    for arguments in (("init", "--quiet"), ("add", ".")):
        subprocess.run((GIT, *arguments), cwd=root, check=True)
    return root


def test_all_places_agree() -> None:
    """Packages, chart, pages and examples name one version."""
    assert versions.current() == __version__
    assert versions.problems() == []


def test_version_is_written_everywhere(clone: Path) -> None:
    """After a change no place of TenantProxy's version has the old one, and nothing else has changed."""
    changed = {str(path.relative_to(clone)) for path in versions.set_version(NEXT, clone)}
    assert versions.current(clone) == NEXT
    assert versions.problems(clone) == []
    chart = (clone / "charts/tenantproxy/Chart.yaml").read_text()
    assert re.findall(r"^(?:v|appV)ersion: (.*)$", chart, re.MULTILINE) == [NEXT, NEXT]
    assert changed >= {
        "docs/install.md",
        "examples/sidecar/sidecar.yaml",
        "tests/integration/chart/golden/default/output.yaml",
        "tests/unit/operator/render/golden/minimal/output.yaml",
    }
    assert not changed & {"CHANGELOG.md", "uv.lock", "pyproject.toml"}
    assert _lines_with(__version__, clone) == []
    for name in changed:
        assert (clone / name).read_text().replace(NEXT, __version__) == (ROOT / name).read_text(), name


def _lines_with(version: str, root: Path) -> list[str]:
    """Return the lines that name TenantProxy and a version, wherever; those of this folder are examples."""
    pattern = re.compile(rf"tenantproxy.*(?<![\d.]){re.escape(version)}(?![\d.])", re.IGNORECASE)
    files = (path for path in root.rglob("*") if path.is_file() and not {".git", "hack"} & set(path.parts))
    return [line for path in files for line in path.read_text().splitlines() if pattern.search(line)]


def test_place_that_differs_is_found(clone: Path) -> None:
    """A page that names another version is reported with its line."""
    page = clone / "docs/install.md"
    page.write_text("line 1\ndocker push registry.example/tenantproxy:0.0.9\n")
    assert versions.problems(clone) == [f"docs/install.md:2 names 0.0.9; the packages are {__version__}"]


@pytest.mark.parametrize(
    "text", ["tenantproxy:1.0", "10.0.1.0/16", "other:0.1.0", "tenantproxy:0.1.0.5", "version 0.1.0"]
)
def test_other_numbers_stay(text: str) -> None:
    """Only TenantProxy's own version is written anew."""
    assert versions.with_version(text, "0.1.0", NEXT) == text


@pytest.mark.parametrize(
    ("version", "why"), [("1.0", "not a version"), ("v1.0.0", "not a version"), ("0.0.1", "earlier")]
)
def test_bad_version(tmp_path: Path, version: str, why: str) -> None:
    """What is no version, or an earlier one, is refused, and nothing is written."""
    module = tmp_path / "proxy/tenantproxy/__init__.py"
    module.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "proxy/tenantproxy/__init__.py", module)
    with pytest.raises(ReleaseError, match=why):
        versions.set_version(version, tmp_path)
    assert versions.current(tmp_path) == __version__
