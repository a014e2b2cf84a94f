"""One proxy process, from its configuration to its drain."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tenantproxy import egress, routes
from tenantproxy.admin import Admin
from tenantproxy.api import Api
from tenantproxy.config import ConfigError, ProxyConfig
from tenantproxy.gatekeeper import Gatekeeper
from tenantproxy.keeper import CredentialKeeper
from tenantproxy.mapping import CompiledMapping, MappingError, compile_mapping
from tenantproxy.metrics import Metrics
from tenantproxy.oms import Oms
from tenantproxy.proxy_config import ProxyConfigEndpoint
from tenantproxy.server import HttpServer
from tenantproxy.stores.files import FileStore
from tenantproxy.upstream import AiohttpUpstream

_log = logging.getLogger(__name__)

DRAIN_TIMEOUT: Final = 10.0
"""Seconds for what is in flight to end."""


def check(config: ProxyConfig) -> CompiledMapping:
    """Check what a configuration's structure can't say, and return its compiled mapping.

    Raises:
        ConfigError: A URL, a path or a rule can't be used.

    """
    upstream = config.upstream
    try:
        egress.check_url(
            upstream.url,
            allow_insecure=upstream.allow_insecure,
            allow_private_networks=upstream.allow_private_networks,
        )
    except egress.UrlError as error:
        raise ConfigError(f"`upstream.url` {error}") from None
    operations = {
        "getOrder": (upstream.operations.get_order.path, frozenset({"businessUnitId", "customerOrderId"})),
        "searchOrders": (upstream.operations.search_orders.path, frozenset({"businessUnitId"})),
    }
    for name, (path, placeholders) in operations.items():
        try:
            routes.check_operation_path(path, placeholders=placeholders)
        except ValueError as error:
            raise ConfigError(f"`upstream.operations.{name}.path` {error}") from None
    try:
        return compile_mapping(config.mapping)
    except MappingError as error:
        raise ConfigError(f"`mapping`: {error}") from None


async def serve(
    config: ProxyConfig,
    credentials: Path,
    *,
    api_socket: socket.socket,
    admin_socket: socket.socket,
    on_ready: Callable[[], None] = lambda: None,
    supervised: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    `supervised`: also until standard input ends, as it does when the parent process has ended.
    """
    mapping = check(config)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unforeseen)
    stopping = asyncio.Event()
    ready = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if supervised:
        await loop.connect_read_pipe(lambda: _Lifeline(stopping), sys.stdin)

    metrics = Metrics(config.tenant)
    oms = Oms(
        config.upstream,
        AiohttpUpstream(
            config.upstream.url,
            max_connections=config.upstream.max_connections,
            max_response_bytes=config.upstream.max_response_bytes,
            allow_private_networks=config.upstream.allow_private_networks,
        ),
        metrics,
    )
    keeper = CredentialKeeper(FileStore(credentials), oms, metrics)
    gatekeeper = Gatekeeper(config.access, config.tenant.id)
    api = Api(
        config,
        gatekeeper=gatekeeper,
        mapping=mapping,
        metrics=metrics,
        oms=oms,
        proxy_config=ProxyConfigEndpoint(config, keeper),
    )
    admin = Admin(metrics, lambda: ready.is_set() and not stopping.is_set())
    api_server = HttpServer(api.handle, on_problem=api.unparsable)
    admin_server = HttpServer(admin.handle, on_problem=admin.unparsable)
    await keeper.load()
    following = asyncio.create_task(keeper.follow(), name="credential store watch")
    await admin_server.listen(admin_socket)
    await api_server.listen(api_socket)

    async def become_ready() -> None:
        await oms.settle()
        ready.set()
        gc.collect()
        gc.freeze()  # what start-up made stays; later collections need not look at it
        _log.info("ready")
        on_ready()

    settling = asyncio.create_task(become_ready(), name="first token")
    await stopping.wait()
    _log.info("draining")
    await api_server.drain(DRAIN_TIMEOUT)
    for task in (following, settling):
        task.cancel()
    await asyncio.gather(following, settling, return_exceptions=True)
    await gatekeeper.close()
    await oms.close()
    await admin_server.drain(0.0)


class _Lifeline(asyncio.Protocol):
    """Asks to stop when the pipe that the parent holds is closed."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._stopping.set()


def _log_unforeseen(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no code took care of, without the exception's message: it may quote input."""
    error = context.get("exception")
    _log.error("unforeseen: %s", context.get("message"), exc_info=error)
