"""Files of Maven Central, each known by its hash, and Java to run them."""

import hashlib
import os
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, filling, say, stage

_REPOSITORY: Final = os.environ.get("MAVEN_CENTRAL", "https://repo1.maven.org/maven2")


@dataclass(frozen=True)
class Artifact:
    """A file of one version of an artifact."""

    group: str
    name: str
    version: str
    sha256: str
    extension: str = "jar"

    @property
    def url(self) -> str:
        """Where it is."""
        path = f"{self.group.replace('.', '/')}/{self.name}/{self.version}"
        return f"{_REPOSITORY}/{path}/{self.name}-{self.version}.{self.extension}"

    def fetch(self, target: Path) -> None:
        """Write the file.

        Raises:
            MissingError: It is another one than it was.
            OSError: It can't be had.

        """
        with urllib.request.urlopen(self.url, timeout=60) as answer, target.open("wb") as file:  # noqa: S310 - https
            shutil.copyfileobj(answer, file)
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise MissingError(f"{self.url} is not the file that it was")


def need_java() -> None:
    """Install Java 17 or later where there is none, on Debian.

    Raises:
        InstallError: It can't be installed.

    """
    if shutil.which("java") is None:
        debian.install(["default-jre-headless"])


def main(artifact: Artifact) -> int:
    """Print the directory with the artifact, NAME.jar, fetched if need be; return the exit status."""
    directory = CACHE / f"{artifact.name}-{artifact.version}"
    try:
        need_java()
        if not directory.exists():
            with stage(f"{artifact.name} {artifact.version}, from Maven Central"), filling(directory) as fresh:
                artifact.fetch(fresh / f"{artifact.name}.{artifact.extension}")
    except (MissingError, OSError, debian.InstallError) as error:
        say(f"no {artifact.name}: {error}")
        return 1
    print(directory)
    return 0
