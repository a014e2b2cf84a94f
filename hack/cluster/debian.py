"""What the source-built node takes from the machine, and installs on Debian where it is missing."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import configuration

from cluster import ClusterError
from gomodules import say

_PATH: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def which(program: str) -> Path:
    """Return where a program is, also where only root looks for programs.

    Raises:
        FileNotFoundError: It is nowhere.

    """
    if (found := shutil.which(program, path=_PATH)) is None:
        raise FileNotFoundError(program)
    return Path(found)


def _static_busybox() -> bool:
    return _has("busybox")() and b"/ld-" not in which("busybox").read_bytes()  # the name of a dynamic linker


def _has(*programs: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(program, path=_PATH) is not None for program in programs)


_NEEDED: Final[dict[str, Callable[[], bool]]] = {
    "busybox-static": _static_busybox,
    "containernetworking-plugins": lambda: configuration.cni_directory() is not None,
    "iproute2": _has("ip"),
    "iptables": _has("iptables"),
    "openssl": _has("openssl"),
    "runc": _has("runc"),
    "util-linux": _has("mount", "nsenter", "setpriv", "unshare"),
}
"""Debian package to whether what is needed of it is there, whoever brought it."""


def missing() -> list[str]:
    """Return the packages that are missing."""
    return [package for package, is_there in _NEEDED.items() if not is_there()]


def install(packages: list[str]) -> None:
    """Install them; as root, on Debian and its kin.

    Raises:
        ClusterError: They can't be installed.

    """
    if shutil.which("apt-get") is None:
        raise ClusterError(f"missing what Debian has in the packages {' '.join(packages)}; install it")
    say(f"installing the Debian packages {' '.join(packages)}")
    apt = ("apt-get", "install", "--yes", "--no-install-recommends", "--no-remove", "--quiet=2", *packages)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(apt, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        # The lists may be as old as the machine.
        subprocess.run(("apt-get", "update", "--quiet=2"), stdout=subprocess.DEVNULL, check=False)  # noqa: S607
        done = subprocess.run(
            apt, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    if done.returncode != 0 or missing():
        raise ClusterError(f"{done.stdout}\n`{' '.join(apt)}` failed; install these packages")
