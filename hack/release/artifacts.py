"""The files of a release: source distribution and wheel, chart, bill of materials, checksums."""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from hack.build.gomodules import UV
from hack.programs import helm
from hack.release import ReleaseError
from hack.release.commands import run
from hack.release.sbom import write_sbom
from hack.release.source import Source

CHECKSUMS: Final = "SHA256SUMS"
_REPOSITORY: Final = re.compile(r"(?<=^  repository: )tenantproxy$", re.MULTILINE)
_PAGES: Final = "https://github.com/OWNER/tenantproxy/blob/main/"
"""Where links of the chart lead to, in its files."""


class Artifacts(NamedTuple):
    """Where the files are."""

    folder: Path
    version: str

    @property
    def wheel(self) -> Path:
        """Both packages."""
        return self.folder / f"tenantproxy-{self.version}-py3-none-any.whl"

    @property
    def source(self) -> Path:
        """Their source distribution."""
        return self.folder / f"tenantproxy-{self.version}.tar.gz"

    @property
    def chart(self) -> Path:
        """The Helm chart."""
        return self.folder / f"tenantproxy-{self.version}.tgz"

    @property
    def sbom(self) -> Path:
        """What the packages depend on."""
        return self.folder / f"tenantproxy-{self.version}.cdx.json"

    def write_checksums(self) -> None:
        """Write the SHA-256 of each file, as sha256sum does."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in self.digests().items())
        (self.folder / CHECKSUMS).write_text(sums)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file of the folder."""
        files = (path for path in self.folder.iterdir() if path.name != CHECKSUMS)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def make_artifacts(source: Source, folder: Path, *, image: str = "") -> Artifacts:
    """Make all of them; `image` is the image that the chart installs.

    Raises:
        ReleaseError: One can't be made.

    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ReleaseError(f"{folder} is not empty: an earlier file would be taken for one of this release")
    artifacts = Artifacts(folder, source.version)
    make_packages(source, folder)
    make_chart(source, folder, image=image)
    write_sbom(source, artifacts.sbom)
    artifacts.write_checksums()
    return artifacts


def make_packages(source: Source, folder: Path) -> None:
    """Build the source distribution, and the wheel of it, by the build backend that the image is built with, too.

    Raises:
        ReleaseError: They can't be built.

    """
    backend = source.root / "hack/image/build-requirements.txt"
    run(
        *(UV, "build", "--quiet", "--no-create-gitignore", "--build-constraints", backend, "--require-hashes"),
        *("--out-dir", folder, source.root),
        env={"SOURCE_DATE_EPOCH": source.epoch},
    )


def make_chart(source: Source, folder: Path, *, image: str = "") -> None:
    """Package the chart, which then installs `image` unless told otherwise.

    Raises:
        ReleaseError: It can't be packaged.

    """
    with tempfile.TemporaryDirectory() as temporary:
        chart = Path(temporary) / "tenantproxy"
        shutil.copytree(source.root / "charts/tenantproxy", chart)
        if image:
            values = chart / "values.yaml"
            text, places = _REPOSITORY.subn(image, values.read_text(), count=1)
            if not places:
                raise ReleaseError("charts/tenantproxy/values.yaml has no `  repository: tenantproxy` to set")
            values.write_text(text)
            if image.startswith("ghcr.io/"):
                _link_to(chart, f"https://github.com/{image.removeprefix('ghcr.io/')}/blob/v{source.version}/")
        # Helm packages files with their times.
        for path in (chart, *chart.rglob("*")):
            os.utime(path, (int(source.epoch), int(source.epoch)))
        run_helm("package", chart, "--destination", folder)


def _link_to(chart: Path, pages: str) -> None:
    """Have a chart's links lead to the pages of its own version, in the repository that it is released from."""
    for path in chart.rglob("*"):
        if path.is_file() and _PAGES in (text := path.read_text()):
            path.write_text(text.replace(_PAGES, pages))


def run_helm(*arguments: str | Path) -> str:
    """Run Helm without any user's settings, except for logins to registries; return what it printed.

    Raises:
        ReleaseError: It failed.

    """
    with tempfile.TemporaryDirectory() as home:
        names = ("HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME")
        return run(helm.PROGRAMS.directory() / "helm", *arguments, env=dict.fromkeys(names, home))
