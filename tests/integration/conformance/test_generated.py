"""Generators can use docs/oms-openapi.yaml: a client reads at the mock OMS, and a server has exact amounts."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from support.conformance.runs import PASSWORD, USER, mock_oms
from support.tools import programs

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "oms-openapi.yaml"
SECONDS: Final = 120
READ: Final = """
import json, sys
from oms_client import ApiClient, ApiException, Configuration, Criteria, OrdersApi

url, username, password = sys.argv[1:]
headers = {"tenant_id": "T1", "correlation_id": "generated-client"}
with ApiClient(Configuration(host=url, username=username, password=password)) as client:
    orders = OrdersApi(client)
    order = orders.get_order("store-1", "CO-1004", **headers).customer_order
    found = orders.search_orders("store-1", criteria=Criteria(customerId=order.customer_id), **headers)
    try:
        orders.get_order("store-1", "CO-0", **headers)
    except ApiException as error:
        unknown = error.status
listed = [each.customer_order_id for each in found.customer_orders]
print(json.dumps([order.customer_order_id, len(order.items), listed, unknown]))
"""


async def _run(*command: str | Path, pythonpath: Path | None = None) -> str:
    environ = None if pythonpath is None else {"PYTHONPATH": str(pythonpath)}
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()[-4000:]
    return out.decode()


async def _generate(config: pytest.Config, language: str, target: Path, *options: str) -> None:
    jar = programs.directory("openapi_generator", config) / "openapi-generator-cli.jar"
    flags = ("-XX:TieredStopAtLevel=1", "-jar", jar)
    await _run("java", *flags, "generate", "-i", DOCUMENT, "-g", language, "-o", target, *options)


def _sources(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.rglob("*.java"))


async def test_a_generated_client(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """A Python client reads an order and searches with Basic, and knows a 404."""
    await _generate(pytestconfig, "python", tmp_path, "--package-name", "oms_client")
    async with mock_oms() as base:
        command = (sys.executable, "-c", READ, f"{base}/api/v1", USER, PASSWORD)
        order_id, items, found, unknown = json.loads(await _run(*command, pythonpath=tmp_path))
    assert (order_id, unknown) == ("CO-1004", 404)
    assert items > 0
    assert "CO-1004" in found


async def test_a_generated_server(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """A Spring server has both reads, and a decimal for each amount: no float, no double."""
    await _generate(pytestconfig, "spring", tmp_path, "--global-property", "models,apis,supportingFiles=false")
    source = await asyncio.to_thread(_sources, tmp_path)
    amounts = re.findall(r"private (?:@Nullable )?(\S+) (unitPrice|\w+Amount)\b", source)
    assert {name for _, name in amounts} == {
        "contributedAmount",
        "discountAmount",
        "invoicingAmount",
        "minimumDownPaymentAmount",
        "unitPrice",
    }
    assert {kind for kind, _ in amounts} == {"BigDecimal"}
    assert {"getOrder", "searchOrders"} <= set(re.findall(r"ResponseEntity<\w+> (\w+)\(", source))
