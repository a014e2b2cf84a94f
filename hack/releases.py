"""Keep a release for the tests of all later ones: `python -m hack.releases`, in the checkout of its tag.

tests/releases/VERSION then has its CustomResourceDefinition, and its packages as an archive, which runs with the
dependencies of whoever tests it. The same commit gives the same bytes.
"""

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

from hack import ROOT
from tenantproxy import __version__

RELEASES: Final = ROOT / "tests" / "releases"
CRD: Final = "tenantproxies.yaml"
ARCHIVE: Final = "packages.zip"
_PACKAGES: Final = ("proxy/tenantproxy", "operator/tenantproxy_operator")
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The time of all files: an archive can say no earlier one."""


def keep(release: Path) -> None:
    """Write this commit's CRD and packages to a release's directory."""
    release.mkdir(parents=True)
    shutil.copyfile(ROOT / "crds" / CRD, release / CRD)
    with zipfile.ZipFile(release / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in map(Path, _PACKAGES):
            for file in sorted((ROOT / package).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    name = str(file.relative_to(ROOT / package.parent))
                    archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), file.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> None:
    """Keep this version."""
    release = RELEASES / __version__
    if release.exists():
        sys.exit(f"error: {release} exists; a release does not change: remove it if it never was one")
    keep(release)
    print(release)


if __name__ == "__main__":
    main()
