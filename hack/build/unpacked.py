"""The directory of programs that Debian has as packages: found, or unpacked into the cache, and not installed.

They come from the first of: an environment variable, PATH, the cache, Debian's package. No service is started.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, say, stage


class Package(NamedTuple):
    """A package of Debian's; `programs` are those that are wanted of it, each with its option for the version."""

    title: str
    name: str
    programs: tuple[str, ...]
    version: str
    variable: str
    """The environment variable that may name their directory."""


def main(package: Package) -> int:
    """Print the directory, and return the exit status."""
    try:
        print(_directory(package))
    except (MissingError, OSError) as error:
        say(str(error))
        return 1
    return 0


def _directory(package: Package) -> Path:
    on_path = [Path(found).parent for program in package.programs if (found := shutil.which(program))]
    given = [Path(os.environ[package.variable])] if package.variable in os.environ else []
    cached = CACHE / f"{package.title.lower()}-{_system()}"
    for place in (*given, *on_path, cached):
        if all(os.access(place / program, os.X_OK) for program in package.programs):
            return place
    with stage(f"{package.title}, from Debian's package"):
        try:
            _fetch(package, cached)
        except debian.InstallError as error:
            programs = " and ".join(package.programs)
            raise MissingError(
                f"{error}\nput {programs} on PATH, or set {package.variable} to their directory"
            ) from error
    return cached


def _system() -> str:
    """Return the name of the system, which has one version of a package at a time, but for fixes."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    return f"{found['ID']}-{found.get('VERSION_ID', 'rolling')}"


def _fetch(package: Package, cached: Path) -> None:
    fresh = cached.with_name(f".{cached.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        debian.unpack(package.name, fresh)
        programs = fresh / "usr" / "bin"
        for program in package.programs:
            command = (programs / program, package.version)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise MissingError(f"{done.stderr}\nDebian's {program} does not run here; see {package.variable}")
        # Another process may have done the same meanwhile.
        if not cached.exists():
            programs.rename(cached)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
