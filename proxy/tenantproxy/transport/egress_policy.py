"""Where a proxy may connect to, by its configuration."""

from tenantproxy.config import ProxyConfig
from tenantproxy.transport.egress import Policy


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
