"""The proxies that are compared, and the requests that they get."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from joserfc.jwk import RSAKey

from bench import payloads
from bench.processes import free_port, script
from tenantproxy.devtools.minting import Mint

_ISSUER: Final = "https://issuer.example"
_MACHINE_AUDIENCE: Final = "https://hiiretail.com"


class Subject(NamedTuple):
    """A proxy and how to start it."""

    name: str
    command: list[str | Path]
    port: int


class Operation(NamedTuple):
    """A request that each subject gets alike."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None

    def raw(self) -> bytes:
        """Return the request as bytes, as a client with keep-alive sends it."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: proxy.example"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + (self.body or b"")


class Workbench:
    """The files of one run: configurations, a credential, an issuer's key; and a token that is signed with it."""

    def __init__(self, folder: Path, upstream_port: int) -> None:
        self._folder = folder
        self._upstream = f"http://127.0.0.1:{upstream_port}"
        credentials = folder / "credentials"
        credentials.mkdir()
        for key, value in {"username": "user", "password": "password"}.items():
            (credentials / key).write_text(value)
        mint = Mint(base=_ISSUER, key=RSAKey.generate_key(2048, auto_kid=True))
        (folder / "jwks.json").write_text(json.dumps(mint.jwks()))
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {mint.machine_token(payloads.TENANT, now=time.time())}",
            "Tenant-Id": payloads.TENANT,
            "User-Agent": "bench/1",
        }
        self.get = Operation("GET", "GET", f"/api/v1{payloads.GET_PATH}", headers, None)
        self.search = Operation(
            "search",
            "POST",
            f"/api/v1{payloads.SEARCH_PATH}",
            headers | {"Content-Type": "application/json"},
            payloads.CRITERIA,
        )

    def naive(self) -> Subject:
        """Return the yardstick."""
        port = free_port()
        options = ["--port", str(port), "--upstream", self._upstream, "--tenant", payloads.TENANT]
        return Subject("naive", [*script("naive_forwarder"), *options], port)

    def trusted(self) -> Subject:
        """Return our proxy behind an edge that has checked the token."""
        return self._ours("trusted", {"access": {"mode": "trusted"}})

    def logged(self) -> Subject:
        """Return the same with the lines of its log."""
        return self._ours("logged", {"access": {"mode": "trusted"}}, log_level="info")

    def jwt(self) -> Subject:
        """Return our proxy where it checks the token."""
        issuer = {
            "issuer": f"{_ISSUER}/",
            "audiences": [_MACHINE_AUDIENCE],
            "kind": "ocms",
            "jwksFile": str(self._folder / "jwks.json"),
        }
        return self._ours("jwt", {"access": {"mode": "jwt", "issuers": [issuer]}})

    def mapped(self) -> Subject:
        """Return our proxy of a tenant whose OMS has another shape."""
        return self._ours("mapped", {"mapping": payloads.MAPPING}, {"operations": payloads.MAPPED_OPERATIONS})

    def before(self, subject: Subject, checkout: Path) -> Subject:
        """Return one of our proxies as another checkout has it, in its own `.venv` (`make sync` makes it)."""
        port = free_port()
        command = [checkout / ".venv" / "bin" / "tenantproxy", *subject.command[1:]]
        command[command.index(f"127.0.0.1:{subject.port}")] = f"127.0.0.1:{port}"
        command[command.index("--admin") + 1] = f"127.0.0.1:{free_port()}"
        return Subject(f"{subject.name}, before", command, port)

    def _ours(
        self,
        name: str,
        parts: dict[str, Any],
        upstream: dict[str, Any] | None = None,
        *,
        log_level: str = "warning",  # as the naive one: no line per request
    ) -> Subject:
        config = {
            "version": 1,
            "tenant": {"id": payloads.TENANT, "name": "bench"},
            "access": {"mode": "trusted"},
            **parts,
            "upstream": {
                "url": self._upstream,
                "allowInsecure": True,
                "allowPrivateNetworks": True,
                **(upstream or {}),
            },
        }
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(config))
        port = free_port()
        return Subject(
            name,
            [
                *(Path(sys.executable).with_name("tenantproxy"), "serve"),
                *("--config", path, "--credentials", self._folder / "credentials"),
                *("--api", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}"),
                *("--log-level", log_level),
            ],
            port,
        )
