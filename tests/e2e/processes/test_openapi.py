"""docs/openapi.yaml is true: schemathesis holds a running proxy against it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.commands import BIN, ServeProcess, free_ports, run, serve
from support.proxy import tokens
from tenantproxy.credentials.stores.files import write_keys

OPENAPI = Path(__file__).parents[3] / "docs" / "openapi.yaml"
CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,negative_data_rejection,positive_data_acceptance,unsupported_method,ignored_auth"
)


@contextlib.asynccontextmanager
async def mock_oms() -> AsyncIterator[str]:
    """Run the mock OMS as a process; yield its base URL."""
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        BIN / "tenantproxy", "mock-oms", "--port", str(port), "--basic", "user:right",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[ServeProcess]:
    write_keys(tmp_path / "credentials", {"username": "user", "password": "right"})
    async with mock_oms() as url:
        config = {
            "version": 1,
            "tenant": {"id": tokens.TENANT, "name": "acme"},
            "upstream": {"url": url, "allowInsecure": True, "allowPrivateNetworks": True},
            "access": tokens.access(tmp_path),
        }
        async with serve(tmp_path, config, "--log-level", "warning") as running:
            yield running


@pytest.mark.parametrize(
    ("operations", "token"),
    [
        (("getOrder", "searchOrders"), tokens.machine_token()),
        (("putProxyConfig",), tokens.user_token(email=tokens.ADMIN_EMAIL)),
    ],
    ids=["reads", "proxy-config"],
)
async def test_the_description_is_true(proxy: ServeProcess, operations: tuple[str, ...], token: str) -> None:
    """Whatever the description allows is accepted, what it forbids is refused, and answers are as described."""
    included = [option for operation in operations for option in ("--include-operation-id", operation)]
    status, out, err = await run(
        *("schemathesis", "--config-file", str(CONFIG), "run", str(OPENAPI), "--url", proxy.api, *included),
        *("--header", f"Authorization: Bearer {token}", "--header", f"Tenant-Id: {tokens.TENANT}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "1"),
        *("--generation-database", "none", "--no-color"),
        timeout=240,
    )
    assert status == 0, out + err
    assert '"error"' not in proxy.log
