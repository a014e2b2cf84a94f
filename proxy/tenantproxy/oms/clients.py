"""The HTTP clients of one tenant's servers, its OMS and its token endpoint: both under one guard, with its TLS."""

from typing import Final

from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.oauth2 import token_answer
from tenantproxy.transport.base import HttpTransport, PooledTransport
from tenantproxy.transport.client import HttpClient
from tenantproxy.transport.dns import ThreadedResolver
from tenantproxy.transport.egress_policy import oms_policy, token_endpoint_policy
from tenantproxy.transport.forward_proxy import ForwardProxy
from tenantproxy.transport.keeping import BRIEFLY, LONG
from tenantproxy.transport.tls import TlsFiles

_TOKEN_CONNECTIONS: Final = 2


class ClientFactory:
    """Makes the clients of one tenant's servers."""

    def __init__(self, config: ProxyConfig, tls: TlsFiles, forward_proxy: ForwardProxy | None) -> None:
        self._config = config.upstream
        self._policy = oms_policy(config)
        self._token_policy = token_endpoint_policy(config)
        self.token_timeout: Final = config.auth.token_endpoint.timeout_seconds
        """Seconds for one fetch of a token."""
        self._tls = tls
        self._forward_proxy = forward_proxy
        self._resolver = ThreadedResolver()
        self._trial_resolver = ThreadedResolver()

    def oms(self, *, trial: bool = False) -> PooledTransport:
        """Return the client of the OMS; that of a `trial` has one connection, and takes nothing from the reads."""
        return HttpClient(
            self._config.url,
            max_connections=1 if trial else self._config.max_connections,
            max_response_bytes=self._config.max_response_bytes,
            policy=self._policy,
            tls=self._tls.oms,
            resolver=self._trial_resolver if trial else None,
            forward_proxy=self._forward_proxy,
            keeping=BRIEFLY if trial else LONG,
        )

    def token_endpoint(self, url: str, *, trial: bool = False) -> HttpTransport:
        """Return the client of a token endpoint.

        A `trial` is of a credential that is not in use: looking its host up takes no place of the one in use.
        """
        return HttpClient(
            url,
            max_connections=_TOKEN_CONNECTIONS,
            max_response_bytes=token_answer.MAX_BYTES,
            policy=self._token_policy,
            tls=self._tls.token_endpoint,
            resolver=self._trial_resolver if trial else self._resolver,
            forward_proxy=self._forward_proxy,
        )
