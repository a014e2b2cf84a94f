"""Programs of npm packages, installed once into the cache.

package-lock.json has the hashes of all that is fetched, of which nothing is run while it is installed. Needs
Node.js, which is installed on Debian where it is missing.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, filling, say, stage

_LOCKED: Final = Path(__file__).resolve().parents[1] / "programs" / "npm"
_FILES: Final = ("package.json", "package-lock.json")
_FETCH: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


@dataclass(frozen=True)
class Package:
    """A package that `package.json` in `hack/programs/npm/FOLDER` pins; the variable names another place."""

    name: str
    folder: str
    variable: str


def main(package: Package) -> int:
    """Print the directory with the package's programs; return the exit status.

    It comes from the first of: the directory that the variable names, the cache, npm.
    """
    try:
        print(_directory(package))
    except (MissingError, OSError, debian.InstallError) as error:
        say(f"no {package.name}: {error}")
        return 1
    return 0


def _directory(package: Package) -> Path:
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        debian.install(["nodejs" if name == "node" else name for name in missing])
    if given := os.environ.get(package.variable):
        return Path(given)
    locked = _LOCKED / package.folder
    version = json.loads((locked / _FILES[0]).read_text())["dependencies"][package.name]
    directory = CACHE / f"{package.folder}-{version}"
    if not directory.exists():
        with stage(f"{package.name} {version}, from npm"), filling(directory) as fresh:
            for name in _FILES:
                shutil.copyfile(locked / name, fresh / name)
            done = subprocess.run(_FETCH, cwd=fresh, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise MissingError(f"{done.stderr}\n`{' '.join(_FETCH)}` failed; see ${package.variable}")
    return directory / "node_modules" / ".bin"
