"""The steps of `make release-check`."""

from pathlib import Path

import pytest

from hack.release import ReleaseError
from hack.release.check import Check, run_steps


def test_steps_that_fail_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is printed with what it found or why it failed, in whole; the steps behind it go on."""

    def fail() -> str:
        raise ReleaseError("one line\nanother")

    assert run_steps({"first": lambda: "found", "second": fail, "third": lambda: "more"}) == ["second"]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[1], line[-1]) for line in (lines[0], lines[3])] == [
        ("ok", "first", "found"),
        ("ok", "third", "more"),
    ]
    assert lines[1] == ["FAILED", "second", "0", "s", "one", "line"]
    assert lines[2] == ["another"]


def test_what_needs_files_says_that_there_are_none(tmp_path: Path) -> None:
    """A step that needs the result of a failed one is not tried, and fails, too."""
    steps = Check(tmp_path, image=False).steps()
    for title in ("installation", "chart", "registry"):
        with pytest.raises(ReleaseError, match="not tried"):
            steps[title]()
    assert "image" not in steps
