"""Have the tree's packages as the image has them, with the hot path compiled; print the folder, for PYTHONPATH.

Built once for what is in the tree (a minute of one core), into the cache of programs.
"""

import compileall
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.build import debian
from hack.build.gomodules import CACHE, MissingError, filling, stage

_SOURCES: Final = ("pyproject.toml", "README.md", "proxy", "operator")
FLAGS: Final = {
    "CFLAGS": "-ffunction-sections -fdata-sections -fvisibility=hidden"
    " -Wno-builtin-macro-redefined -D__FILE__=__func__",
    "LDFLAGS": "-Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,pack-relative-relocs -Wl,-s",
}
"""As in the Dockerfile: less memory, since nothing is loaded that nothing calls; and no name of a folder that is
another one at each build."""
_NOT_COPIED: Final = shutil.ignore_patterns("__pycache__", "*.so")


@functools.cache
def compiled() -> Path:
    """Return the folder, after building it where it is not there; looked for once in a process.

    Raises:
        MissingError: It can't be built; the message says so.

    """
    target = CACHE / f"compiled-{_digest()}"
    if not target.is_dir():
        with stage("the hot path from the tree's sources, once"), filling(target) as fresh:
            _build(fresh)
    return target


def proxy() -> tuple[str | Path, ...]:
    """Return the start of a command line for the proxy, compiled.

    Raises:
        MissingError: It can't be built; the message says so.

    """
    path = os.pathsep.join(filter(None, (str(compiled()), os.environ.get("PYTHONPATH"))))
    return ("/usr/bin/env", f"PYTHONPATH={path}", Path(sys.executable).with_name("tenantproxy"))


def _digest() -> str:
    """Return what stands for the sources and their tools."""
    digest = hashlib.sha256(f"{sysconfig.get_config_var('SOABI')} {sys.version} {FLAGS}".encode())
    trees = [ROOT / name for name in (*_SOURCES, "uv.lock")]
    for path in trees + [file for tree in trees for file in sorted(tree.rglob("*.py"))]:
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _need_compiler() -> None:
    """Have what compiles C against this Python."""
    packages = [] if shutil.which("gcc") else ["gcc", "libc6-dev"]
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        packages.append("python3-dev")
    if packages:
        try:
            debian.install(packages)
        except debian.InstallError as error:
            raise MissingError(str(error)) from None


def _build(target: Path) -> None:
    _need_compiler()
    with tempfile.TemporaryDirectory() as folder:
        for name in _SOURCES:  # a copy, since the hook moves pyproject.toml away for a while
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=_NOT_COPIED)
            else:
                shutil.copy(source, folder)
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", f"{folder}/dist"],
            cwd=folder,
            env=os.environ | {"HATCH_BUILD_HOOK_ENABLE_MYPYC": "true", **FLAGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MissingError(f"the hot path can't be compiled:\n{done.stdout}")
        for wheel in Path(folder, "dist").glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
        # Else each process that can't write there would compile all that is left anew.
        compileall.compile_dir(target, quiet=1)


if __name__ == "__main__":
    try:
        print(compiled())
    except MissingError as error:
        sys.exit(str(error))
