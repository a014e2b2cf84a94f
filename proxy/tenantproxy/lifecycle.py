"""The life of a tenant's process, a proxy or a relay: what each is made of, its start, and its drain."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from tenantproxy.config import ProxyConfig
from tenantproxy.credentials.manager import CredentialManager
from tenantproxy.credentials.stores.base import CredentialStore
from tenantproxy.debugging import DebugWindow
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.warm_up import keep_warm
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.server.admin import Admin
from tenantproxy.server.descriptors import MAX_CLIENTS
from tenantproxy.server.http_server import MAX_ADMIN_CONNECTIONS, HttpServer
from tenantproxy.supervision import Supervised
from tenantproxy.tracing.choice import parts_of
from tenantproxy.transport.forward_proxy import forward_proxy
from tenantproxy.transport.tls import TlsFiles

_log = logging.getLogger(__name__)

DRAIN_TIMEOUT: Final = 10.0
"""Seconds for what is in flight to end."""
IDLE_GRACE: Final = 2.0
"""Of these, the seconds for which idle connections stay open."""
_COLLECT_AFTER: Final = 10_000
"""Objects that are new and still there, at which Python looks for cycles among them: no request makes any.

At its own number, 700 in Python 3.11, the looking took a tenth of the CPU time where thousands of requests wait.
"""


class Given(NamedTuple):
    """What a process is given, beside its configuration."""

    store: CredentialStore
    tls: TlsFiles
    forward_proxy_credentials: Path
    """The directory with the login at a forward proxy, if there is one."""
    fallback: CredentialStore | None = None
    """Has the credential until `store` has been read once."""
    debug_until: Path | None = None
    """The file with the time until which there are debug lines."""
    max_clients: int = MAX_CLIENTS


class TenantProcess:
    """What each process of a tenant has: the way to its OMS, a credential that follows its store, two ports.

    A proxy or a relay adds what it answers: it sets `_oms` and `_api_server`.
    """

    _oms: OmsClient
    _api_server: HttpServer

    def __init__(self, config: ProxyConfig, given: Given, metrics: ProcessMetrics) -> None:
        """Make them.

        Raises:
            ConfigError: Spans are wanted, and can't be sent.

        """
        self._parts = parts = parts_of(config, metrics)
        metrics.show_expiries(given.tls.expiries)
        self._way_out = forward_proxy(config, given.tls, given.forward_proxy_credentials)
        self._clients = parts.clients(config, given.tls, self._way_out)
        self._credential = parts.credential(self._clients, metrics, given.store)
        self._manager = CredentialManager(config, given.store, self._credential, metrics, fallback=given.fallback)
        self._transport = self._clients.oms()
        self._ready = False
        self._following = [Supervised("credential store watch", self._manager.follow, self._manager.load)]
        admin = Admin(
            metrics,
            lambda: self._ready,
            lambda: all(each.healthy for each in self._following),
            open_metrics=metrics.open_exposition if metrics.has_exemplars else None,
        )
        self._admin_server = HttpServer(
            admin.handle, on_problem=admin.unparsable, max_connections=MAX_ADMIN_CONNECTIONS
        )
        self._debug = DebugWindow(given.debug_until) if given.debug_until is not None else None
        self._background: list[asyncio.Task[None]] = []

    async def start(self, api_socket: socket.socket, admin_socket: socket.socket) -> None:
        """Serve on two bound sockets; return when ready: the first attempt at a token, if any, has ended."""
        for each in self._following:
            self._background.append(asyncio.create_task(each.run(), name="supervision"))
        if self._debug is not None:
            self._background.append(asyncio.create_task(self._debug.follow(), name="debug lines"))
        await self._load()  # beside the watches' start, not before it: what changes now is seen
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
        await self._end_work()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._credential.close()  # before the store, which a verdict may still have to be written to
        await self._manager.close()
        await self._oms.close()
        await self._parts.close()
        await self._admin_server.drain(0.0)

    async def _load(self) -> None:
        """Read what is needed before the first request."""
        await self._manager.load()

    async def _end_work(self) -> None:
        """End what is still done when all requests are answered."""


async def run(
    make: Callable[[], TenantProcess],
    sockets: tuple[socket.socket, socket.socket],
    *,
    on_ready: Callable[[], None] = lambda: None,
    supervised: bool = False,
) -> None:
    """Run a process until SIGTERM or SIGINT, then drain it; the sockets are those of its API port and admin port.

    `supervised`: also until standard input ends, as it does when the parent process has ended.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unexpected)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if supervised:
        await loop.connect_read_pipe(lambda: _Lifeline(stopping), sys.stdin)
    process = make()

    async def start() -> None:
        await process.start(*sockets)
        gc.collect()
        gc.freeze()  # what start-up made stays; later collections need not look at it
        gc.set_threshold(_COLLECT_AFTER)
        _log.info("ready")
        on_ready()

    starting = asyncio.create_task(start(), name="start")
    starting.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stopping.set())
    await stopping.wait()
    _log.info("draining")
    if not starting.done():
        starting.cancel()
    # A supervisor has a successor on the same socket, which is to answer from now on.
    await process.drain(idle_grace=0.0 if supervised else IDLE_GRACE)
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
