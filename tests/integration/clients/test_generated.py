"""docs/openapi.yaml makes clients that work: what a generator of others makes of it calls a running proxy."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from support.commands import ServeProcess
from support.proxy import tokens
from support.proxy.described import described_proxy, mock_oms
from support.tools import openapi, programs
from tenantproxy.credentials.kinds import KINDS

HERE: Final = Path(__file__).parent
PAGES: Final = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
CREDENTIALS: Final = [
    {"type": "basic", "config": {"username": "user", "password": ""}},
    {
        "type": "oauth2",
        "config": {
            "clientId": "id",
            "clientSecret": "secret",
            "authUrl": "https://sso.acme.example/token",
            "scope": "orders",
            "audience": "oms",
            "clientAuth": "client_secret_post",
            "tokenHeader": "X-Token",
        },
    },
    {"type": "bearer", "config": {"bearerToken": "token"}},
    {
        "type": "apiKey",
        "config": {
            "headerName": "X-Key",
            "headerValue": "key",
            "secondHeaderName": "X-Second",
            "secondHeaderValue": "second",
        },
    },
]
"""One of each kind, with all of its fields: what a client reads from JSON, it sends as it was."""


class Described:
    """A running proxy, and what a client has to know of it."""

    def __init__(self, proxy: ServeProcess, oms: str) -> None:
        self._oms = oms
        self.environment = {
            "URL": proxy.api,
            "READER": tokens.machine_token(),
            "ADMIN": tokens.user_token(email=tokens.ADMIN_EMAIL),
            "AUTH_URL": f"{oms}/oauth2/token",
            "CREDENTIALS": json.dumps(CREDENTIALS),
        }

    async def expected(self) -> dict[str, Any]:
        """Return what every client must get."""
        url = f"{self._oms}/api/v1/business-units/store-1/customer-orders/CO-1001"
        headers = {"Authorization": aiohttp.encode_basic_auth("user", "right"), "Tenant-Id": tokens.TENANT}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            order = (await response.json())["customerOrder"]
        return {
            "order": "CO-1001",
            "unitPrice": order["items"][0]["unitPrice"],
            "found": True,
            "criteria": [True, "invalid-request", ["/email"]],
            "unknown": [True, "order-not-found", []],
            "read": CREDENTIALS,
            "stored": [["oauth2", "id", "accepted"]] * 2,
            "withToken": "CO-1001",
        }


@pytest.fixture
async def described(tmp_path: Path) -> AsyncIterator[Described]:
    """Run a proxy whose admin may name a token endpoint on loopback."""
    auth = {"tokenEndpoint": {"allowNetworks": ["127.0.0.0/8"]}}
    async with mock_oms("--client", "id:secret") as oms, described_proxy(tmp_path, oms, auth=auth) as proxy:
        yield Described(proxy, oms)


async def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; return its standard output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def _generate(config: pytest.Config, generator: str, target: Path) -> None:
    jar = programs.directory("openapi_generator", config) / "openapi-generator-cli.jar"
    options = ("-i", openapi.PATH, "-g", generator, "-o", target, "--global-property", PAGES)
    await _run("java", "-jar", jar, "generate", *options)


def test_each_kind_is_read() -> None:
    """CREDENTIALS has every kind, and all of its fields."""
    fields = {kind.type: {*kind.required_keys, *kind.optional_keys} for kind in KINDS.values()}
    assert {each["type"]: {*each["config"]} for each in CREDENTIALS} == fields


async def test_python(described: Described, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """It has a model for each thing, takes any identity provider's URL, and refuses a credential of no kind."""
    await _generate(pytestconfig, "python", tmp_path / "generated")
    environment = {**described.environment, "PYTHONPATH": str(tmp_path / "generated")}
    got = await _run(sys.executable, HERE / "client.py", environment=environment)
    assert json.loads(got) == await described.expected() | {"refused": True}


async def test_typescript(described: Described, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """It compiles strictly, knows a credential by its type, and sends each criterion."""
    await _generate(pytestconfig, "typescript-fetch", tmp_path / "generated")
    (tmp_path / "client.ts").write_text((HERE / "client.ts").read_text())
    compiler = programs.directory("typescript", pytestconfig) / "tsc"
    options = ("--strict", "--target", "es2022", "--module", "commonjs", "--lib", "es2022,dom")
    await _run(compiler, *options, "--outDir", tmp_path / "built", tmp_path / "client.ts")
    got = await _run("node", tmp_path / "built" / "client.js", environment=described.environment)
    assert json.loads(got) == await described.expected()
