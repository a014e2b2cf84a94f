"""Images of a few static files, written without any tool, as `docker load` and `ctr images import` read them."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_USER: Final = "65532:65532"


def write_image(
    archive: Path, tag: str, programs: Mapping[str, Path], entrypoint: Sequence[str], links: Mapping[str, str]
) -> None:
    """Write an image that holds some programs and links, each by its path without a leading slash."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        for path, source in programs.items():
            _add(files, path, source.read_bytes(), 0o755)
        for path, target in links.items():
            link = tarfile.TarInfo(path)
            link.type, link.linkname = tarfile.SYMTYPE, target
            files.addfile(link)
    content = layer.getvalue()
    configuration = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "User": _USER, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as files:
        _add(files, "layer.tar", content, 0o644)
        _add(files, "config.json", json.dumps(configuration).encode(), 0o644)
        _add(files, "manifest.json", json.dumps(manifest).encode(), 0o644)


def write_busybox(archive: Path, tag: str, program: Path) -> None:
    """Write an image of busybox, with its shell and the rest of what it can be called."""
    names = subprocess.run((program, "--list"), stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    links = {f"bin/{name}": "busybox" for name in names if name != "busybox"}
    write_image(archive, tag, {"bin/busybox": program}, ["/bin/busybox"], links)


def _add(files: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    files.addfile(entry, io.BytesIO(content))
