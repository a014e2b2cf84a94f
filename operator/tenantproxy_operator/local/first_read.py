"""A first `curl` that works as pasted, of a tenant that `local` runs."""

from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from tenantproxy.operations import API_PREFIX, BUSINESS_UNIT_ID, GET_ORDER, ORDER_ID
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.settings import Settings

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_MOCK_CONTROL: Final = "/_control"
"""Where `tenantproxy mock-oms` is told what to do, and says what it has done."""
_MOCK_IDS: Final = ("store-1", "CO-1001")
"""A business unit and an order that the mock always has."""
_SECONDS: Final = 1.0
_MOST_BYTES: Final = 1 << 20


async def first_read(resource: TenantProxy, settings: Settings, api: str) -> list[str]:
    """Return the lines of a command that reads an order, and before it, as comments, what it still needs."""
    ids, notes = _manifest_ids(resource), []
    if ids is None and await _is_mock(resource.spec.upstream.url):
        ids = _MOCK_IDS
    if ids is None:
        ids = "BUSINESS-UNIT", "ORDER"
        notes.append("# with a business unit and an order that the OMS has:")
    path = GET_ORDER.path.format_map(
        {name: quote(value, safe="") for name, value in zip((BUSINESS_UNIT_ID, ORDER_ID), ids, strict=True)}
    )
    url = f"{api}{API_PREFIX}{path}"
    if resource.spec.access.mode == "trusted":
        return [*notes, f"curl {url}"]
    token = _token(resource.spec.tenant_id, settings)
    return [token, *notes, 'curl -H "Authorization: Bearer $TOKEN" \\', f"  {url}"]


def _manifest_ids(resource: TenantProxy) -> tuple[str, str] | None:
    """Return the ids of the order that the manifest says credentials are to be tried with, where it names both."""
    probe = resource.spec.upstream.operations.get_order.probe
    if probe is None or probe.business_unit_id is None or probe.customer_order_id is None:
        return None
    return probe.business_unit_id, probe.customer_order_id


def _token(tenant_id: str, settings: Settings) -> str:
    """Return the line that sets TOKEN, or says where it comes from if no command can get it."""
    machine = [issuer.issuer for issuer in settings.issuers if issuer.kind == "ocms"]
    for issuer in machine:
        parts = urlsplit(issuer)
        # `tenantproxy dev-issuer`: any token for anyone.
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            return f"TOKEN=$(curl -s '{urljoin(issuer, '/token')}?tenant={quote(tenant_id)}')"
    where = " or ".join(machine) or "an issuer of --issuers"
    return f"# TOKEN: an access token of tenant {tenant_id}, from {where}"


async def _is_mock(url: str) -> bool:
    """Tell whether the OMS is `tenantproxy mock-oms` on this machine; no other one is asked."""
    import aiohttp  # noqa: PLC0415 - slow to import; once, after the start
    import msgspec  # noqa: PLC0415

    if urlsplit(url).hostname not in _LOOPBACK:
        return False
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            session.get(urljoin(url, _MOCK_CONTROL), allow_redirects=False) as response,
        ):
            answer = msgspec.json.decode(await response.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return isinstance(answer, dict) and {"faults", "counts"} <= answer.keys()
