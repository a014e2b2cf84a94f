"""Keycloak, a third-party identity provider, as a process of the test."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from support.tools.daemons import Watchdog
from support.waiting import until

REALM: Final = "stores"
CLIENT: Final = "tenantproxy"
LIFETIME: Final = 10
"""Of a token, in seconds; a replica fetches the next one well before."""
_START_SECONDS: Final = 240.0
"""Its first start compiles itself: a minute and more on busy cores."""


class Keycloak:
    """A server with one realm and one confidential client, whose tokens are for the audience `orders`."""

    def __init__(self, directory: Path, folder: Path, host: str) -> None:
        """Start it at `host`; tokens live `LIFETIME` seconds."""
        with socket.create_server((host, 0)) as free:
            port = int(free.getsockname()[1])
        self._base = f"http://{host}:{port}"
        self.issuer = f"{self._base}/realms/{REALM}"
        self.token_url = f"{self.issuer}/protocol/openid-connect/token"
        self.secret = secrets.token_urlsafe(16)
        self._password = secrets.token_urlsafe(16)
        self._log = folder / "keycloak.log"
        home = folder / "keycloak"
        # It writes into its own directory, and the cache's is not ours alone.
        shutil.copytree(directory, home)
        realm = home / "data" / "import" / "realm.json"
        realm.parent.mkdir(parents=True)
        realm.write_text(json.dumps(_realm(self.secret)))
        self._watchdog = Watchdog()
        self._process = self._watchdog.start(
            home / "bin" / "kc.sh",
            "start-dev",
            "--import-realm",
            f"--http-host={host}",
            f"--http-port={port}",
            log=self._log,
            environ=os.environ
            | {
                "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
                "KC_BOOTSTRAP_ADMIN_PASSWORD": self._password,
                "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m",
            },
        )

    def wait(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            assert self._process.poll() is None, self._log.read_text()
            with contextlib.suppress(OSError):
                _call("GET", f"{self.issuer}/.well-known/openid-configuration")
                return True
            return False

        until(answers, within=_START_SECONDS, what=self._log.read_text)

    def rotate(self) -> str:
        """Give the client another secret, which is the only one that counts from now on; return it."""
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": "admin",
            "password": self._password,
        }
        url = f"{self._base}/realms/master/protocol/openid-connect/token"
        token = _call("POST", url, form=form)["access_token"]
        clients = f"{self._base}/admin/realms/{REALM}/clients"
        (client,) = _call("GET", f"{clients}?clientId={CLIENT}", token=token)
        self.secret = _call("POST", f"{clients}/{client['id']}/client-secret", token=token)["value"]
        return self.secret

    def stop(self) -> None:
        """End it, and the Java that its script has started."""
        self._watchdog.close()
        self._process.wait()


@contextlib.contextmanager
def starting(directory: Path, folder: Path, host: str) -> Iterator[Keycloak]:
    """Start one from the distribution in `directory`, and stop it at the end; it is there after `wait`."""
    server = Keycloak(directory, folder, host)
    try:
        yield server
    finally:
        server.stop()


def _realm(secret: str) -> dict[str, Any]:
    audience = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "orders", "access.token.claim": "true"},
    }
    client = {
        "clientId": CLIENT,
        "secret": secret,
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "protocolMappers": [audience],
    }
    return {"realm": REALM, "enabled": True, "accessTokenLifespan": LIFETIME, "clients": [client]}


def _call(method: str, url: str, *, token: str = "", form: dict[str, str] | None = None) -> Any:
    """Return the parsed answer. Raises OSError."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - a server of ours
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return json.load(answer)
