"""Where the version is written, whether all places agree, and how it is changed.

It is written for the packages (proxy/tenantproxy/__init__.py), twice for the chart (Chart.yaml), in the commands
and manifests that pages and examples show, and in what tests compare with.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.release import ReleaseError

_PLACE: Final = re.compile(
    r'(?P<before>tenantproxy[:-]|VERSION=|app\.kubernetes\.io/version: "|__version__ = "|'
    r"^(?:appVersion|version): |--version |tags/v|/tenantproxy/v|download v)"
    r"(?P<version>\d+\.\d+\.\d+)(?![\w.]*\d)",
    re.MULTILINE,
)
"""Where a version of TenantProxy is written, by what is before it."""
_SHOWN: Final = (
    "README.md",
    "SECURITY.md",
    "docs/*.md",
    "examples/**/*",
    "charts/**/*",
    "proxy/tenantproxy/__init__.py",
)
_OTHER_VERSIONS: Final = ("CHANGELOG.md", "uv.lock", "hack/**/*", "tests/releases/**/*", "tests/unit/hack/**/*")
"""Files with versions of other programs, or of earlier releases."""


def current(root: Path = ROOT) -> str:
    """Return the packages' version."""
    text = (root / "proxy/tenantproxy/__init__.py").read_text()
    (version,) = re.findall(r'^__version__ = "(.*)"$', text, re.MULTILINE)
    return str(version)


def problems(root: Path = ROOT) -> list[str]:
    """Return where the chart, a page or an example names another version than the packages'."""
    version = current(root)
    found = []
    for path in _files(root, _SHOWN):
        text = path.read_text()
        for place in _PLACE.finditer(text):
            if place["version"] != version:
                line = text.count("\n", 0, place.start()) + 1
                where = f"{path.relative_to(root)}:{line}"
                found.append(f"{where} names {place['version']}; the packages are {version}")
    return found


def set_version(new: str, root: Path = ROOT) -> list[Path]:
    """Write another version wherever the present one is; return the files that were changed.

    Raises:
        ReleaseError: It is not a version, or an earlier one.

    """
    old = current(root)
    if re.fullmatch(r"\d+\.\d+\.\d+", new) is None:
        raise ReleaseError(f"{new!r} is not a version; write MAJOR.MINOR.PATCH, such as 0.2.0")
    if _numbers(new) < _numbers(old):
        raise ReleaseError(f"{new} is earlier than the present version, {old}")
    others = set(_files(root, _OTHER_VERSIONS))
    changed = []
    for path in _tracked(root):
        if path in others or not path.is_file() or b"\0" in (content := path.read_bytes()):
            continue
        text = content.decode()
        fresh = with_version(text, old, new)
        if fresh != text:
            path.write_text(fresh)
            changed.append(path)
    return changed


def with_version(text: str, old: str, new: str) -> str:
    """Return a text that names the new version of TenantProxy where it named the old one."""
    return _PLACE.sub(
        lambda place: place["before"] + new if place["version"] == old else place.group(),
        text,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _files(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})


def _tracked(root: Path) -> list[Path]:
    git = shutil.which("git")
    if git is None:
        raise ReleaseError("git lists the files in which the version is written: install it")
    done = subprocess.run((git, "ls-files", "-z"), cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return [root / name for name in done.stdout.split("\0") if name]
