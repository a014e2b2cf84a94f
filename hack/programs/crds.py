"""Print the directory of other projects' CustomResourceDefinitions, which tests need; fetch them if need be.

`httproutes.yaml` and the like, and each project's licence, as they are in the Go modules whose versions and hashes
are in the go.mod and go.sum files below go/. Fetched once, into the cache.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.build.gomodules import CACHE, MissingError, download, filling, required_version, say, stage
from hack.programs import GO_MODULES


@dataclass(frozen=True)
class _Source:
    """A Go module with definitions."""

    folder: Path
    """Has the go.mod and go.sum that pin it."""
    path: str
    files: str
    """Where a definition is in it, by `{plural}`, its objects' name."""
    plurals: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def version(self) -> str:
        return required_version(self.folder, self.path)

    def copy(self, into: Path) -> None:
        """Fetch the module, and copy what is wanted of it."""
        module = download(self.folder, self.path)
        for plural in self.plurals:
            shutil.copyfile(module / self.files.format(plural=plural), into / f"{plural}.yaml")
        shutil.copyfile(module / "LICENSE", into / f"LICENSE-{self.name}")


_SOURCES: Final = (
    _Source(
        GO_MODULES / "gateway-api",
        "sigs.k8s.io/gateway-api",
        "config/crd/standard/gateway.networking.k8s.io_{plural}.yaml",
        ("httproutes",),
    ),
    _Source(
        GO_MODULES / "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml",
        ("podmonitors", "prometheusrules", "servicemonitors"),
    ),
)


def main() -> int:
    """Do it, and return the exit status."""
    try:
        print(_directory())
    except (MissingError, OSError) as error:
        say(f"no definitions: {error}")
        return 1
    return 0


def _directory() -> Path:
    versions = [f"{source.name}-{source.version}" for source in _SOURCES]
    kinds = sum(len(source.plurals) for source in _SOURCES)
    directory = CACHE / "-".join((f"crds-{kinds}", *versions))
    if directory.exists():
        return directory
    with filling(directory) as fresh, stage(f"definitions of {', '.join(versions)}"):
        for source in _SOURCES:
            source.copy(fresh)
    return directory


if __name__ == "__main__":
    sys.exit(main())
