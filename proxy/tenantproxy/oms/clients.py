"""The two servers that a proxy calls, OMS and token endpoint: both under one guard, with the tenant's TLS."""

from typing import Final

from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.formats import OAuth2
from tenantproxy.credentials.oauth2.token_endpoint import MAX_ANSWER_BYTES, TokenEndpoint
from tenantproxy.transport.base import Upstream
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.dns import Lookups
from tenantproxy.transport.egress_policy import oms_policy, token_endpoint_policy
from tenantproxy.transport.tls import TlsFiles

_TOKEN_CONNECTIONS: Final = 2


class Outbound:
    """Makes the clients of one tenant's servers."""

    def __init__(self, config: ProxyConfig, tls: TlsFiles) -> None:
        self._config = config.upstream
        self._policy = oms_policy(config)
        self._token_policy = token_endpoint_policy(config)
        self._tls = tls
        self._lookups = Lookups()
        self._lookups_of_trials = Lookups()

    def oms(self) -> Upstream:
        """Return the client of the OMS."""
        return HttpClient(
            self._config.url,
            max_connections=self._config.max_connections,
            max_response_bytes=self._config.max_response_bytes,
            policy=self._policy,
            tls=self._tls.oms,
        )

    def token_endpoint(self, credential: OAuth2, *, trial: bool = False) -> TokenEndpoint:
        """Return the client of a credential's token endpoint.

        A `trial` is of a credential that is not in use: looking its host up takes no place of the one in use.
        """
        upstream = HttpClient(
            credential.auth_url,
            max_connections=_TOKEN_CONNECTIONS,
            max_response_bytes=MAX_ANSWER_BYTES,
            policy=self._token_policy,
            tls=self._tls.token_endpoint,
            resolver=self._lookups_of_trials if trial else self._lookups,
        )
        return TokenEndpoint(credential, upstream)
