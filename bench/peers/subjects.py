"""The proxies that are compared: ours and the peers, each with the same of what a proxy can do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import payloads
from bench.peers.build import build, build_rust
from bench.peers.oms import TOKEN_PATH, Oms
from bench.processes import free_port
from bench.subjects import AUDIENCE, ISSUER, Subject, Workbench

OURS: Final = "ours"
GO: Final = "Go"
GO_JSON_V2: Final = "Go, json/v2"
RUST: Final = "Rust"
NAIVE: Final = "naive"
ALL: Final = (OURS, GO, GO_JSON_V2, RUST)
MAX_CONNECTIONS: Final = 100
"""To the OMS; twice as many requests are in flight at most."""
_CLIENT: Final = {"clientId": "bench", "clientSecret": "not-a-secret"}


class Line(NamedTuple):
    """What a proxy does for a request beside the read itself, which is counted by metrics in all of them."""

    name: str
    about: str
    verifies: bool = False
    """Tokens; and writes the log of requests."""
    secured: bool = False
    """TLS to the OMS, and its access token by OAuth2; else plain http with Basic."""
    mapped: bool = False
    """The OMS has another shape."""


PLAIN: Final = Line("plain", "behind an edge that has verified the token, no log, http to the OMS")
DEFAULT: Final = Line("default", "tokens verified, requests logged, http to the OMS", verifies=True)
SECURED: Final = Line("secured", "the same, TLS to the OMS, OAuth2", verifies=True, secured=True)
REALISTIC: Final = Line("realistic", "the same, the OMS's shape mapped", verifies=True, secured=True, mapped=True)
LINES: Final = (PLAIN, DEFAULT, SECURED, REALISTIC)


@dataclass(frozen=True)
class Stand:
    """Where subjects are started: a folder for their files, and the OMS that all of them call."""

    folder: Path
    oms: Oms
    bench: Workbench

    @classmethod
    def at(cls, folder: Path, oms: Oms) -> "Stand":
        """Return one with a key and tokens of its own."""
        folder.mkdir(parents=True)
        if oms.ca is not None:
            _write(folder / "tls" / "ca" / "ca.crt", oms.ca.read_text())
        return cls(folder, oms, Workbench(folder, oms.process.port, tls=oms.ca is not None))

    def subject(self, name: str, line: Line) -> Subject:
        """Return one of the proxies that can do what a line says.

        Raises:
            MissingError: It can't be built.

        """
        if name == OURS:
            return self._ours(line)._replace(name=name)
        if name == NAIVE:
            return self.bench.naive()
        return self._peer(name, _program(name), line)

    def _ours(self, line: Line) -> Subject:
        parts: dict[str, Any] = {}
        upstream: dict[str, Any] = {"maxConnections": MAX_CONNECTIONS}
        credentials = None
        if line.verifies:
            parts["access"] = self.bench.verifying
        if line.mapped:
            parts["mapping"] = payloads.MAPPING
            upstream["operations"] = payloads.MAPPED_OPERATIONS
        if line.secured:
            parts["auth"] = {"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"]}}
            credentials = self.folder / "oauth2"
            for key, value in (_CLIENT | {"authUrl": f"{self.oms.url}{TOKEN_PATH}"}).items():
                _write(credentials / key, value)
        return self.bench.ours(
            line.name,
            parts,
            upstream,
            log_level="info" if line.verifies else "warning",
            credentials=credentials,
        )

    def _peer(self, name: str, program: Path, line: Line) -> Subject:
        port = free_port()
        config: dict[str, Any] = {
            "listen": f"127.0.0.1:{port}",
            "admin": f"127.0.0.1:{free_port()}",
            "tenant_id": payloads.TENANT,
            "tenant_name": "bench",
            "upstream": self.oms.url,
            "basic": "user:password",
            "log": line.verifies,
            "mapped": line.mapped,
            "max_connections": MAX_CONNECTIONS,
        }
        if line.verifies:
            config |= {"jwks": str(self.bench.jwks), "issuer": ISSUER, "audience": AUDIENCE}
        if line.secured:
            grant = {"client_id": _CLIENT["clientId"], "client_secret": _CLIENT["clientSecret"]}
            config |= {"ca": str(self.oms.ca), "oauth2": {"url": f"{self.oms.url}{TOKEN_PATH}", **grant}}
        path = self.folder / f"{name.replace('/', '-')}-{line.name}.json"
        path.write_text(json.dumps(config))
        return Subject(name, [program, "-config", path], port)


def build_all() -> None:
    """Build all peers, and what makes load, which takes minutes the first time; with all cores.

    Raises:
        MissingError: One can't be built.

    """
    build("load")
    for name in (GO, GO_JSON_V2, RUST):
        _program(name)


def _program(name: str) -> Path:
    if name == RUST:
        return build_rust("rustproxy")
    return build("goproxy", experiment="jsonv2" if name == GO_JSON_V2 else "")


def names(line: Line) -> Iterator[str]:
    """Return whom a line compares: the naive forwarder can do no more than the plain one."""
    yield from ALL
    if line is PLAIN:
        yield NAIVE


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
