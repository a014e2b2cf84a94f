"""Whether reads can succeed at a proxy that serves, as far as this can be told without asking for an order."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from tenantproxy import config
from tenantproxy.config import ProxyConfig
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import HttpConnection
from tenantproxy.transport.dialer import Dialer
from tenantproxy.transport.egress import GuardedResolver
from tenantproxy.transport.egress_policy import oms_policy
from tenantproxy_operator.local.state import TenantState

_PORTS: Final = {"http": 80, "https": 443}
_WORDS: Final = {
    "connect": "nothing listens there, or it is firewalled; start the OMS, or correct spec.upstream.url",
    "connect-timeout": "no connection within a second; is the OMS up, and is there a firewall?",
    "dns": "its name can't be resolved; correct spec.upstream.url",
    "egress": "its address is private; set spec.upstream.allowPrivateNetworks, or see --egress-allow",
}


async def why_reads_fail(encoded: bytes, state: TenantState) -> str | None:
    """Return why no read can succeed with a configuration, and what to do; None where nothing stands in the way.

    Asks for nothing and sends no credential: a wrong one may lock the account, and each try would count.
    """
    if not state.has_credential():
        return "no credential is set; add the Secret's manifest, or PUT /api/v1/proxy-config"
    return await _unreachable(config.decode(encoded, source="config.json"))


async def _unreachable(proxy: ProxyConfig) -> str | None:
    """Try the OMS's port; not where a forward proxy is on the way, which only requests get through."""
    if isinstance(proxy.upstream.forward_proxy, config.ForwardProxy):
        return None
    parts = urlsplit(proxy.upstream.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    dialer = Dialer(host, port, resolver=GuardedResolver(oms_policy(proxy)), forward_proxy=None)
    try:
        connection = await dialer.dial(lambda: HttpConnection(0, None), None)
    except UpstreamError as error:
        advice = _WORDS.get(error.reason, "see its log")
        return f"the OMS at {host}:{port} can't be reached ({error.reason}): {advice}"
    else:
        connection.close()
        await asyncio.sleep(0)  # for the transport to see it
        return None
    finally:
        await dialer.close()
