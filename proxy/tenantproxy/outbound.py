"""The two servers that a proxy calls, OMS and token endpoint: both under one guard, with the tenant's TLS."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from tenantproxy import egress
from tenantproxy.checks import egress_policy
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials import OAuth2
from tenantproxy.http_client import HttpClient
from tenantproxy.tls import TlsFiles
from tenantproxy.token_endpoint import MAX_ANSWER_BYTES, TokenEndpoint
from tenantproxy.upstream import Upstream

_RESOLVE_TIMEOUT: Final = 2.0
"""Seconds."""
_TOKEN_CONNECTIONS: Final = 2


class Outbound:
    """Makes the clients of one tenant's servers."""

    def __init__(self, config: ProxyConfig, tls: TlsFiles) -> None:
        self._config = config.upstream
        self._policy = egress_policy(config)
        self._tls = tls

    def oms(self) -> Upstream:
        """Return the client of the OMS."""
        return HttpClient(
            self._config.url,
            max_connections=self._config.max_connections,
            max_response_bytes=self._config.max_response_bytes,
            policy=self._policy,
            tls=self._tls.oms,
        )

    def token_endpoint(self, credential: OAuth2) -> TokenEndpoint:
        """Return the client of a credential's token endpoint."""
        upstream = HttpClient(
            credential.auth_url,
            max_connections=_TOKEN_CONNECTIONS,
            max_response_bytes=MAX_ANSWER_BYTES,
            policy=self._policy,
            tls=self._tls.token_endpoint,
        )
        return TokenEndpoint(credential, upstream)

    async def check_auth_url(self, url: str) -> None:
        """Check a token URL, also what its host resolves to now; a name that can't be resolved may be later.

        Raises:
            UrlError: It must not be called.

        """
        egress.check_url(url, self._policy, allow_insecure=self._config.allow_insecure, allow_query=True)
        guard = egress.GuardedResolver(self._policy)
        try:
            async with asyncio.timeout(_RESOLVE_TIMEOUT):
                await guard.resolve(urlsplit(url).hostname or "")
        except egress.EgressRefusedError as error:
            raise egress.UrlError(f"can't be called: {error}") from None
        except (OSError, TimeoutError):
            pass
        finally:
            await guard.close()
