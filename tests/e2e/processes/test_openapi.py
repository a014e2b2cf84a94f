"""docs/openapi.yaml is true: schemathesis holds a running proxy against it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.commands import ServeProcess, run
from support.proxy import tokens
from support.proxy.described import described_proxy, mock_oms
from support.tools import openapi

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,negative_data_rejection,positive_data_acceptance,unsupported_method,ignored_auth"
)


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[ServeProcess]:
    async with mock_oms() as url, described_proxy(tmp_path, url) as running:
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
        *("schemathesis", "--config-file", str(CONFIG), "run", str(openapi.PATH), "--url", proxy.api, *included),
        *("--header", f"Authorization: Bearer {token}", "--header", f"Tenant-Id: {tokens.TENANT}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "1"),
        *("--generation-database", "none", "--no-color"),
        timeout=240,
    )
    assert status == 0, out + err
    assert '"error"' not in proxy.log
