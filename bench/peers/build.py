"""Build a peer, once, into the cache of programs."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from hack.build.gomodules import CACHE, MissingError, find_go, stage

_PEERS: Final = Path(__file__).parent


def build(name: str, *, experiment: str = "") -> Path:
    """Return the program that the Go module in the folder `name` is built to.

    `experiment` is a `GOEXPERIMENT`, such as `jsonv2`.

    Raises:
        MissingError: There is no Go, no module proxy, or the build fails; the message says so.

    """
    own = {"GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOEXPERIMENT": experiment}
    return _built(
        name,
        experiment,
        ("*.go", "go.*"),
        lambda fresh: _run((find_go(), "build", "-trimpath", "-ldflags", "-s -w", "-o", fresh, "."), name, own),
    )


def build_rust(name: str) -> Path:
    """Return the program that the crate in the folder `name` is built to.

    Raises:
        MissingError: There is no cargo, no registry of crates, or the build fails; the message says so.

    """

    def make(fresh: Path) -> None:
        cargo = shutil.which("cargo")
        if cargo is None:
            raise MissingError(f"bench/peers/{name} needs Rust: there is no `cargo` on PATH.")
        folder = CACHE / f"peer-{name}-target"
        _run((cargo, "build", "--release", "--locked", "--quiet"), name, {"CARGO_TARGET_DIR": str(folder)})
        shutil.copy(folder / "release" / name, fresh)

    return _built(name, "", ("Cargo.*", "src/*.rs"), make)


def _built(name: str, variant: str, patterns: Sequence[str], make: Callable[[Path], None]) -> Path:
    sources = [file for pattern in patterns for file in sorted((_PEERS / name).glob(pattern))]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    target = CACHE / "-".join(filter(None, ("peer", name, variant, digest)))
    if not os.access(target, os.X_OK):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        with stage(f"bench/peers/{name} from its pinned sources, once"):
            make(fresh)
        fresh.replace(target)
    return target


def _run(command: Sequence[str | Path], name: str, own: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=_PEERS / name, env=os.environ | own, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MissingError(f"`{Path(command[0]).name} build` of bench/peers/{name} failed:\n{done.stderr}")
