"""What is published to a registry, and a registry on loopback to try it with."""

import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hack.programs import release
from hack.release import ReleaseError
from hack.release.artifacts import run_helm
from hack.release.commands import run


class Published(NamedTuple):
    """Something in a registry."""

    name: str
    """Without a tag, such as ghcr.io/owner/tenantproxy."""
    digest: str


def crane(*arguments: str | Path) -> str:
    """Run crane, which takes its logins from Docker's configuration; return what it printed.

    Raises:
        ReleaseError: It failed.

    """
    return run(release.PROGRAMS.directory() / "crane", *arguments).strip()


def publish_image(layouts: Sequence[Path], name: str, version: str) -> Published:
    """Push an image for each architecture, an OCI layout, and an index of them all, under the version.

    Raises:
        ReleaseError: The registry refused it.

    """
    pushed = []
    for layout in layouts:
        reference = crane("push", layout, f"{name}:{version}-{layout.name}")
        pushed.append(f"{name}@{reference.rpartition('@')[2]}")
    manifests = [word for reference in pushed for word in ("--manifest", reference)]
    crane("index", "append", *manifests, "--tag", f"{name}:{version}")
    return Published(name, crane("digest", f"{name}:{version}"))


def publish_chart(chart: Path, parent: str, *options: str) -> Published:
    """Push a packaged chart, under its own name and version, to a folder of the registry.

    Raises:
        ReleaseError: The registry refused it.

    """
    name, _, version = chart.name.removesuffix(".tgz").rpartition("-")
    run_helm("push", chart, f"oci://{parent}", *options)
    return Published(f"{parent}/{name}", crane("digest", f"{parent}/{name}:{version}"))


@contextmanager
def local_registry() -> Iterator[str]:
    """Run a registry on loopback, in memory; give its host and port.

    Raises:
        ReleaseError: It does not start.

    """
    program = release.PROGRAMS.directory() / "crane"
    process = subprocess.Popen(
        (program, "registry", "serve", "--address", "127.0.0.1:0"), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    line = process.stderr.readline()
    # It logs each request: a full pipe would stop it.
    reader = threading.Thread(target=process.communicate)
    reader.start()
    try:
        found = re.search(r"serving on port (\d+)", line)
        if found is None:
            raise ReleaseError(f"the registry on loopback did not start: {line}")
        yield f"127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        reader.join()
