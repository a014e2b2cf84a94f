"""What a run of tests, on several workers or one, says about the operator's rights."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[2]
CONFTEST: Final = """
import os, pytest
from support.operator import rights_report
from support.operator.rights import NAMESPACED, granted

@pytest.fixture(scope="session", autouse=True)
def _rights(request):
    yield
    rights = sorted(granted(NAMESPACED))[UNUSED:]
    seen = rights[::2] if os.environ.get("PYTEST_XDIST_WORKER") == "gw0" else rights[1::2]
    rights_report.note(request.config, {NAMESPACED: set(seen)}, whole=WHOLE)
"""
FAILED: Final = 1


def run(directory: Path, *options: str, unused: int = 0, whole: bool = True) -> tuple[int, str]:
    """Run two files of tests, of which each uses half of the rights, but for so many; return status and output."""
    (directory / "conftest.py").write_text(CONFTEST.replace("UNUSED", str(unused)).replace("WHOLE", str(whole)))
    for name in ("one", "two"):
        (directory / f"test_{name}.py").write_text("def test_it() -> None:\n    pass\n")
    plugins = ("-p", "xdist", "-p", "support.operator.rights_report")
    command = (sys.executable, "-m", "pytest", "-q", *plugins, *options, str(directory))
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


TWO: Final = ("-n2", "--dist=loadfile")


def test_all_are_used(tmp_path: Path) -> None:
    """What one worker has not seen, another one has."""
    status, out = run(tmp_path, *TWO)
    assert status == 0, out
    assert "The operator's rights: none was missing, and none was given in vain." in out


@pytest.mark.parametrize("options", [TWO, ()], ids=["workers", "one process"])
def test_one_is_not_used(tmp_path: Path, options: tuple[str, ...]) -> None:
    """The run fails although all its tests pass, and names the right."""
    status, out = run(tmp_path, *options, unused=1)
    assert status == FAILED, out
    assert "The operator's rights: no test made the operator use these: {'namespaced': [" in out


def test_a_selection(tmp_path: Path) -> None:
    """Where not all tests ran, nothing can be said."""
    status, out = run(tmp_path, *TWO, unused=1, whole=False)
    assert status == 0, out
    assert "unused ones were not looked for" in out
