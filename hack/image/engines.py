"""What builds images: docker where its daemon answers, else buildah, which needs root and no daemon."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hack import ROOT
from hack.build import debian
from hack.build.gomodules import say

PROBE: Final = (Path(__file__).parent / "probe.py").read_text()
_BASE: Final = "debian:trixie-slim"
_OWN_BASE: Final = "localhost/tenantproxy-base:trixie"
"""debian:trixie-slim as made here, where no registry answers; named so that nobody takes it for Debian's own."""
_PACKAGES: Final = ("buildah", "debootstrap", "debian-archive-keyring")
_EXCLUDED: Final = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
"""Below /usr/share: what a slim image leaves out, except for copyrights."""


class EngineError(Exception):
    """An image can't be built here; the message says what to do."""


class Engine(ABC):
    """Builds an image from the Dockerfile, and looks at it."""

    name: str

    @abstractmethod
    def build(self, tag: str, labels: Mapping[str, str], epoch: str, source: Path = ROOT) -> None:
        """Build it; `labels` are build arguments, `epoch` is the time that it says it is of.

        Raises:
            EngineError: It can't be built.

        """

    @abstractmethod
    def configuration(self, tag: str) -> dict[str, Any]:
        """Return the OCI configuration: User, Env, Labels and the like."""

    @abstractmethod
    def size(self, tag: str) -> int:
        """Return the bytes of all layers, unpacked."""

    @abstractmethod
    def probe(self, tag: str) -> dict[str, Any]:
        """Run `probe.py` in it, on a read-only root, as its user, without any capability."""

    @abstractmethod
    def save(self, tag: str, archive: Path) -> None:
        """Write it to a file that `docker load`, `kind load image-archive` and `ctr images import` read."""


class Docker(Engine):
    """With a docker daemon."""

    name = "docker"

    @staticmethod
    def works() -> bool:
        """Return whether a daemon answers."""
        return shutil.which("docker") is not None and _quiet("docker", "info") == 0

    def build(self, tag: str, labels: Mapping[str, str], epoch: str, source: Path = ROOT) -> None:
        """Build it with the daemon's own builder."""
        arguments = _build_arguments({**labels, "SOURCE_DATE_EPOCH": epoch})
        _run("docker", "build", *arguments, *_ca(), "--tag", tag, source)

    def configuration(self, tag: str) -> dict[str, Any]:
        """Ask the daemon."""
        return dict(json.loads(_output("docker", "image", "inspect", tag))[0]["Config"])

    def size(self, tag: str) -> int:
        """Ask the daemon."""
        return int(json.loads(_output("docker", "image", "inspect", tag))[0]["Size"])

    def probe(self, tag: str) -> dict[str, Any]:
        """Run it as a container without network."""
        isolated = ("--read-only", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        return dict(json.loads(_output("docker", "run", "--rm", "-i", *isolated, tag, "python", "-", stdin=PROBE)))

    def save(self, tag: str, archive: Path) -> None:
        """Have the daemon write it."""
        _run("docker", "save", "--output", archive, tag)


class Buildah(Engine):
    """With buildah, as root; the base image comes from a registry where one answers, else from debootstrap."""

    name = "buildah"

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise EngineError(
                "no docker daemon answers, and buildah needs root: start docker, or run `sudo make image` on Linux"
            )
        _install(tuple(package for package in _PACKAGES if not _is_installed(package)))

    def build(
        self, tag: str, labels: Mapping[str, str], epoch: str, source: Path = ROOT, *, cached: bool = True
    ) -> None:
        """Build it in a chroot, from a base image that is at hand, and where `cached` of earlier layers."""
        arguments = _build_arguments({**labels, "BASE": self._base()})
        # The host's network, because there may be no CNI plugins; chroot needs no runtime and no kernel module.
        options = ("--pull-never", "--isolation=chroot", "--network=host", f"--timestamp={epoch}")
        layers = "--layers" if cached else "--no-cache"
        _run("buildah", "bud", "--quiet", *options, layers, *arguments, *_ca(), "--tag", tag, source)

    def configuration(self, tag: str) -> dict[str, Any]:
        """Read it from the storage."""
        return dict(self._inspect(tag)["OCIv1"]["config"])

    def size(self, tag: str) -> int:
        """Count what is in its file system."""
        with self.mounted(tag) as root:
            return int(_output("du", "--summarize", "--block-size=1", root).split()[0])

    def probe(self, tag: str) -> dict[str, Any]:
        """Run it in a chroot, in mounts and processes of its own."""
        configuration = self.configuration(tag)
        # A process namespace of its own: what the probe may leave behind ends with it.
        isolated = ("unshare", "--mount", "--pid", "--fork")
        script = (
            'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount -o remount,bind,ro "$1"'
            " && root=$1 user=$2 && shift 2"
            ' && exec chroot --userspec="$user" --groups="" "$root" env -i "$@" python -'
        )
        with self.mounted(tag) as root:
            command = (*isolated, "sh", "-c", script, "probe", root, configuration["User"], *configuration["Env"])
            return dict(json.loads(_output(*command, stdin=PROBE)))

    def save(self, tag: str, archive: Path) -> None:
        """Write it, instead of an earlier one."""
        archive.unlink(missing_ok=True)  # it would not be overwritten
        _run("buildah", "push", "--quiet", tag, f"docker-archive:{archive}:{tag}")

    def save_layout(self, tag: str, folder: Path) -> str:
        """Write it as an OCI layout, as registries have images; return its digest.

        Raises:
            EngineError: It can't be written.

        """
        _run("buildah", "push", "--quiet", tag, f"oci:{folder}")
        (manifest,) = json.loads((folder / "index.json").read_text())["manifests"]
        return str(manifest["digest"])

    def remove(self, tag: str) -> None:
        """Remove it from the storage.

        Raises:
            EngineError: It can't be removed.

        """
        _run("buildah", "rmi", tag, stdout=subprocess.DEVNULL)

    def _base(self) -> str:
        """Return the name of a base image that is at hand."""
        if _quiet("buildah", "inspect", "--type=image", _OWN_BASE) == 0:
            return _OWN_BASE
        if _quiet("buildah", "pull", "--quiet", _BASE) == 0:
            return _BASE
        say("no registry answers: making the base image with debootstrap, once (half a minute)")
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            _run("debootstrap", "--variant=minbase", "trixie", root, stdout=subprocess.DEVNULL)
            _make_slim(root)
            container = _output("buildah", "from", "scratch").strip()
            try:
                _run("buildah", "add", "--quiet", container, root, "/", stdout=subprocess.DEVNULL)
                _run("buildah", "config", "--cmd=bash", "--env=PATH=" + os.defpath, container)
                _run("buildah", "commit", "--quiet", container, _OWN_BASE, stdout=subprocess.DEVNULL)
            finally:
                _run("buildah", "rm", container, stdout=subprocess.DEVNULL)
        return _OWN_BASE

    @staticmethod
    def _inspect(tag: str) -> dict[str, Any]:
        return dict(json.loads(_output("buildah", "inspect", "--type=image", tag)))

    @staticmethod
    @contextlib.contextmanager
    def mounted(tag: str) -> Iterator[Path]:
        """Give the root of its file system.

        Raises:
            EngineError: It can't be mounted.

        """
        container = _output("buildah", "from", "--pull-never", tag).strip()
        try:
            yield Path(_output("buildah", "mount", container).strip())
        finally:
            _run("buildah", "rm", container, stdout=subprocess.DEVNULL)


def find_engine() -> Engine:
    """Return what can build here.

    Raises:
        EngineError: Nothing can.

    """
    return Docker() if Docker.works() else Buildah()


def _make_slim(root: Path) -> None:
    """Leave out what the slim variant of Debian's image leaves out, now and in later installations."""
    share = root / "usr/share"
    rules = [f"path-exclude /usr/share/{name}/*" for name in _EXCLUDED] + [
        "path-include /usr/share/doc/*/copyright"
    ]
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("\n".join(rules) + "\n")
    sources = root / "etc/apt/sources.list"
    mirror = sources.read_text().split()[1]  # "deb MIRROR trixie main", by debootstrap
    suites = ((mirror, "trixie"), (mirror, "trixie-updates"), (f"{mirror}-security", "trixie-security"))
    sources.write_text("".join(f"deb {url} {suite} main\n" for url, suite in suites))
    for name in _EXCLUDED:
        for path in sorted((share / name).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # a copyright is in it
                    path.rmdir()
            elif path.name != "copyright":
                path.unlink()
    for cache in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
        shutil.rmtree(root / cache)
        (root / cache).mkdir()


def _build_arguments(values: Mapping[str, str]) -> list[str]:
    """Return the build arguments, with the package index that pip and uv are told here, if any."""
    # Empty is as good as not there, to both; buildah warns of an argument that is not there.
    indexes = {name: os.environ.get(name, "") for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")}
    return [f"--build-arg={name}={value}" for name, value in {**indexes, **values}.items()]


def _ca() -> list[str]:
    """Return the CA that is trusted here, where that is said; the image does not get it."""
    file = os.environ.get("SSL_CERT_FILE")
    return [f"--secret=id=ca,src={file}"] if file else []


def _is_installed(package: str) -> bool:
    # Not by the command: `docker` shows that one may be there without what it needs.
    return _quiet("dpkg", "--status", package) == 0


def _install(packages: tuple[str, ...]) -> None:
    if packages:
        try:
            debian.install(packages)
        except debian.InstallError as error:
            raise EngineError(f"no docker daemon answers, and without one: {error}") from error


def _run(*command: str | Path, stdout: int = sys.stderr.fileno()) -> None:
    """Run a command; its output is for people, so it goes to standard error."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"`{' '.join(map(str, command[:2]))}` failed with exit status {done.returncode}, see above"
        )


def _output(*command: str | Path, stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"`{' '.join(map(str, command[:2]))}` failed with exit status {done.returncode}, see above"
        )
    return done.stdout


def _quiet(*command: str) -> int:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        return 127
    return done.returncode
