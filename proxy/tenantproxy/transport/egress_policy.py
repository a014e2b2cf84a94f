"""Where a proxy may connect to, by its configuration."""

from tenantproxy.config import Egress, ProxyConfig
from tenantproxy.transport.egress import Policy
from tenantproxy.transport.no_proxy import NoProxy


def token_endpoint_policy(config: ProxyConfig) -> Policy:
    """Return where the proxy may connect to for a token.

    Raises:
        ValueError: A CIDR is malformed.

    """
    return Policy(
        private_hosts=config.auth.token_endpoint.allow_hosts,
        private_networks=config.auth.token_endpoint.allow_networks,
        allow=config.egress.allow,
        deny=config.egress.deny,
        permission="`auth.tokenEndpoint.allowNetworks`",
        trust_names=False,
    )


def oms_policy(config: ProxyConfig) -> Policy:
    """Return where the proxy may connect to for orders.

    Raises:
        ValueError: A CIDR is malformed.

    """
    return Policy(
        allow_private_networks=config.upstream.allow_private_networks,
        allow=config.egress.allow,
        deny=config.egress.deny,
    )


def platform_policy(egress: Egress) -> Policy:
    """Return where a server of the platform team's may be, such as a forward proxy: often in a private network.

    Raises:
        ValueError: A CIDR is malformed.

    """
    return Policy(allow_private_networks=True, allow=egress.allow, deny=egress.deny)


def no_proxy(config: ProxyConfig) -> NoProxy | None:
    """Return which destinations are beside the forward proxy; None where there is none.

    Raises:
        ValueError: An entry is malformed.

    """
    given = config.upstream.forward_proxy
    return NoProxy(given.no_proxy) if given else None
