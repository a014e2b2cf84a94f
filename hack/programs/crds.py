"""Print the directory of other projects' CustomResourceDefinitions, which tests need; fetch them if need be.

`httproutes.yaml` and the like, and each project's licence, as they are in the Go modules whose versions and hashes
are in the go.mod and go.sum files below go/. Fetched once, into the cache.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.build.gomodules import CACHE, MissingError, find_go, say, stage
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
        (version,) = re.findall(rf"{re.escape(self.path)} (v\S+)", (self.folder / "go.mod").read_text())
        return str(version)

    def copy(self, go: str, into: Path) -> None:
        """Fetch the module, and copy what is wanted of it."""
        done = subprocess.run(
            (go, "mod", "download", "-json", self.path),
            cwd=self.folder,
            # A workspace or other flags of the user's would change what is loaded.
            env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MissingError(f"`go mod download {self.path}` failed: {done.stdout}{done.stderr}")
        module = Path(json.loads(done.stdout)["Dir"])
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
        ("podmonitors", "prometheusrules"),
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
    directory = CACHE / "-".join(("crds", *versions))
    if directory.exists():
        return directory
    fresh = directory.with_name(f".{directory.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        with stage(f"definitions of {', '.join(versions)}"):
            go = find_go()
            for source in _SOURCES:
                source.copy(go, fresh)
        try:
            fresh.rename(directory)
        except OSError:
            if not directory.exists():  # else another process was faster
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


if __name__ == "__main__":
    sys.exit(main())
