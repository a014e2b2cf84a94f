"""Whether reads can succeed at a proxy that serves, as far as this can be told without asking for an order."""

import asyncio
from pathlib import Path
from typing import Final, NamedTuple

from tenantproxy import config
from tenantproxy.config import ProxyConfig
from tenantproxy.transport.base import UpstreamError
from tenantproxy.transport.connection import HttpConnection
from tenantproxy.transport.dialer import Dialer
from tenantproxy.transport.egress import GuardedResolver
from tenantproxy.transport.egress_policy import oms_policy
from tenantproxy.transport.forward_proxy import authority
from tenantproxy.transport.tls import TlsFiles
from tenantproxy_operator.fleet.samples import read_samples
from tenantproxy_operator.local.fleet import metrics_of
from tenantproxy_operator.local.state import TenantState

_FETCHED: Final = "tenantproxy_token_fetch_total"
_ACCEPTED: Final = "tenantproxy_credentials_accepted"
_WORDS: Final = {
    "connect": "nothing listens there, or it is firewalled; start the OMS, or correct spec.upstream.url",
    "connect-timeout": "no connection within a second; is the OMS up, does it speak TLS, is there a firewall?",
    "dns": "its name can't be resolved; correct spec.upstream.url",
    "tls": "it speaks no TLS, or its certificate is not trusted; correct spec.upstream.url or spec.upstream.tls",
    "egress": "its address is private; set spec.upstream.allowPrivateNetworks, or see --egress-allow",
}


class Obstacle(NamedTuple):
    """Why no read can succeed."""

    reason: str
    """As in metrics, or an error code."""
    says: str
    """In words, and what to do."""


async def why_reads_fail(encoded: bytes, state: TenantState, admin: str) -> Obstacle | None:
    """Return why no read can succeed with a configuration; None where nothing stands in the way.

    Asks for nothing and sends no credential: a wrong one may lock the account, and each try would count. What the
    proxy at `admin` has found out already, when it asked for its first token or before it was restarted, it shows.
    """
    if not state.has_credential():
        says = "no credential is set; add the Secret's manifest, or PUT /api/v1/proxy-config"
        return Obstacle("credentials-not-configured", says)
    proxy = config.decode(encoded, source="config.json")
    return await _unreachable(proxy, state.tls) or _found_out(await metrics_of(admin))


def _found_out(metrics: bytes) -> Obstacle | None:
    """Return what a proxy knows to be wrong with its credential, by its metrics."""
    if (samples := read_samples(metrics)) is None:
        return None
    fetched = {labels.get("outcome", "") for labels, count in samples.select(_FETCHED) if count}
    if fetched and "success" not in fetched:
        why = f"the token endpoint gives no access token ({', '.join(sorted(fetched))})"
        return Obstacle("token-unavailable", f"{why}; see `tenantproxy-operator doctor --local`")
    if any(value == 0 for _, value in samples.select(_ACCEPTED)):
        return Obstacle(
            "upstream-rejected-credentials",
            "the credential was rejected; set the right one, in the Secret's manifest or by a PUT",
        )
    return None


async def _unreachable(proxy: ProxyConfig, tls: Path) -> Obstacle | None:
    """Connect to the OMS, by TLS if need be; not behind a forward proxy, which takes requests only."""
    if isinstance(proxy.upstream.forward_proxy, config.ForwardProxy):
        return None
    host, port = authority(proxy.upstream.url)
    dialer = Dialer(host, port, resolver=GuardedResolver(oms_policy(proxy)), forward_proxy=None)
    is_secure = proxy.upstream.url.startswith("https:")
    context = TlsFiles(proxy.upstream.tls, tls).oms.current() if is_secure else None
    try:
        connection = await dialer.dial(lambda: HttpConnection(0, context), context)
    except UpstreamError as error:
        advice = _WORDS.get(error.reason, "see its log")
        return Obstacle(error.reason, f"the OMS at {host}:{port} can't be reached ({error.reason}): {advice}")
    else:
        connection.close()
        await asyncio.sleep(0)  # for the transport to see it
        return None
    finally:
        await dialer.close()
