"""An OMS with a different format, from its manifest in examples/ to the responses that clients get."""

import asyncio
import json
from pathlib import Path
from typing import Any

import yaml

from support.commands import run
from support.proxy.oms import RawServer, Received, http
from support.proxy.running import running_proxy
from tenantproxy.config import ProxyConfig, encode
from tenantproxy.credentials.basic import basic_authorization
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "mapping"
PATHS = {
    ("GET", "/rest/v2/stores/store-1/orders/4711"): "order.json",
    ("POST", "/rest/v2/stores/store-1/orders/query"): "search.json",
}

VARIABLES = ("TENANTPROXY_USERNAME", "TENANTPROXY_PASSWORD")
WRONG = basic_authorization("till", "MARKED")

ORDER = (
    b'{"customerOrder":{"customerOrderId":"4711","customerId":"C-100","status":"CREATED",'
    b'"minimumDownPaymentAmount":10.50,"isLocked":false,"invoicePaymentInstructions":{"customerAccountId":"A-7",'
    b'"invoicingAmount":100.10,"additionalInformation":[{"id":"requisition","value":"R-111",'
    b'"displayText":"Requisition number","receiptLabel":"Requisition number"}]},"items":[{"itemId":"stapler-red",'
    b'"quantityOrdered":2,"unitPrice":24.90,"discounts":[{"discountAmount":5,"discountId":"SPRING",'
    b'"discountText":"Spring sale","rewardType":"GLOBAL_ABSOLUTE"}]},{"itemId":"tps-report-cover",'
    b'"quantityOrdered":100,"unitPrice":0.1}]}}'
)
FOUND = (
    b'{"customerOrders":[{"customerOrderId":"4711","customerId":"C-100","status":"CREATED"},'
    b'{"customerOrderId":"4712","customerId":"unknown","status":"IN_PROGRESS"},'
    b'{"customerOrderId":"4713","customerId":"C-100","status":"FULFILLED"}]}'
)


async def initech(request: Received, writer: asyncio.StreamWriter) -> None:
    """Answer as the example's OMS, to whoever has the right password."""
    name = PATHS.get((request.method, request.target))
    answer = http(404) if name is None else http(200, (EXAMPLE / "oms-answers" / name).read_bytes())
    writer.write(answer if request.headers.get("authorization") != WRONG else http(401))


def rendered(url: str) -> tuple[ProxyConfig, dict[str, str]]:
    """Return the example's configuration with another URL, and the keys of its Secret."""
    manifest, secret = yaml.safe_load_all((EXAMPLE / "initech.yaml").read_text())
    manifest["spec"]["upstream"] |= {"url": url, "allowInsecure": True, "allowPrivateNetworks": True}
    manifest["spec"]["access"]["mode"] = "trusted"
    return render_config(TenantProxy.model_validate(manifest), Settings()), secret["stringData"]


async def test_from_manifest_to_answer(oms: RawServer, tmp_path: Path) -> None:
    """Other paths, names and status words: clients see the documented shape, amounts as the OMS wrote them."""
    oms.play = initech
    config, secret = rendered(f"{oms.url}/rest")
    async with running_proxy(config, tmp_path, secret) as proxy:
        units = "/api/v1/business-units/store-1"
        order = await proxy.get(f"{units}/customer-orders/4711")
        found = await proxy.request("POST", f"{units}/customer-orders:search", json={"customerId": "C-100"})
    assert order.body == ORDER
    assert found.body == FOUND


async def test_map_reads_from_the_oms(oms: RawServer, tmp_path: Path) -> None:
    """With a credential from the environment, and never without --url; the statuses are those of its help."""
    oms.play = initech
    config, keys = rendered("https://unused.example/rest")
    path, environ = tmp_path / "config.json", dict(zip(VARIABLES, keys.values(), strict=True))
    path.write_bytes(encode(config))

    async def mapped(*options: str, **changes: str) -> tuple[int, str, str]:
        return await run("tenantproxy", "map", "--config", path, *options, environ=environ | changes)

    at = ("--url", f"{oms.url}/rest", "--business-unit", "store-1")
    status, out, err = await mapped(*at, "--order", "4711")
    assert (status, json.loads(out), err) == (0, json.loads(ORDER), "")
    status, out, err = await mapped(*at, "--criterion", "customerId=C-100", "--explain", "--json")
    told: dict[str, Any] = json.loads(out)
    assert (status, told["operation"], err) == (0, "searchOrders", "")
    status, out, err = await mapped(*at, "--order", "4712")
    assert (status, out) == (3, "")
    assert err == "getOrder: order-not-found: The OMS knows no such order.\n"
    status, out, err = await mapped(
        *at, "--order", "4711", TENANTPROXY_USERNAME="till", TENANTPROXY_PASSWORD="MARKED"
    )
    assert (status, out) == (3, "")
    assert err == "getOrder: upstream-rejected-credentials: The OMS rejected the configured credential.\n"
    assert len(oms.received) == 4
