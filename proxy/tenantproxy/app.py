"""One proxy process: its parts, wired."""

from tenantproxy.admission import QUEUE_FACTOR, Admission
from tenantproxy.api import routes
from tenantproxy.api.handler import Api
from tenantproxy.api.proxy_config import ProxyConfigEndpoint
from tenantproxy.auth.authenticator import Authenticator
from tenantproxy.config import ProxyConfig
from tenantproxy.lifecycle import Given, TenantProcess
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.reads import Reader
from tenantproxy.oms.trial import CredentialTrial
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.server.http_server import HttpServer
from tenantproxy.server.port import Queue


class Proxy(TenantProcess):
    """All parts of one tenant's proxy; `mapping` is what `validate_config` has compiled."""

    def __init__(self, config: ProxyConfig, mapping: CompiledMapping, given: Given) -> None:
        metrics = Metrics(config.tenant)
        super().__init__(config, given, metrics)
        self._oms = OmsClient(config.upstream, self._transport, self._credential, metrics)
        converter = self._parts.converter(config.upstream, mapping)
        reader = Reader(config.upstream, converter, self._oms, metrics)
        trial = CredentialTrial(config.upstream, self._clients, self._oms, converter)
        self._authenticator = Authenticator(config.access, config.tenant.id, self._way_out)
        api = Api(
            config,
            admission=Admission(
                config.upstream.max_connections * QUEUE_FACTOR, config.upstream.max_response_bytes
            ),
            authenticator=self._authenticator,
            metrics=metrics,
            oms=self._oms,
            proxy_config=ProxyConfigEndpoint(config, self._manager, trial),
            reader=reader,
        )
        self._api_server = HttpServer(
            self._parts.handler(api.handle, routes.template_of),
            on_problem=api.unparsable,
            max_connections=given.max_clients,
            queue=Queue(api.caller_of, api.gone, self._transport.room),
        )

    async def _end_work(self) -> None:
        """Cancel fetches of keys."""
        await self._authenticator.close()
