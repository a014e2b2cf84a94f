"""One proxy process, from its configuration to its drain."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tenantproxy.admission import QUEUE_FACTOR, Admission
from tenantproxy.api.handler import Api
from tenantproxy.api.proxy_config import ProxyConfigEndpoint
from tenantproxy.auth.authenticator import Authenticator
from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.stores.base import CredentialStore
from tenantproxy.debugging import DebugWindow
from tenantproxy.metrics import Metrics
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.reads import Reader
from tenantproxy.oms.trial import CredentialTrial
from tenantproxy.oms.warm_up import keep_warm
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.server.admin import Admin
from tenantproxy.server.descriptors import MAX_CLIENTS, bound_clients
from tenantproxy.server.http_server import MAX_ADMIN_CONNECTIONS, HttpServer
from tenantproxy.server.port import Queue
from tenantproxy.supervision import Supervised
from tenantproxy.tracing.choice import parts_of
from tenantproxy.transport.forward_proxy import forward_proxy
from tenantproxy.transport.tls import TlsFiles

_log = logging.getLogger(__name__)

DRAIN_TIMEOUT: Final = 10.0
"""Seconds for what is in flight to end."""
IDLE_GRACE: Final = 2.0
"""Of these, the seconds for which idle connections stay open."""


class Proxy:
    """All parts of one tenant's proxy, wired; `mapping` is what `validate_config` has compiled.

    Until `store` has been read once, the credential is that of `fallback`, if any. `debug_until` is the file with
    the time until which there are debug lines.
    """

    def __init__(
        self,
        config: ProxyConfig,
        mapping: CompiledMapping,
        store: CredentialStore,
        tls: TlsFiles,
        *,
        forward_proxy_credentials: Path,
        fallback: CredentialStore | None = None,
        debug_until: Path | None = None,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        metrics = Metrics(config.tenant)
        metrics.show_expiries(tls.expiries)
        way_out = forward_proxy(config, tls, forward_proxy_credentials)
        self._parts = parts_of(config, metrics)
        clients = self._parts.clients(config, tls, way_out)
        self._credential = self._parts.credential(clients, metrics, store)
        self._manager = CredentialManager(config, store, self._credential, metrics, fallback=fallback)
        self._transport = clients.oms()
        self._oms = OmsClient(config.upstream, self._transport, self._credential, metrics)
        converter = self._parts.converter(config.upstream, mapping)
        reader = Reader(config.upstream, converter, self._oms, metrics)
        trial = CredentialTrial(config.upstream, clients, self._oms, converter)
        self._authenticator = Authenticator(config.access, config.tenant.id, way_out)
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
        self._ready = False
        self._following = Supervised("credential store watch", self._manager.follow, self._manager.load)
        admin = Admin(
            metrics,
            lambda: self._ready,
            lambda: self._following.healthy,
            open_metrics=metrics.open_exposition if metrics.has_exemplars else None,
        )
        self._api_server = HttpServer(
            self._parts.handler(api.handle),
            on_problem=api.unparsable,
            max_connections=max_clients,
            queue=Queue(api.caller_of, api.gone),
        )
        self._admin_server = HttpServer(
            admin.handle, on_problem=admin.unparsable, max_connections=MAX_ADMIN_CONNECTIONS
        )
        self._debug = DebugWindow(debug_until) if debug_until is not None else None
        self._background: list[asyncio.Task[None]] = []

    async def start(self, api_socket: socket.socket, admin_socket: socket.socket) -> None:
        """Serve on two bound sockets; return when ready: the first attempt at a token, if any, has ended."""
        self._background.append(asyncio.create_task(self._following.run(), name="supervision"))
        if self._debug is not None:
            self._background.append(asyncio.create_task(self._debug.follow(), name="debug lines"))
        await self._manager.load()  # beside the watch's start, not before it: what changes now is seen
        warm = keep_warm(self._transport, lambda: self._credential.is_usable and not self._oms.is_held)
        self._background.append(asyncio.create_task(warm, name="connection ahead of reads"))
        await self._admin_server.listen(admin_socket)
        await self._api_server.listen(api_socket)
        await self._credential.first_attempt()
        self._ready = True

    async def drain(self, *, idle_grace: float = 0.0) -> None:
        """Become unready, let what is in flight end, and stop; idle connections stay for `idle_grace` seconds."""
        self._ready = False
        await self._api_server.drain(DRAIN_TIMEOUT, idle_grace=idle_grace)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._credential.close()  # before the store, which a verdict may still have to be written to
        await self._manager.close()
        await self._authenticator.close()
        await self._oms.close()
        await self._parts.close()
        await self._admin_server.drain(0.0)


async def serve(
    config: ProxyConfig,
    mapping: CompiledMapping,
    store: CredentialStore,
    tls: TlsFiles,
    *,
    forward_proxy_credentials: Path,
    fallback: CredentialStore | None = None,
    debug_until: Path | None = None,
    api_socket: socket.socket,
    admin_socket: socket.socket,
    on_ready: Callable[[], None] = lambda: None,
    supervised: bool = False,
) -> None:
    """Run a proxy until SIGTERM or SIGINT, then drain it.

    `supervised`: also until standard input ends, as it does when the parent process has ended.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unexpected)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if supervised:
        await loop.connect_read_pipe(lambda: _Lifeline(stopping), sys.stdin)
    max_clients = bound_clients(config.upstream.max_connections)
    proxy = Proxy(
        config,
        mapping,
        store,
        tls,
        forward_proxy_credentials=forward_proxy_credentials,
        fallback=fallback,
        debug_until=debug_until,
        max_clients=max_clients,
    )

    async def start() -> None:
        await proxy.start(api_socket, admin_socket)
        gc.collect()
        gc.freeze()  # what start-up made stays; later collections need not look at it
        _log.info("ready")
        on_ready()

    starting = asyncio.create_task(start(), name="start")
    starting.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stopping.set())
    await stopping.wait()
    _log.info("draining")
    if not starting.done():
        starting.cancel()
    # A supervisor has a successor on the same socket, which is to answer from now on.
    await proxy.drain(idle_grace=0.0 if supervised else IDLE_GRACE)
    with contextlib.suppress(asyncio.CancelledError):
        await starting


class _Lifeline(asyncio.Protocol):
    """Asks to stop when the pipe that the parent holds is closed."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._stopping.set()


def _log_unexpected(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no code took care of, without the exception's message: it may quote input."""
    error = context.get("exception")
    _log.error("unexpected error: %s", context.get("message"), exc_info=error)
