"""A third-party OAuth2 server: authlib's, on Flask, in a thread."""

import contextlib
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from flask import Flask, Response
from werkzeug.serving import make_server


class Client(ClientMixin):
    """The one client that the server knows; a test may change its secret at any time."""

    def __init__(self, client_id: str, secret: str, methods: set[str]) -> None:
        self.client_id = client_id
        self.secret = secret
        self.methods = methods

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: Collection[str] | str | None) -> str:
        return scope if isinstance(scope, str) else " ".join(scope or ())

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in self.methods

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class AuthlibIdp:
    """The running server: its URL, its client, and the tokens that are still valid."""

    def __init__(self, client: Client, lifetime: int) -> None:
        self.client = client
        self.valid: dict[str, float] = {}
        app = Flask("idp")
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": lifetime}
        server = AuthorizationServer(app, query_client=self._query, save_token=self._save)
        server.register_grant(_ClientCredentials)

        @app.post("/token")
        def token() -> Response:
            return cast("Response", server.create_token_response())

        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/token"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _query(self, client_id: str) -> Client | None:
        return self.client if client_id == self.client.client_id else None

    def _save(self, token: dict[str, Any], _request: object) -> None:
        self.valid[token["access_token"]] = time.monotonic() + token["expires_in"]


@contextlib.contextmanager
def authlib_idp(client: Client, *, lifetime: int = 3600) -> Iterator[AuthlibIdp]:
    """Run the server on a free port of the loopback."""
    idp = AuthlibIdp(client, lifetime)
    idp.start()
    try:
        yield idp
    finally:
        idp.stop()
