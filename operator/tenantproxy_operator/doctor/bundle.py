"""A file for a ticket: all that was looked at, bounded in size, without secrets.

Secrets are never read. What people put where none belong is masked: values of environment variables and of fixed
headers, and in texts whatever looks like a token or a password.
"""

import io
import json
import os
import re
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tenantproxy_operator.doctor.view import Process, View
from tenantproxy_operator.manifests.writer import to_yaml

LONGEST_FILE: Final = 512 * 1024
"""Bytes of each; of logs the end is kept, of others the beginning."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all together, before they are compressed."""
MASK: Final = "***"
SUFFIXES: Final = (".tar.gz", ".tgz", ".zip")

_SECRETS: Final = re.compile(
    r"""
    (?P<jwt>eyJ[\w-]{4,}\.[\w-]+\.[\w-]*)
    | (?P<before>\b(?:Bearer|Basic)\s+)(?=\S*[\d=+/])[\w.~+/=-]{4,}
    | (?P<scheme>\w+://)[^\s/@"']+@
    | (?P<key>["']?\b(?:password|client_?secret|access_token|refresh_token|api_?key|assertion)["']?\s*[:=]\s*["']?)
      [^\s"',;&}]+
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


class BundleTooLargeError(Exception):
    """There is more than a ticket takes; the message says so, and the fix."""


def masked(text: str) -> str:
    """Return a text without what looks like a secret."""

    def kept(found: re.Match[str]) -> str:
        groups = found.groupdict()
        if groups["scheme"]:
            return f"{groups['scheme']}{MASK}@"
        return f"{groups['before'] or groups['key'] or ''}{MASK}"

    return _SECRETS.sub(kept, text)


def cleaned(thing: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an object without noise, and without the values in which somebody may have put a secret."""
    if isinstance(thing, list):
        return [cleaned(each) for each in thing]
    if not isinstance(thing, dict):
        return thing
    found = {name: cleaned(value) for name, value in thing.items() if name not in _NOISE}
    for name in ("env", "httpHeaders"):
        if isinstance(found.get(name), list):
            found[name] = [_valueless(each) for each in found[name]]
    if isinstance(found.get("headers"), dict):
        found["headers"] = dict.fromkeys(found["headers"], MASK)
    return found


_NOISE: Final = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})


def _valueless(variable: Any) -> Any:  # noqa: ANN401 - JSON
    return variable | {"value": MASK} if isinstance(variable, dict) and "value" in variable else variable


def files(view: View, text: str, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and contents of a bundle's files: `text` and `document` are what doctor says."""
    yield "doctor.txt", text
    yield "doctor.json", json.dumps(document, indent=2) + "\n"
    if view.operator is not None:
        yield from _of("operator", view.operator.objects, view.operator.processes)
    for tenant in view.tenants:
        yield from _of(f"tenants/{tenant.key}", tenant.objects, tenant.processes)


def _of(folder: str, objects: Any, processes: tuple[Process, ...]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    for name, found in objects.items():
        yield f"{folder}/{name}.yaml", to_yaml(cleaned(found if isinstance(found, list) else [found]))
    for process in processes:
        if process.metrics:
            yield f"{folder}/metrics/{process.name}.txt", process.metrics.decode(errors="replace")
        if process.log:
            yield f"{folder}/logs/{process.name}.log", process.log[-LONGEST_FILE:]


def pack(name: str, contents: Iterable[tuple[str, str]]) -> bytes:
    """Return an archive of the kind that a file's name says.

    Raises:
        BundleTooLargeError: It would be too large for a ticket.

    """
    found: list[tuple[str, bytes]] = []
    total = 0
    for path, content in contents:
        data = masked(content).encode()[:LONGEST_FILE]
        total += len(data)
        if total > MOST_BYTES:
            raise BundleTooLargeError(f"there is over {MOST_BYTES >> 20} MiB to gather; name some tenants")
        found.append((path, data))
    buffer = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in found:
                archive.writestr(path, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for path, data in found:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mtime = len(data), time.time()
                tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def write(path: Path, contents: Iterable[tuple[str, str]]) -> None:
    """Write a bundle, readable for its owner only.

    Raises:
        OSError: It can't be written.
        BundleTooLargeError: It would be too large for a ticket.

    """
    packed = pack(path.name, contents)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(packed)
