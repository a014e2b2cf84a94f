"""What the source-built node takes from the machine, and installs on Debian where it is missing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hack.build import debian
from hack.cluster import configuration
from hack.cluster.cluster import ClusterError

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
"""By Debian package: whether what is needed of it is installed, from any source."""


def missing() -> list[str]:
    """Return the packages that are missing."""
    return [package for package, is_there in _NEEDED.items() if not is_there()]


def install(packages: list[str]) -> None:
    """Install them; as root, on Debian and its kin.

    Raises:
        ClusterError: They can't be installed.

    """
    try:
        debian.install(packages)
    except debian.InstallError as error:
        raise ClusterError(str(error)) from error
    if still := missing():
        raise ClusterError(
            f"the packages {' '.join(still)} are installed, and what is needed of them is not there"
        )
