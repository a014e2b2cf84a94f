"""What is kept of a release for tests of later ones: `python -m hack.release keep`, in the checkout of its tag.

tests/releases/VERSION then has its CustomResourceDefinition, its chart as text, and its packages as an archive,
which runs with the dependencies of whoever tests it. The same commit gives the same bytes.
"""

import shutil
import zipfile
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.release import ReleaseError

RELEASES: Final = ROOT / "tests" / "releases"
CRD: Final = "tenantproxies.yaml"
CHART: Final = "chart"
ARCHIVE: Final = "packages.zip"
_PACKAGES: Final = ("proxy/tenantproxy", "operator/tenantproxy_operator")
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The time of all files: an archive can say no earlier one."""


def keep(release: Path) -> None:
    """Write this commit's CRD, chart and packages to a release's directory.

    Raises:
        ReleaseError: It is there.

    """
    if release.exists():
        raise ReleaseError(f"{release} exists; a release does not change: remove it if it never was one")
    release.mkdir(parents=True)
    shutil.copyfile(ROOT / "crds" / CRD, release / CRD)
    # The page of values has links to other pages.
    shutil.copytree(ROOT / "charts/tenantproxy", release / CHART, ignore=shutil.ignore_patterns("README.md"))
    with zipfile.ZipFile(release / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in map(Path, _PACKAGES):
            for file in sorted((ROOT / package).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    name = str(file.relative_to(ROOT / package.parent))
                    archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), file.read_bytes(), zipfile.ZIP_DEFLATED)
