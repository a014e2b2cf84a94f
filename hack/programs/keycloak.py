"""Print the directory of Keycloak, an identity provider for tests; fetched from Maven Central if need be."""

import sys
import zipfile
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, filling, say, stage
from hack.build.maven import Artifact, need_java

_KEYCLOAK: Final = Artifact(
    group="org.keycloak",
    name="keycloak-quarkus-dist",
    version="26.3.0",
    sha256="2fa6331fe85c69e4aba3f8360342605b37f2f5d05f8a5d53042f9684474b6d92",
    extension="zip",
)


def main() -> int:
    """Do it, and return the exit status."""
    directory = CACHE / f"keycloak-{_KEYCLOAK.version}"
    try:
        need_java()
        if not directory.exists():
            with (
                stage(f"Keycloak {_KEYCLOAK.version}, 154 MB from Maven Central"),
                filling(directory) as fresh,
            ):
                _unpack(fresh)
    except (MissingError, OSError, debian.InstallError) as error:
        say(f"no Keycloak: {error}")
        return 1
    print(directory)
    return 0


def _unpack(folder: Path) -> None:
    """Fill the folder with what is in the archive's only one."""
    archive = folder / "keycloak.zip"
    _KEYCLOAK.fetch(archive)
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder)
    archive.unlink()
    (inner,) = folder.iterdir()
    for path in inner.iterdir():
        path.rename(folder / path.name)
    inner.rmdir()
    (folder / "bin" / "kc.sh").chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
