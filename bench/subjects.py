"""The proxies that are compared, and the requests that they get."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from joserfc.jwk import RSAKey

from bench import payloads
from bench.processes import free_port, script
from hack.compiled import proxy
from tenantproxy.devtools.minting import Mint

_BASE: Final = "https://issuer.example"
ISSUER: Final = f"{_BASE}/"
AUDIENCE: Final = "https://hiiretail.com"


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

    def __init__(self, folder: Path, upstream_port: int, *, tls: bool = False) -> None:
        """`tls`: that server has TLS, with the CA in the folder's `tls/ca/ca.crt`."""
        self._folder = folder
        self._tls = tls
        self._upstream = f"{'https' if tls else 'http'}://127.0.0.1:{upstream_port}"
        credentials = folder / "credentials"
        credentials.mkdir()
        for key, value in {"username": "user", "password": "password"}.items():
            (credentials / key).write_text(value)
        mint = Mint(base=_BASE, key=RSAKey.generate_key(2048, auto_kid=True))
        self.jwks.write_text(json.dumps(mint.jwks()))
        self._mint = mint
        headers = {
            "Accept": "application/json",
            "Authorization": self.authorization(),
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

    def authorization(self, subject: str | None = None) -> str:
        """Return the header of a client; each subject is another one."""
        claims = {} if subject is None else {"sub": subject}
        return f"Bearer {self._mint.machine_token(payloads.TENANT, now=time.time(), claims=claims)}"

    @property
    def jwks(self) -> Path:
        """The file with the issuer's key."""
        return self._folder / "jwks.json"

    @property
    def verifying(self) -> dict[str, Any]:
        """The part `access` of a proxy that checks tokens."""
        issuer = {"issuer": ISSUER, "audiences": [AUDIENCE], "kind": "ocms", "jwksFile": str(self.jwks)}
        return {"mode": "jwt", "issuers": [issuer]}

    def naive(self) -> Subject:
        """Return the yardstick."""
        port = free_port()
        options = ["--port", str(port), "--upstream", self._upstream, "--tenant", payloads.TENANT]
        return Subject("naive", [*script("naive_forwarder"), *options], port)

    def trusted(self) -> Subject:
        """Return our proxy behind an edge that has checked the token."""
        return self.ours("trusted", {"access": {"mode": "trusted"}})

    def logged(self) -> Subject:
        """Return the same with the lines of its log."""
        return self.ours("logged", {"access": {"mode": "trusted"}}, log_level="info")

    def jwt(self) -> Subject:
        """Return our proxy where it checks the token."""
        return self.ours("jwt", {"access": self.verifying})

    def mapped(self) -> Subject:
        """Return our proxy of a tenant whose OMS has another shape."""
        return self.ours("mapped", {"mapping": payloads.MAPPING}, {"operations": payloads.MAPPED_OPERATIONS})

    def before(self, subject: Subject, checkout: Path) -> Subject:
        """Return one of our proxies as another checkout has it, in its own `.venv` (`make sync` makes it)."""
        port = free_port()
        programs = checkout / ".venv" / "bin"
        command = [programs / "tenantproxy", *subject.command[len(proxy()) :]]
        if (checkout / "hack" / "compiled.py").exists():
            done = subprocess.run(
                [programs / "python", "-m", "hack.compiled"],
                cwd=checkout,
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
            command = ["/usr/bin/env", f"PYTHONPATH={done.stdout.strip()}", *command]
        command[command.index(f"127.0.0.1:{subject.port}")] = f"127.0.0.1:{port}"
        command[command.index("--admin") + 1] = f"127.0.0.1:{free_port()}"
        return Subject(f"{subject.name}, before", command, port)

    def ours(
        self,
        name: str,
        parts: dict[str, Any],
        upstream: dict[str, Any] | None = None,
        *,
        log_level: str = "warning",  # as the naive one: no line per request
        credentials: Path | None = None,
    ) -> Subject:
        """Return our proxy with parts of its configuration, some of them of `upstream`; by default with Basic."""
        config = {
            "version": 1,
            "tenant": {"id": payloads.TENANT, "name": "bench"},
            "access": {"mode": "trusted"},
            **parts,
            "upstream": {
                "url": self._upstream,
                "allowInsecure": True,
                "allowPrivateNetworks": True,
                "tls": {"ca": self._tls},
                **(upstream or {}),
            },
        }
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(config))
        port = free_port()
        return Subject(
            name,
            [
                *(*proxy(), "serve"),
                *("--config", path, "--credentials", credentials or self._folder / "credentials"),
                *("--tls", self._folder / "tls"),
                *("--api", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}"),
                *("--log-level", log_level),
            ],
            port,
        )
