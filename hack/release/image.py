"""The image of a release, by buildah as root.

The same commit, base image and Debian packages give the same digest.
"""

import platform
from pathlib import Path
from typing import Final

from hack.image.engines import Buildah, EngineError
from hack.release import ReleaseError
from hack.release.sbom import write_system_sbom
from hack.release.source import Source

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """Return this machine's, as registries call it.

    Raises:
        ReleaseError: Images are not released for it.

    """
    try:
        return _ARCHITECTURES[platform.machine()]
    except KeyError:
        raise ReleaseError(
            f"images are released for {', '.join(_ARCHITECTURES.values())}; this machine is {platform.machine()}"
        ) from None


def make_image(source: Source, folder: Path) -> str:
    """Build the image anew for this machine's architecture; return its digest.

    The folder gets an OCI layout with the architecture's name, and a bill of materials.

    Raises:
        ReleaseError: It can't be built.

    """
    tag = f"localhost/tenantproxy-release:{source.version}"
    labels = {"VERSION": source.version, "REVISION": source.revision}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        engine = Buildah()
        engine.build(tag, labels, source.epoch, source.root, cached=False)
        try:
            digest = engine.save_layout(tag, folder / architecture())
            with engine.mounted(tag) as root:
                write_system_sbom(root, architecture(), digest, source, folder / sbom_name(source.version))
        finally:
            engine.remove(tag)
    except EngineError as error:
        raise ReleaseError(f"the image can't be built: {error}") from error
    return digest


def sbom_name(version: str) -> str:
    """Return the name of the bill of materials of this machine's image."""
    return f"tenantproxy-{version}-image-{architecture()}.cdx.json"
