"""The first read, where it can't be all there; tests/e2e/processes/test_fleet_of_local.py runs those that are."""

from typing import Any

from support.operator.local import tenant_proxy
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.local.first_read import first_read
from tenantproxy_operator.settings import Settings

API = "http://127.0.0.1:8600"
PATH = f"{API}/api/v1/business-units"


async def _lines(**spec: Any) -> list[str]:
    resource = TenantProxy.model_validate(tenant_proxy(**spec))
    return await first_read(resource, Settings(), API)


async def test_what_the_reader_must_know() -> None:
    """A token of Hii Retail's, and ids that only the OMS's people know."""
    token, ids, *command = await _lines(url="http://127.0.0.1:1", access={"mode": "jwt"})
    assert token.startswith("# TOKEN: an access token of tenant T-acme, from https://")
    assert ids == "# with a business unit and an order that the OMS has:"
    assert command == [
        'curl -H "Authorization: Bearer $TOKEN" \\',
        f"  {PATH}/BUSINESS-UNIT/customer-orders/ORDER",
    ]


async def test_ids_of_the_manifest() -> None:
    """An id that a URL, or a shell, would take for something else is escaped; without tokens it is all there."""
    probe = {"businessUnitId": "B", "customerOrderId": "a'b; /c"}
    operations = {"getOrder": {"idPattern": ".+", "probe": probe}}
    assert await _lines(upstream={"operations": operations}) == [f"curl {PATH}/B/customer-orders/a%27b%3B%20%2Fc"]


async def test_half_a_probe() -> None:
    """An order without its business unit is none that could be read."""
    operations = {"getOrder": {"probe": {"customerOrderId": "CO-1"}}}
    assert "BUSINESS-UNIT" in (await _lines(upstream={"operations": operations}))[-1]
