"""`python -m hack.release`: what it refuses, before it has changed anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from hack import ROOT
from hack.release import ReleaseError
from hack.release.source import check_tagged
from tenantproxy import __version__


def _publish(images: Path, files: Path) -> tuple[int, str]:
    command = (sys.executable, "-m", "hack.release", "publish", "--images", images, "--files", files)
    names = ("--image", "127.0.0.1:9/tenantproxy", "--charts", "127.0.0.1:9/charts")
    done = subprocess.run((*command, *names), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_nothing_to_publish(tmp_path: Path) -> None:
    """It names what is missing, and which command makes it."""
    chart = tmp_path / f"tenantproxy-{__version__}.tgz"
    status, said = _publish(tmp_path / "images", tmp_path)
    assert (status, f"{chart} is missing" in said, "Traceback" in said) == (1, True, False)
    chart.touch()
    status, said = _publish(tmp_path / "images", tmp_path)
    assert (status, f"{tmp_path / 'images'} has no image" in said, "Traceback" in said) == (1, True, False)


def test_only_what_has_its_tag_is_kept() -> None:
    """What is kept as a release is what was released."""
    with pytest.raises(ReleaseError, match=r"has not the tag v99\.0\.0"):
        check_tagged("99.0.0")
