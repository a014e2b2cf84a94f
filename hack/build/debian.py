"""Debian packages that a script needs: installed, or only unpacked."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hack.build.gomodules import CACHE, say


class InstallError(Exception):
    """Packages can't be had; the message names them."""


def install(packages: Sequence[str]) -> None:
    """Install packages: as root, on Debian and its kin.

    Raises:
        InstallError: They can't be installed.

    """
    names = " ".join(packages)
    _need_apt(names)
    if os.geteuid() != 0:
        raise InstallError(f"missing: `sudo apt-get install {names}`")
    say(f"installing the Debian packages {names}")
    _apt("install", "--yes", "--no-install-recommends", "--no-remove", *packages)


def unpack(package: str, folder: Path) -> None:
    """Unpack a package's files into a folder, which must be there; nothing is installed, and no service started.

    Raises:
        InstallError: It can't be had.

    """
    _need_apt(package)
    # The folder may be one that only we may write.
    _apt("download", "--option=APT::Sandbox::User=root", package, folder=folder)
    (archive,) = folder.glob(f"{package}_*.deb")
    done = _run(("dpkg", "--extract", str(archive), str(folder)))
    if done.returncode != 0:
        raise InstallError(f"{done.stdout}\n{archive.name} can't be unpacked")
    archive.unlink()


def _need_apt(names: str) -> None:
    if shutil.which("apt-get") is None:
        raise InstallError(f"missing what Debian has in the packages {names}; install it")


def _apt(name: str, *arguments: str, folder: Path | None = None) -> None:
    """Run a command of apt-get; one at a time, since one that finds another one at work gives up."""
    command = ("apt-get", name, "--quiet=2", *arguments)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (done := _run(command, folder)).returncode != 0:
            # The lists may be as old as the machine.
            _run(("apt-get", "update", "--quiet=2"))
            done = _run(command, folder)
    if done.returncode != 0:
        raise InstallError(f"{done.stdout}\n`{' '.join(command)}` failed; install these packages")


def _run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command,
        cwd=folder,
        env=quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
