"""An OMS with a different format, from its manifest in examples/ to the responses that clients get."""

import asyncio
from pathlib import Path

import yaml

from support.proxy.oms import RawServer, Received, http
from support.proxy.running import running_proxy
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "mapping"
PATHS = {
    ("GET", "/rest/v2/stores/store-1/orders/4711"): "order.json",
    ("POST", "/rest/v2/stores/store-1/orders/query"): "search.json",
}

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


async def test_from_manifest_to_answer(oms: RawServer, tmp_path: Path) -> None:
    """Other paths, names and status words: clients see the documented shape, amounts as the OMS wrote them."""

    async def initech(request: Received, writer: asyncio.StreamWriter) -> None:
        name = PATHS.get((request.method, request.target))
        answer = http(404) if name is None else http(200, (EXAMPLE / "oms-answers" / name).read_bytes())
        writer.write(answer)

    oms.play = initech
    manifest, secret = yaml.safe_load_all((EXAMPLE / "initech.yaml").read_text())
    manifest["spec"]["upstream"] |= {"url": f"{oms.url}/rest", "allowInsecure": True, "allowPrivateNetworks": True}
    manifest["spec"]["access"]["mode"] = "trusted"
    config = render_config(TenantProxy.model_validate(manifest), Settings())
    async with running_proxy(config, tmp_path, secret["stringData"]) as proxy:
        units = "/api/v1/business-units/store-1"
        order = await proxy.get(f"{units}/customer-orders/4711")
        found = await proxy.request("POST", f"{units}/customer-orders:search", json={"customerId": "C-100"})
    assert order.body == ORDER
    assert found.body == FOUND
