"""Print the directory that holds prometheus and promtool; fetch them if need be.

They come from the first of: $PROMETHEUS, PATH, the cache, Debian's package, which is unpacked into the cache and
not installed: no service is started.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, say, stage

_PROGRAMS: Final = ("prometheus", "promtool")


def main() -> int:
    """Do it, and return the exit status."""
    try:
        print(_directory())
    except (MissingError, OSError) as error:
        say(str(error))
        return 1
    return 0


def _directory() -> Path:
    on_path = [Path(found).parent for program in _PROGRAMS if (found := shutil.which(program))]
    given = [Path(os.environ["PROMETHEUS"])] if "PROMETHEUS" in os.environ else []
    cached = CACHE / f"prometheus-{_system()}"
    for place in (*given, *on_path, cached):
        if all(os.access(place / program, os.X_OK) for program in _PROGRAMS):
            return place
    with stage("Prometheus, from Debian's package"):
        try:
            _fetch(cached)
        except debian.InstallError as error:
            raise MissingError(
                f"{error}\nput prometheus and promtool on PATH, or set PROMETHEUS to their directory"
            ) from error
    return cached


def _system() -> str:
    """Return the name of the system, which has one version of a package at a time, but for fixes."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    return f"{found['ID']}-{found.get('VERSION_ID', 'rolling')}"


def _fetch(cached: Path) -> None:
    fresh = cached.with_name(f".{cached.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        debian.unpack("prometheus", fresh)
        programs = fresh / "usr" / "bin"
        for program in _PROGRAMS:
            done = subprocess.run((programs / program, "--version"), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise MissingError(f"{done.stderr}\nDebian's {program} does not run here; see PROMETHEUS")
        # Another process may have done the same meanwhile.
        if not cached.exists():
            programs.rename(cached)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
