"""What a process takes in the image at rest: `PYTHONPATH=tests python -m bench.memory ROOT`, as root, on Linux.

ROOT is the image's file system, such as `buildah mount` shows it. Each case is started some times, and measured as
`make bench` does, half a second after its first answer. Before, all of ROOT is dropped from the page cache: there,
what was just written is kept in larger pieces than what is read, and is mapped in larger pieces, too.
"""

import asyncio
import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal, NamedTuple, get_args

from bench.processes import OTHER_CORE, BenchError, free_port, running
from support.apiserver.scripts import PlayedSecret
from support.certificates import HERE, Authority
from support.proxy import tokens
from support.proxy.configuration import configuration
from support.proxy.oms import ORDER_ANSWER, RawServer, answering, http
from support.proxy.relaying import SECRETS, event_of, login, signed
from support.proxy.running import BASIC, GET_PATH
from support.proxy.tls_server import TlsServer
from tenantproxy.credentials.stores.files import write_keys

_STARTS: Final = 7
"""Of which the first one fills the page cache."""
_SETTLE: Final = 0.5
_USER: Final = "65532:65532"
_FILES: Final = "/mnt"
"""In the image."""
_CAS: Final = "etc/ssl/certs/ca-certificates.crt"
_ISOLATED: Final = """set -e
chown -R "$4" "$2" && chmod 755 "$2"
mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --bind "$2" "$1$3"
root=$1 user=$4 && shift 4
exec chroot --userspec="$user" --groups="" "$root" env -i "$@"
"""
_ENVIRONMENT: Final = (
    *("PATH=/opt/tenantproxy/bin:/bin:/usr/bin", "HOME=/nonexistent", "USER=nonroot", "PYTHONCOERCECLOCALE=0"),
)
"""As in the Dockerfile."""


_Management = Literal["platform", "tenant"]
_Oms = Literal["http", "own CA", "public CA"]
_MANAGEMENTS: Final[tuple[_Management, ...]] = get_args(_Management)
_OMSES: Final[tuple[_Oms, ...]] = get_args(_Oms)


class Case(NamedTuple):
    """A process, and whom it talks with."""

    mode: Literal["trusted", "jwt", "relay"]
    management: _Management = "platform"
    """`tenant`: it follows its Secret."""
    oms: _Oms = "http"
    """Its URL begins with that, or it is https and has a certificate of such a CA."""


_CASES: Final = (
    *(Case("trusted", management, oms) for management in _MANAGEMENTS for oms in _OMSES),
    *(Case("jwt", management, oms) for management in _MANAGEMENTS for oms in _OMSES),
    *(Case("relay", oms=oms) for oms in _OMSES),
)


class Taken(NamedTuple):
    """MiB of a process."""

    resident: float
    own: float
    """What no other process can share with it."""


class _Started(NamedTuple):
    """How a process is started, and asked for the first time."""

    options: list[str]
    environment: list[str]
    request: tuple[str, str, dict[str, str], bytes | None]


@asynccontextmanager
async def _around(case: Case, root: Path, folder: Path) -> AsyncIterator[_Started]:
    """Run the servers that a process needs, with its files in `folder`."""
    authority = Authority()
    pair = authority.issue(*HERE)
    play = answering(http(200) if case.mode == "relay" else ORDER_ANSWER)
    options, environment = [*("--credentials", f"{_FILES}/credentials"), *("--tls", f"{_FILES}/tls")], []
    async with AsyncExitStack() as servers:
        server = RawServer(play) if case.oms == "http" else TlsServer(play, pair)
        oms = await servers.enter_async_context(server)
        if case.oms == "own CA":
            write_keys(folder / "tls/ca", {"ca.crt": authority.pem})
        elif case.oms == "public CA":
            (folder / "cas").write_text(authority.pem + (root / _CAS).read_text())
            environment += [f"SSL_CERT_FILE={_FILES}/cas"]
        if case.management == "tenant":
            secret = PlayedSecret({key: base64.b64encode(each.encode()).decode() for key, each in BASIC.items()})
            api = await servers.enter_async_context(TlsServer(secret, pair))
            write_keys(folder / "account", {"ca.crt": authority.pem, "namespace": "acme", "token": "t"})
            options += ["--secret", "s", "--service-account", f"{_FILES}/account"]
            environment += ["KUBERNETES_SERVICE_HOST=127.0.0.1", f"KUBERNETES_SERVICE_PORT={api.port}"]
        else:
            write_keys(folder / "credentials", BASIC)
        sections, request = _asked(case, folder)
        if case.mode == "relay":
            options = ["poslog", "serve", *options, "--poslog-secrets", f"{_FILES}/poslog"]
        else:
            options = ["serve", *options]
        upstream = {"tls": {"ca": case.oms == "own CA"}}
        (folder / "config.json").write_text(json.dumps(configuration(oms.url, upstream=upstream, **sections)))
        yield _Started(options, environment, request)


def _asked(case: Case, folder: Path) -> tuple[dict[str, Any], tuple[str, str, dict[str, str], bytes | None]]:
    """Return the configuration's sections of a case, and its request."""
    if case.mode == "relay":
        write_keys(folder / "poslog", SECRETS)
        event = event_of("pickup")
        sections = {"poslog": {"verification": {"sharedKey": True, "basic": True}}}
        return sections, ("POST", "/events", {**login(), **signed(event.body)}, event.body)
    if case.mode == "jwt":
        (folder / "jwks.json").write_text(json.dumps(tokens.jwks()))
        access = {"mode": "jwt", "issuers": tokens.issuers(jwksFile=f"{_FILES}/jwks.json")}
        return {"access": access}, ("GET", GET_PATH, tokens.bearer(tokens.machine_token()), None)
    return {}, ("GET", GET_PATH, {}, None)


async def _measure(case: Case, root: Path) -> Taken:
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        async with _around(case, root, folder) as started:
            port = free_port()
            command: list[str | Path] = [
                *("unshare", "--mount", "sh", "-c", _ISOLATED, "bench", root, folder, _FILES, _USER),
                *(*_ENVIRONMENT, *started.environment, "tenantproxy", *started.options),
                *("--config", f"{_FILES}/config.json", "--log-level", "warning"),
                *("--api", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}"),
            ]
            with running(command, port, OTHER_CORE) as process:
                await asyncio.to_thread(process.ask, *started.request)
                await asyncio.sleep(_SETTLE)
                return _taken(process.pid)


def _taken(pid: int) -> Taken:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kibibytes = {name: int(number) for name, number in re.findall(r"^(\w+): +(\d+) kB", rollup, re.MULTILINE)}
    return Taken(kibibytes["Rss"] / 1024, kibibytes["Private_Dirty"] / 1024)


def _drop_from_page_cache(root: Path) -> None:
    os.sync()
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> int:
    """Print the sizes, and return the exit status."""
    if len(sys.argv) != 2 or os.getuid() != 0:
        print("bench: as root, with the image's file system: python -m bench.memory ROOT", file=sys.stderr)
        return 2
    root = Path(sys.argv[1]).resolve()
    _drop_from_page_cache(root)
    print(f"{'MiB at rest':<42} {'resident':>8}  {'from .. to':<14} {'its own':>8}")
    for case in _CASES:
        found = [asyncio.run(_measure(case, root)) for _ in range(_STARTS)][1:]
        sizes = [each.resident for each in found]
        name = f"{case.mode}, management: {case.management}, {case.oms}"
        spread = f"{min(sizes):.1f} .. {max(sizes):.1f}"
        print(
            f"{name:<42} {median(sizes):8.1f}  {spread:<14} {median(each.own for each in found):8.1f}", flush=True
        )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
