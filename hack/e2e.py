"""Run the tests of tests/e2e/cluster in a real cluster: `make e2e`.

The cluster is that of hack/cluster. One that is up is used, and left as it was; else one is started, and ended
afterwards unless --keep is given. The image is built and brought there, unless IMAGE names one that the cluster
has or can pull; the same holds for Traefik's and TRAEFIK_IMAGE.
"""

import argparse
import contextlib
import os
import signal
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
        # Side by side; where the cluster says that something is missing, the build ends.
        with contextlib.closing(_Image()) as image:
            with times.part("cluster"):
                subprocess.run((_CLUSTER, "up"), check=True)
            with times.part("images and programs"):
                gateway = _directory_of("traefik")
                traefik = os.environ.get("TRAEFIK_IMAGE") or _load(Path(gateway) / "traefik.tar", TRAEFIK)
                environ = os.environ | {
                    "E2E_HELM": _directory_of("helm"),
                    "E2E_KEYCLOAK": _directory_of("keycloak"),
                    "E2E_GATEWAY": gateway,
                    "E2E_TRAEFIK": traefik,
                    "E2E_IMAGE": image.bring(),
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


class _Image:
    """The image: the one that IMAGE names, else one that is built beside other things."""

    def __init__(self) -> None:
        self._name = os.environ.get("IMAGE") or _TAG
        self._archive = CACHE / "image-e2e.tar"
        self._archive.unlink(missing_ok=True)
        build = (sys.executable, "-m", "hack.image", f"--tag={_TAG}", f"--archive={self._archive}")
        self._build = None if os.environ.get("IMAGE") else subprocess.Popen(build, cwd=ROOT, process_group=0)

    def bring(self) -> str:
        """Wait until it is built, and load it into the cluster, which pulls the other; return its name."""
        if self._build is None:
            return self._name
        if self._build.wait() != 0:
            raise subprocess.CalledProcessError(self._build.returncode, self._build.args)
        return _load(self._archive, self._name)

    def close(self) -> None:
        """End what still builds it, and remove the archive."""
        if self._build is not None and self._build.poll() is None:
            os.killpg(self._build.pid, signal.SIGTERM)
            self._build.wait()
        self._archive.unlink(missing_ok=True)


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
