"""Print the directory that holds chromium, a browser; it is installed on Debian where it is missing."""

import os
import shutil
import sys
from pathlib import Path

from hack.build import debian
from hack.build.gomodules import say


def main() -> int:
    """Do it, and return the exit status."""
    if given := os.environ.get("CHROMIUM"):
        print(Path(given))
        return 0
    try:
        if shutil.which("chromium") is None:
            debian.install(["chromium"])
    except debian.InstallError as error:
        say(f"no Chromium: {error}; see $CHROMIUM")
        return 1
    print(Path(shutil.which("chromium") or "chromium").parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
