"""Print the directory of Keycloak, an identity provider for tests; fetch it from Maven Central if need be, once.

Needs Java 17 or later, which is installed on Debian where it is missing.
"""

import hashlib
import os
import shutil
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, say, stage

_VERSION: Final = "26.3.0"
_SHA256: Final = "2fa6331fe85c69e4aba3f8360342605b37f2f5d05f8a5d53042f9684474b6d92"
_URL: Final = (
    os.environ.get("MAVEN_CENTRAL", "https://repo1.maven.org/maven2")
    + f"/org/keycloak/keycloak-quarkus-dist/{_VERSION}/keycloak-quarkus-dist-{_VERSION}.zip"
)


def main() -> int:
    """Do it, and return the exit status."""
    directory = CACHE / f"keycloak-{_VERSION}"
    try:
        if shutil.which("java") is None:
            debian.install(["default-jre-headless"])
        if not directory.exists():
            _fetch(directory)
    except (OSError, ValueError, debian.InstallError) as error:
        say(f"no Keycloak: {error}")
        return 1
    print(directory)
    return 0


def _fetch(directory: Path) -> None:
    fresh = directory.with_name(f".{directory.name}.{os.getpid()}")
    archive = fresh / "keycloak.zip"
    fresh.mkdir(parents=True)
    try:
        with stage(f"Keycloak {_VERSION}, 154 MB from Maven Central"):
            with urllib.request.urlopen(_URL, timeout=60) as answer, archive.open("wb") as file:  # noqa: S310 - https
                shutil.copyfileobj(answer, file)
            with archive.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
                    raise ValueError(f"{_URL} is not the file that it was")
            with zipfile.ZipFile(archive) as files:
                files.extractall(fresh)
        (inner,) = fresh.glob("keycloak-*/")
        (inner / "bin" / "kc.sh").chmod(0o755)
        inner.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
