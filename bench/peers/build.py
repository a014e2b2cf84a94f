"""Build a peer, once, into the cache of programs."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from hack.build.gomodules import CACHE, MissingError, find_go, stage

_PEERS: Final = Path(__file__).parent


def build(name: str) -> Path:
    """Return the program that the Go module in the folder `name` is built to.

    Raises:
        MissingError: There is no Go, no module proxy, or the build fails; the message says so.

    """
    sources = sorted((_PEERS / name).glob("*.go")) + sorted((_PEERS / name).glob("go.*"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    target = CACHE / f"peer-{name}-{digest}"
    if not os.access(target, os.X_OK):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        with stage(f"bench/peers/{name} from Go modules, once"):
            done = subprocess.run(
                (find_go(), "build", "-trimpath", "-ldflags", "-s -w", "-o", fresh, "."),
                cwd=_PEERS / name,
                env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise MissingError(f"`go build` of bench/peers/{name} failed:\n{done.stderr}")
        fresh.replace(target)
    return target
