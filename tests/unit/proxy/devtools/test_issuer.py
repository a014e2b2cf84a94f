"""The development issuer: tokens that the proxy itself accepts, over HTTP and as a command."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from yaml import safe_load

from tenantproxy.auth.claims import Caller, parse_token, verified_caller
from tenantproxy.config import Issuer
from tenantproxy.devtools.issuer import create_app, issuer_command
from tenantproxy.devtools.minting import Mint

TENANT = "CIR7nQwtS0rA6t0S6ejd"
BASE = "http://127.0.0.1:8692"
KEY = RSAKey.generate_key(2048, auto_kid=True)
NOW = 1_800_000_000
EXAMPLES = Path(__file__).parents[4] / "examples"

Client = TestClient[Any, Any]


@pytest.fixture
def mint() -> Mint:
    """Make the mint that the example issuers file describes."""
    return Mint(base=BASE, key=KEY, lifetime=60)


@pytest.fixture
async def issuer(mint: Mint) -> AsyncIterator[Client]:
    """Run an issuer."""
    async with TestClient(TestServer(create_app(mint))) as client:
        yield client


def _caller(token: str, kind: str, now: float) -> Caller:
    entries = safe_load((EXAMPLES / "dev" / "issuers.yaml").read_text())
    entry = next(entry for entry in entries if entry["kind"] == kind)
    issuer = Issuer(issuer=entry["issuer"], audiences=tuple(entry["audiences"]), kind=entry["kind"])
    claims = parse_token(token).claims
    assert claims["iss"] == issuer.issuer
    return verified_caller(claims, issuer, now)


def test_a_machine_token_is_of_its_tenant(mint: Mint) -> None:
    """The proxy finds the tenant inside the client id, and no user."""
    caller = _caller(mint.machine_token(TENANT, now=NOW), "ocms", NOW)
    assert (caller.tenant, caller.is_user) == (TENANT, False)


def test_a_machine_token_has_the_claims_of_ocms(mint: Mint) -> None:
    """Claims are those of Hii Retail's machine clients, and the client id is within its length."""
    claims = parse_token(mint.machine_token(TENANT, now=NOW, scopes=["orders"])).claims
    assert claims.keys() == {"iss", "aud", "client_id", "sub", "scp", "ext", "jti", "nbf", "iat", "exp"}
    assert claims["sub"] == claims["client_id"]
    assert len(claims["client_id"]) <= 255
    assert (claims["iat"], claims["exp"], claims["scp"]) == (NOW, NOW + 60, ["orders"])


def test_a_user_token_names_the_user(mint: Mint) -> None:
    """The proxy finds tenant, email, groups and roles of a staff user."""
    token = mint.user_token(TENANT, now=NOW, email="a@acme.example", groups=["g1"], roles=["iam.admin"])
    caller = _caller(token, "user", NOW)
    assert (caller.tenant, caller.is_user, caller.email) == (TENANT, True, "a@acme.example")
    assert (caller.groups, caller.roles) == (frozenset({"g1"}), frozenset({"iam.admin"}))


def test_a_token_can_be_made_wrong(mint: Mint) -> None:
    """Any claim can be replaced, so that refusals can be tried."""
    for minted in (mint.machine_token, mint.user_token):
        assert parse_token(minted(TENANT, now=NOW, claims={"aud": "other"})).claims["aud"] == "other"


async def test_a_token_is_signed_by_the_published_key(issuer: Client) -> None:
    """The JWK set verifies what the token endpoint answers, and holds nothing private."""
    token = await (await issuer.get("/token", params={"tenant": TENANT})).text()
    keys = await (await issuer.get("/.well-known/jwks.json")).json()
    assert keys["keys"][0].keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims["iss"] == f"{BASE}/"


async def test_a_token_is_plain_text_for_a_shell(issuer: Client) -> None:
    """`$(curl …)` is the token and nothing else."""
    params = [("tenant", TENANT), ("kind", "user"), ("email", "a@acme.example"), ("group", "g1"), ("group", "g2")]
    answer = await issuer.get("/token", params=params)
    assert answer.content_type == "text/plain"
    caller = _caller(await answer.text(), "user", time.time())
    assert (caller.email, caller.groups) == ("a@acme.example", frozenset({"g1", "g2"}))


@pytest.mark.parametrize("params", [{}, {"tenant": ""}, {"tenant": TENANT, "kind": "shopper"}])
async def test_a_bad_request_says_what_to_give(issuer: Client, params: dict[str, str]) -> None:
    """A request without a tenant or with an unknown kind is 400 and says how to ask."""
    answer = await issuer.get("/token", params=params)
    assert answer.status == 400
    assert "tenant=" in await answer.text()


def test_a_bad_key_file_is_named(tmp_path: Path) -> None:
    """A key file that holds no key is an error with its name, not a traceback."""
    path = tmp_path / "key.pem"
    path.write_text("nonsense")
    result = CliRunner().invoke(issuer_command, ["--port", "0", "--key-file", str(path)])
    assert result.exit_code == 1
    assert str(path) in result.output
    assert "Traceback" not in result.output
