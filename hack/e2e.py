"""Run the tests of tests/e2e/cluster in a real cluster: `make e2e`.

The cluster is that of hack/cluster. One that is up is used, and left as it was; else one is started, and ended
afterwards unless --keep is given. The image is built and brought there, unless IMAGE names one that the cluster
has or can pull; the same holds for Traefik's and TRAEFIK_IMAGE.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from hack import ROOT
from hack.build.gomodules import CACHE, say
from hack.programs.traefik import IMAGE as TRAEFIK
from hack.timed import Times

_CLUSTER: Final = ROOT / "hack" / "cluster" / "cluster"
_TAG: Final = "localhost/tenantproxy:e2e"
_IMAGES: Final = ("IMAGE", "TRAEFIK_IMAGE")


def main() -> int:
    """Do it; return the exit status: that of pytest, or 1 where it did not come to that."""
    parser = argparse.ArgumentParser(prog="make e2e", description="Run the tests of tests/e2e/cluster.")
    parser.add_argument("--keep", action="store_true", help="leave a cluster that was started here")
    options, arguments = parser.parse_known_args()
    if os.environ.get("KUBECONFIG") and (missing := [name for name in _IMAGES if not os.environ.get(name)]):
        say(f"the cluster of KUBECONFIG pulls its images: set {' and '.join(missing)} to what it finds them by")
        return 1
    found = subprocess.run((_CLUSTER, "status"), capture_output=True, check=False).returncode == 0
    times = Times()
    try:
        # First, because it says what is missing before anything is built.
        with times.part("cluster"):
            subprocess.run((_CLUSTER, "up"), check=True)
        with times.part("images and programs"):
            environ = os.environ | {
                "E2E_IMAGE": os.environ.get("IMAGE") or _bring_image(),
                "E2E_HELM": _directory_of("helm"),
                "E2E_KEYCLOAK": _directory_of("keycloak"),
                "E2E_GATEWAY": (gateway := _directory_of("traefik")),
                "E2E_TRAEFIK": os.environ.get("TRAEFIK_IMAGE") or _load(Path(gateway) / "traefik.tar", TRAEFIK),
            }
        tests = (sys.executable, "-m", "pytest", "-q", *(arguments or ["tests/e2e/cluster"]))
        with times.part("tests"):
            return subprocess.run((_CLUSTER, "exec", *tests), cwd=ROOT, env=environ, check=False).returncode
    except subprocess.CalledProcessError:
        return 1  # it has said why
    finally:
        if not (found or options.keep):
            with times.part("end of the cluster"):
                subprocess.run((_CLUSTER, "down"), check=False)
        times.show()


def _bring_image() -> str:
    """Build the image, and load it into the cluster; return its name."""
    archive = CACHE / "image-e2e.tar"
    archive.unlink(missing_ok=True)
    try:
        build = (sys.executable, "-m", "hack.image", f"--tag={_TAG}", f"--archive={archive}")
        subprocess.run(build, cwd=ROOT, check=True)
        return _load(archive, _TAG)
    finally:
        archive.unlink(missing_ok=True)


def _load(archive: Path, image: str) -> str:
    """Bring an image to the cluster; return its name."""
    say(f"bringing {image} to the cluster")
    subprocess.run((_CLUSTER, "load", archive), check=True)
    return image


def _directory_of(name: str) -> str:
    """Return the directory that a module of hack.programs prints."""
    command = (sys.executable, "-m", f"hack.programs.{name}")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
