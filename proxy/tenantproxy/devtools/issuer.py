"""The command `tenantproxy dev-issuer`: gives anyone any token; a development tool, never in production."""

import os
import time
from http import HTTPStatus
from pathlib import Path

import click
from aiohttp import web
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tenantproxy.devtools.minting import Mint
from tenantproxy.devtools.running import run

_EPILOG = """\b
Tokens are plain text, so that a shell can use them:
  TOKEN=$(curl -s 'http://127.0.0.1:8692/token?tenant=CIR7nQwtS0rA6t0S6ejd')
  ADMIN=$(curl -s 'http://127.0.0.1:8692/token?tenant=CIR7nQwtS0rA6t0S6ejd&kind=user&email=hiiretail@acme.example')

\b
Parameters: tenant; kind = ocms (a machine client, the default) or user; for users
email, and group and role, both repeatable.
"""


def create_app(mint: Mint) -> web.Application:
    """Return an application that answers the public key and any token that is asked for."""

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(mint.jwks())

    async def token(request: web.Request) -> web.Response:
        query = request.query
        tenant, kind = query.get("tenant"), query.get("kind", "ocms")
        if not tenant or kind not in ("ocms", "user"):
            text = "give tenant=TENANT_ID, and kind=ocms or kind=user\n"
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=text)
        if kind == "ocms":
            minted = mint.machine_token(tenant, now=time.time())
        else:
            minted = mint.user_token(
                tenant,
                now=time.time(),
                email=query.get("email"),
                groups=query.getall("group", []),
                roles=query.getall("role", []),
            )
        return web.Response(text=minted, headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", jwks)
    app.router.add_get("/token", token)
    return app


@click.command("dev-issuer", epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8692, show_default=True, help="Port to listen on; 0 picks a free one.")
@click.option("--lifetime", default=3600, show_default=True, help="Seconds that a token is valid.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the signing key in this file, created if missing, so that tokens survive a restart.",
)
def issuer_command(*, host: str, port: int, lifetime: int, key_file: Path | None) -> None:
    """Run a mock of Hii Retail's token issuers: any token for anyone. Never in production.

    Signs tokens of machine clients (OCMS) and of staff users with its own key, and publishes that key.
    `examples/dev/issuers.yaml` makes proxies accept them.
    """
    key = RSAKey.generate_key(2048, auto_kid=True) if key_file is None else _kept_key(key_file)
    run(
        lambda base: create_app(Mint(base=base, key=key, lifetime=lifetime)),
        host=host,
        port=port,
        banner="dev issuer on {base} (keys {base}/.well-known/jwks.json, tokens {base}/token?tenant=TENANT_ID)",
    )


def _kept_key(path: Path) -> RSAKey:
    try:
        if path.exists():
            key = RSAKey.import_key(path.read_bytes())
            key.ensure_kid()
            return key
        key = RSAKey.generate_key(2048, auto_kid=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.as_pem(private=True))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    except (JoseError, ValueError):
        raise click.ClickException(f"{path}: not an RSA private key in PEM; remove it to create one") from None
    return key


if __name__ == "__main__":
    issuer_command()
