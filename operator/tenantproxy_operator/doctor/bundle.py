"""A file for a ticket: all that was looked at, bounded in size, without secrets.

Secrets are never read. What people put where none belong is masked: values of environment variables, of fixed
headers and parameters, and of annotations that are nobody's here; in texts what looks like a token or a password.
"""

import io
import json
import os
import re
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
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

_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase)|pwd|assertion"
    r"|(?:client|shared|consumer|app)[_-]?secret|(?:access|refresh|id|auth|api|session)[_-]?token"
    r"|(?:api|access|account|private|subscription)[_-]?key)"
)
"""How names end whose values are secrets, whatever they look like."""
# Whoever writes a log's line must not hold doctor up: each part is bounded, or begins only once in a word.
_SECRETS: Final = re.compile(
    rf"""
    (?P<jwt>(?<![\w-])eyJ[\w-]{{4,}}\.[\w-]+\.[\w-]*)
    | (?P<before>\b(?:Bearer|Basic)\s+)(?=\S*[\d=+/])[\w.~+/=-]{{4,}}
    | (?P<scheme>\b\w{{1,20}}://)[^\s/@"']+@
    | (?P<key>(?:(?:{_NAMES}|authorization)["']?[ \t]*[:=]|(?<![\w-])--[\w-]{{0,40}}{_NAMES}[ ])[ \t]*)
      (?!Bearer\ \$TOKEN["'])
      (?:["']?(?:Bearer|Basic|Digest)[ ][^\s"',;&}}]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[^\s"',;&}}]+)
    | (?P<doubtful>(?:token|secret|cookie)["']?[ \t]*[:=][ \t]*["']?)(?=[^\s"',;&}}]{{0,200}}\d)[^\s"',;&}}]{{6,}}
    | (?P<query>[?&][\w.$-]{{0,99}}(?:key|sig|signature|token|secret|code)=)[^\s"'&\#]+
    | \b(?:gh[oprsu]|github_pat|glpat|shp(?:at|ca|pa|ss)|xox[abpr]|sk_live)[_-]\w[\w-]{{7,}}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SECRET_NAME: Final = re.compile(rf"(?:{_NAMES}|(?:^|[_-])(?:token|secret))$", re.IGNORECASE)
"""The name of a field, or of an option on a command line, whose value is a secret."""
_OWN_ANNOTATIONS: Final = re.compile(
    r"([\w.-]+\.)?(kubernetes\.io|k8s\.io|hiiretail\.com|helm\.sh|prometheus\.io)/.+"
)
"""Those that are Kubernetes', Helm's or ours; in any other there may be anything."""


class BundleTooLargeError(Exception):
    """There is more than a ticket takes; the message says so, and the fix."""


def masked(text: str) -> str:
    """Return a text without what looks like a secret."""

    def kept(found: re.Match[str]) -> str:
        groups = found.groupdict()
        if groups["scheme"]:
            return f"{groups['scheme']}{MASK}@"
        before = next((groups[each] for each in ("before", "key", "doubtful", "query") if groups[each]), "")
        quote = found[0][len(before) : len(before) + 1] if groups["key"] else ""
        if quote in ('"', "'"):
            return f"{before}{quote}{MASK}{quote if found[0].endswith(quote) else ''}"
        return f"{before}{MASK}"

    return _SECRETS.sub(kept, text)


def cleaned(thing: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an object without noise, and without the values in which somebody may have put a secret."""
    if isinstance(thing, list):
        options = [None, *thing]
        return [
            MASK if _is_option(before) and isinstance(each, str) else cleaned(each)
            for before, each in zip(options, thing, strict=False)
        ]
    if not isinstance(thing, dict):
        return thing
    found: dict[str, Any] = {
        name: MASK if isinstance(value, str) and _SECRET_NAME.search(name) else cleaned(value)
        for name, value in thing.items()
        if name not in _NOISE
    }
    for name in ("env", "httpHeaders"):
        if isinstance(found.get(name), list):
            found[name] = [_valueless(each) for each in found[name]]
    for name, is_kept in _KEPT.items():
        if isinstance(found.get(name), dict):
            found[name] = {key: value if is_kept(key, value) else MASK for key, value in found[name].items()}
    return found


def _is_option(text: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(text, str) and text.startswith("-") and _SECRET_NAME.search(text) is not None


_KEPT: Final[Mapping[str, Callable[[str, Any], bool]]] = {
    "annotations": lambda key, _: _OWN_ANNOTATIONS.fullmatch(key) is not None,
    "headers": lambda _key, _value: False,
    # Of the query's parameters those that are of each request.
    "query": lambda _, value: isinstance(value, str) and "{" in value,
}
"""Maps of which some values, or all, may be secrets: which are kept."""
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
        yield from _of(f"tenants/{tenant.key}", tenant.objects, tenant.processes + tenant.relays)


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
