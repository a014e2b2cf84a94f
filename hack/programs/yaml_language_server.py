"""Print the directory that holds yaml-language-server, by which editors know YAML; fetch it from npm if need be.

It comes from the first of: the directory $YAML_LANGUAGE_SERVER, the cache, npm. package-lock.json has the hashes
of all that is fetched, of which nothing is run while it is installed. Needs Node.js, which is installed on Debian
where it is missing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, filling, say, stage

_NAME: Final = "yaml-language-server"
_FOLDER: Final = Path(__file__).resolve().parent / "npm" / _NAME
_FILES: Final = ("package.json", "package-lock.json")
_FETCH: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def main() -> int:
    """Do it, and return the exit status."""
    try:
        print(_directory())
    except (MissingError, OSError, debian.InstallError) as error:
        say(f"no {_NAME}: {error}")
        return 1
    return 0


def _directory() -> Path:
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        debian.install(["nodejs" if name == "node" else name for name in missing])
    if given := os.environ.get("YAML_LANGUAGE_SERVER"):
        return Path(given)
    version = json.loads((_FOLDER / _FILES[0]).read_text())["dependencies"][_NAME]
    directory = CACHE / f"{_NAME}-{version}"
    if not directory.exists():
        with stage(f"{_NAME} {version}, from npm"), filling(directory) as fresh:
            for name in _FILES:
                shutil.copyfile(_FOLDER / name, fresh / name)
            done = subprocess.run(_FETCH, cwd=fresh, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise MissingError(f"{done.stderr}\n`{' '.join(_FETCH)}` failed; see $YAML_LANGUAGE_SERVER")
    return directory / "node_modules" / ".bin"


if __name__ == "__main__":
    sys.exit(main())
