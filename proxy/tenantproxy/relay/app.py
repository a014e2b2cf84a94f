"""One relay process: its parts, wired."""

from pathlib import Path
from typing import Final

from tenantproxy.admission import QUEUE_FACTOR, Admission
from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.lifecycle import Given, TenantProcess
from tenantproxy.relay.delivery import Delivery, oms_client
from tenantproxy.relay.handler import Events, route_of
from tenantproxy.relay.metrics import RelayMetrics
from tenantproxy.relay.preparation import Preparation
from tenantproxy.relay.secrets import SecretFiles, needed
from tenantproxy.relay.verification import Verifier
from tenantproxy.server.http_server import HttpServer
from tenantproxy.server.port import Queue
from tenantproxy.supervision import Supervised
from tenantproxy.transport.egress_policy import oms_policy

NO_RELAY: Final = "`poslog` is missing: this is a proxy's configuration; a relay's has it"

MAX_ARRIVING_BYTES: Final = 32 * 1024 * 1024
"""Of all events that are still arriving: room for two of the largest that can be configured."""


class Relay(TenantProcess):
    """All parts of one tenant's relay, whose configuration `validate_config` has checked."""

    def __init__(self, config: ProxyConfig, given: Given, *, secrets: Path) -> None:
        """`secrets`: the directory with the relay's keys.

        Raises:
            ConfigError: The configuration is a proxy's; or spans are wanted, and can't be sent.

        """
        if not (poslog := config.poslog):
            raise ConfigError(NO_RELAY)
        metrics = RelayMetrics(config.tenant)
        super().__init__(config, given, metrics)
        keys = needed(poslog)
        self._secrets = SecretFiles(secrets, keys)
        metrics.show_keys(keys, lambda key: key in self._secrets.current.lacking)
        self._following.append(Supervised("watch of the relay's keys", self._secrets.follow, self._secrets.load))
        self._verifier = Verifier(
            poslog.verification, self._secrets, policy=oms_policy(config), forward_proxy=self._way_out
        )
        self._oms = oms_client(config, poslog.delivery, self._transport, self._credential, metrics)
        largest = max(poslog.limits.max_event_bytes, poslog.limits.max_poslog_bytes)
        self._events = Events(
            admission=Admission(config.upstream.max_connections * QUEUE_FACTOR, largest),
            verifier=self._verifier,
            preparation=Preparation(config.tenant, poslog, self._verifier, self._secrets),
            delivery=Delivery(poslog.delivery, self._oms, metrics),
            metrics=metrics,
            max_bytes=poslog.limits.max_event_bytes,
        )
        self._api_server = HttpServer(
            self._parts.handler(self._events.handle, route_of),
            on_problem=self._events.unparsable,
            max_connections=given.max_clients,
            max_unfinished_bytes=MAX_ARRIVING_BYTES,
            queue=Queue(self._events.caller_of, self._events.gone, self._transport.room),
        )

    async def _load(self) -> None:
        """Read the relay's keys, and the credential."""
        await self._secrets.load()
        await super()._load()

    async def _end_work(self) -> None:
        """Let the calls of the OMS end whose callers have gone, and cancel fetches of keys."""
        await self._events.finish()
        await self._verifier.close()
