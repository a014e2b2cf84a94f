"""Released versions, as tests/releases keeps them: to run their operators, and to serve their schemas."""

import os
import sys
import zipfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from hack.release.kept import ARCHIVE, CRD, RELEASES, keep

_MAIN: Final = "from tenantproxy_operator.cli.main import main; main()"


class Release(NamedTuple):
    """One version, unpacked."""

    crd: dict[str, Any]
    packages: Path

    @property
    def program(self) -> tuple[str, ...]:
        """Return the command that runs its `tenantproxy-operator`, with the dependencies of these tests."""
        return (sys.executable, "-c", _MAIN)

    @property
    def environ(self) -> dict[str, str]:
        """Return what has its packages found before those that are installed."""
        own = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "TENANTPROXY"))}
        return own | {"PYTHONPATH": str(self.packages)}


def kept() -> list[str]:
    """Return the versions that are kept."""
    return sorted(path.name for path in RELEASES.iterdir() if path.is_dir()) if RELEASES.exists() else []


def unpacked(version: str | None, directory: Path) -> Release:
    """Return a version that is kept, or, for None, this commit as it would be kept."""
    source = RELEASES / version if version else directory / "release"
    if version is None:
        keep(source)
    with zipfile.ZipFile(source / ARCHIVE) as archive:
        archive.extractall(directory / "packages")
    return Release(yaml.load((source / CRD).read_text(), yaml.CSafeLoader), directory / "packages")
