"""What is kept of a release: enough to test every later version against it, and of each release."""

import re
from pathlib import Path

import pytest

from hack import ROOT
from hack.release import ReleaseError
from hack.release.kept import ARCHIVE, CHART, CRD, RELEASES, keep
from support.operator.releases import kept
from tenantproxy import __version__


def test_every_release_is_kept() -> None:
    """A version that the changelog has is released, but for the one that is being prepared."""
    released = set(re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE))
    assert released - {__version__} <= set(kept()), "run `python -m hack.release keep` in the checkout of the tag"
    for version in kept():
        assert {file.name for file in (RELEASES / version).iterdir()} == {CRD, CHART, ARCHIVE}, version


def test_the_same_commit_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whoever keeps a release, and whenever."""
    for name in ("a", "b"):
        keep(tmp_path / name)
    assert (tmp_path / "a" / ARCHIVE).read_bytes() == (tmp_path / "b" / ARCHIVE).read_bytes()
    assert (tmp_path / "a" / CRD).read_bytes() == (ROOT / "crds" / CRD).read_bytes()


def test_a_release_is_kept_once(tmp_path: Path) -> None:
    """It does not change."""
    keep(tmp_path / "release")
    with pytest.raises(ReleaseError, match="exists"):
        keep(tmp_path / "release")
