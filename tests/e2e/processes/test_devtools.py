"""The development tools as processes: the first line, the end by a signal, a taken port, what they remember."""

import asyncio
import contextlib
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yaml import safe_load_all

from support.waiting import PATIENCE
from tenantproxy.credentials.basic import basic_authorization

PROGRAM = (sys.executable, "-c", "from tenantproxy.cli.main import main; main()")
EXAMPLES = Path(__file__).parents[3] / "examples"


@contextlib.asynccontextmanager
async def _running(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """Run a command on a free port; gives its process and the base URL that its first line names."""
    process = await asyncio.create_subprocess_exec(*PROGRAM, *arguments, "--port", "0", stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line
        yield process, found[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("command", ["mock-oms", "dev-issuer"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(command: str, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end a command at once, with status 0."""
    async with _running(command) as (process, _):
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0


async def test_options_for_every_type_of_credential() -> None:
    """A user without a password, a token, and an API key in two headers."""
    options = ("--basic", "sk_1:", "--bearer", "t", "--api-key", "X-App-Key:k", "--api-key", "X-App-Token:a:b")
    url = "/api/v1/business-units/store-1/customer-orders/CO-1001"
    async with _running("mock-oms", *options) as (_, base), aiohttp.ClientSession() as session:
        for headers in (
            {"Authorization": basic_authorization("sk_1", "")},
            {"Authorization": "Bearer t"},
            {"X-App-Key": "k", "X-App-Token": "a:b"},
        ):
            async with session.get(base + url, headers={"Tenant-Id": "T", **headers}) as answer:
                assert answer.status == 200


async def test_the_defaults_know_the_example_tenants() -> None:
    """Without options the mock OMS takes the credentials of the example manifests, as `local --help` shows it."""
    secrets = [
        document["stringData"]
        for name in ("acme", "globex")
        for document in safe_load_all((EXAMPLES / f"{name}.yaml").read_text())
        if document["kind"] == "Secret"
    ]
    acme, globex = secrets
    async with _running("mock-oms") as (_, base), aiohttp.ClientSession(base) as session:
        order = "/api/v1/business-units/store-1/customer-orders/CO-1001"
        authorization = basic_authorization(acme["username"], acme["password"])
        async with session.get(order, headers={"Tenant-Id": "T", "Authorization": authorization}) as answer:
            assert answer.status == 200
        client = {"client_id": globex["clientId"], "client_secret": globex["clientSecret"]}
        async with session.post("/oauth2/token", data=client | {"grant_type": "client_credentials"}) as answer:
            assert answer.status == 200


async def test_a_kept_key_outlives_a_restart(tmp_path: Path) -> None:
    """With a key file, for its owner's eyes only, the next run publishes the same key."""
    path = tmp_path / "key.pem"
    seen = []
    for _ in range(2):
        async with (
            _running("dev-issuer", "--key-file", str(path)) as (_, base),
            aiohttp.ClientSession() as session,
        ):
            seen.append(await (await session.get(f"{base}/.well-known/jwks.json")).json())
    assert seen[0] == seen[1]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_taken_port_is_named() -> None:
    """A port that is taken is one line and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(*PROGRAM, "mock-oms", "--port", str(port), stderr=PIPE)
        _, message = await process.communicate()
    assert process.returncode == 1
    assert message.decode() == (
        f"Error: can't listen on 127.0.0.1:{port} (Address already in use); choose another --port\n"
    )
