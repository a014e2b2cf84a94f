"""The workflows, read by actionlint; they run on GitHub alone."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

WORKFLOWS: Final = Path(__file__).parents[3] / ".github/workflows"
RELEASE: Final[dict[str, Any]] = yaml.safe_load((WORKFLOWS / "release.yaml").read_text())


def test_workflows_are_right(programs: Path) -> None:
    """Syntax, expressions, inputs of actions, permissions, runners: actionlint finds nothing."""
    files = sorted(WORKFLOWS.glob("*.yaml"))
    assert len(files) > 1
    done = subprocess.run((programs / "actionlint", *files), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_mistakes_are_found(programs: Path, tmp_path: Path) -> None:
    """A permission that there is not is one."""
    file = tmp_path / "workflow.yaml"
    text = (WORKFLOWS / "release.yaml").read_text()
    file.write_text(text.replace("packages: write", "package: write"))
    done = subprocess.run((programs / "actionlint", file), capture_output=True, text=True, check=False)
    assert 'unknown permission scope "package"' in done.stdout


def test_one_job_may_write() -> None:
    """Only `publish` has rights to write, and it waits for all others."""
    assert RELEASE["permissions"] == {}
    rights = {name: job["permissions"] for name, job in RELEASE["jobs"].items()}
    assert [name for name, job in rights.items() if "write" in job.values()] == ["publish"]
    assert set(RELEASE["jobs"]["publish"]["needs"]) == rights.keys() - {"publish"}


def test_failure_before_a_pipe_ends_the_job() -> None:
    """GitHub runs scripts without pipefail, unless they name bash."""
    assert "| tee" in (WORKFLOWS / "release.yaml").read_text()
    assert RELEASE["defaults"]["run"]["shell"] == "bash"


def test_names_of_others_are_never_part_of_a_script() -> None:
    """Whoever names a tag must not write commands: scripts take from variables what GitHub tells."""
    text = (WORKFLOWS / "release.yaml").read_text()
    scripts = re.findall(r"^ +(?:- )?run: (.*(?:\n {8,}(?!env:|with:).*)*)", text, re.MULTILINE)
    assert len(scripts) > 6
    assert [script for script in scripts if "${{" in script] == []
