"""The manager: wires all parts of the operator, starts them in order, and stops them (as controller-runtime's)."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final

from tenantproxy.backoff import Backoff
from tenantproxy.kube.api import KubeError, StatusError, UnreachableError
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.reflector import SILENCE
from tenantproxy.server.admin import Admin
from tenantproxy.server.http_server import MAX_ADMIN_CONNECTIONS, HttpServer
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.informers import REFUSALS, Informers
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.controller.elector import Elector
from tenantproxy_operator.controller.kopf_adapter import run_kopf
from tenantproxy_operator.controller.leadership import Scope
from tenantproxy_operator.controller.reconciler import Reconciler
from tenantproxy_operator.controller.resync import PeriodicResync
from tenantproxy_operator.controller.rollout import RolloutGate
from tenantproxy_operator.controller.served_crd import ServedCrd
from tenantproxy_operator.controller.workqueue import WorkQueue
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.connection import Connection
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import LeaderElection, Settings

_log = logging.getLogger(__name__)

_PROGRAM: Final = "tenantproxy-operator"
_REQUIRED: Final = tuple(kind for kind in kinds.CHILDREN if not kind.optional)


class OperatorManager:
    """One operator process."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        *,
        namespaces: Iterable[str] | None,
        workers: int,
        check_interval: float,
        max_updating_tenants: int,
        event_patience: float,
        leader_election: LeaderElection,
        watch_silence: float = SILENCE,
    ) -> None:
        """Wire an operator for `namespaces`, None: all; must be called inside the event loop.

        A watch of children or Secrets is restarted after `watch_silence` seconds without a byte.
        """
        self._connection = connection
        self._settings = settings
        self._namespaces = None if namespaces is None else tuple(sorted(set(namespaces)))
        self._scopes: tuple[str | None, ...] = self._namespaces or (None,)
        self._workers = workers
        self._check_interval = check_interval
        # One for each worker, and no more than are needed: a connection's TLS buffer has 256 KiB. Beside them run
        # the watches, each of which keeps its connection, and the resync.
        client_connections = workers + 4 + len(self._scopes) * len(kinds.CHILDREN)
        self._metrics = Metrics()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._elector = Elector(
            connection.access,
            self._scopes,
            leader_election,
            self._metrics,
            program=_PROGRAM,
            on_acquired=self._take_over,
            on_lost=self._enqueue_all,
            at_rest=lambda scope: not self._queue.has(lambda key: scope in (None, key.namespace)),
        )
        self._client = KubeClient(
            connection.access,
            connections=client_connections,
            program=_PROGRAM,
            write_guard=self._elector.gate.guard,
        )
        self._cluster = Cluster(self._client)
        self._tenants = Tenants(self._queue.add)
        self._secrets = SecretVersions()
        self._children = Children(self._queue.add)
        self._controls = Controls(self._queue.add, self._enqueue_all)
        self._rollout = RolloutGate(max_updating_tenants, self._queue.add)
        self._reconciler = Reconciler(
            self._cluster,
            tenants=self._tenants,
            children=self._children,
            controls=self._controls,
            secrets=self._secrets,
            settings=settings,
            rollout=self._rollout,
            metrics=self._metrics,
        )
        self._informers = Informers(
            self._client,
            self._scopes,
            children=self._children,
            controls=self._controls,
            secrets=self._secrets,
            secret_changed=self._enqueue_referring,
            synced=self._enqueue_all,
            failed=lambda plural, _: self._metrics.watch_interrupted(plural),
            spawn=self._spawn,
            silence=watch_silence,
        )
        self._crd = ServedCrd(
            self._cluster,
            on_schema=self._adopt_schema,
            on_settling=self._list_tenants,
            on_gone=self._forget_all,
        )
        self._resync = PeriodicResync(
            self._cluster,
            self._tenants,
            self._metrics,
            namespaces=self._scopes,
            check_crd=self._crd.check,
            discover_kinds=self._discover_kinds,
            on_list=self._expect_led,
            on_gone=self._queue.add,
            patience=event_patience,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the process is to end; failed where a task has failed that must not."""
        self._ready = asyncio.Event()

    async def run(self, admin_socket: socket.socket) -> None:
        """Run until SIGTERM or SIGINT; metrics and probes are served on a bound socket."""
        self._metrics.queue_depth.set_function(lambda: len(self._queue))
        self._metrics.retrying.set_function(lambda: self._queue.retrying)
        self._metrics.rollout_pending.set_function(lambda: self._rollout.pending)
        self._metrics.rollout_stopped.set_function(lambda: self._rollout.stopped)
        admin = Admin(self._metrics, self._is_ready, is_live=lambda: self._resync.healthy)
        server = HttpServer(admin.handle, on_problem=admin.unparsable, max_connections=MAX_ADMIN_CONNECTIONS)
        await server.listen(admin_socket)
        try:
            await run_kopf(
                self._tenants,
                self._queue.add,
                access=self._connection.access,
                crd_missing=self._crd.wait_until_back,
                namespaces=self._namespaces,
                start=self._start,
                stop=self._stop,
                watching=self._ready,
                ended=self._ended,
            )
            if self._ended.done():
                self._ended.result()
        finally:
            await self._client.close()
            await self._elector.close()
            await server.drain(0.0)

    async def _start(self) -> None:
        """Fill the caches before kopf delivers the first TenantProxy, and start all tasks."""
        try:
            await self._fill_caches()
        except asyncio.CancelledError:
            await self._stop()  # kopf calls it only after a start
            raise
        self._tasks += [
            self._spawn(self._queue.run(self._workers, self._handle), "workers"),
            self._spawn(self._resync.run(self._check_interval), "resync"),
            self._spawn(self._connection.keep_fresh(), "credentials"),
            self._spawn(self._elector.run(), "election"),
            self._spawn(self._say_ready(), "readiness"),
        ]

    def _is_ready(self) -> bool:
        return self._ready.is_set() and self._crd.served and self._informers.useful

    async def _say_ready(self) -> None:
        await self._ready.wait()
        _log.info("ready")

    async def _fill_caches(self) -> None:
        """Return when all children, Secrets and TenantProxies are known, where the API server permits that."""
        backoff = Backoff()
        while True:
            try:
                if await self._crd.check():
                    await self._discover_kinds()
                    break
            except KubeError as error:
                _log.error("the API server can't be reached: %s", error)
            await asyncio.sleep(backoff.next())
        self._informers.start(_REQUIRED)
        await self._informers.settled()
        await self._list_tenants()

    async def _list_tenants(self) -> None:
        """Fill the cache of TenantProxies by lists of our own, and enqueue them all.

        kopf takes seconds to deliver thousands; meanwhile no drift would be repaired, and of those that claim the
        same it would not be known who was first.
        """
        for namespace in self._scopes:
            backoff = Backoff()
            while True:
                if await self._list_tenants_of(namespace):
                    break
                await asyncio.sleep(backoff.next())
        self._enqueue_all(None)

    async def _list_tenants_of(self, namespace: str | None) -> bool:
        """List the TenantProxies of a namespace, or of all (None); return False for a retry."""
        try:
            async for body in self._cluster.whole_tenant_proxies(namespace):
                with contextlib.suppress(RecursionError):  # a spec of absurd depth
                    self._tenants.on_list(body)
        except KubeError as error:
            if isinstance(error, UnreachableError) or (
                isinstance(error, StatusError) and error.status not in REFUSALS
            ):
                _log.error("TenantProxies can't be listed; retrying: %s", error)
                return False
            _log.warning("TenantProxies could not be listed; relying on kopf's events: %s", error)
        return True

    async def _stop(self) -> None:
        """End all work, and then let another operator go on at once."""
        self._ready.clear()
        await self._elector.finish_writes()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._informers.stop()
        await self._elector.release()
        if not self._ended.done():
            self._ended.set_result(None)  # kopf would wait for it for 5 s

    async def _adopt_schema(self, schema: ServedSchema) -> None:
        """Evaluate all tenants by another schema: it shows specs otherwise, of which no event tells."""
        self._reconciler.serve_schema(schema)
        if self._tasks:  # at the start they are listed once the children are known
            await self._list_tenants()

    def _forget_all(self) -> None:
        """Forget all TenantProxies: with the CRD they were deleted."""
        for key in self._tenants:
            self._tenants.remove(key)
            self._queue.add(key)

    async def _discover_kinds(self) -> None:
        """Follow the optional kinds that are switched on and served, and no others. Raises KubeError."""
        wanted = [kind for kind in kinds.OPTIONAL if kind.kind in self._settings.optional_kinds]
        served = [kind for kind in wanted if await self._cluster.serves(kind)]
        news = self._reconciler.serve_kinds(frozenset(kind.kind for kind in served))
        others = [kind for kind in kinds.OPTIONAL if kind not in served]
        await self._informers.stop(kind.plural for kind in others)
        for kind in others:
            self._children.drop_all(kind)
        self._informers.start(served)
        if news:
            self._enqueue_all(None)

    async def _handle(self, key: Key, failures: int) -> float | None:
        """Reconcile a tenant; one whose namespace has not synced, or is not led, is enqueued again when it is."""
        if not self._elector.gate.permits(key.namespace):
            self._reconciler.forget(key)
            return None
        if not self._informers.has_synced(key.namespace):
            return None
        return await self._reconciler.reconcile(key, failures)

    def _take_over(self, scope: Scope) -> None:
        """Begin to act: whatever another operator has left undone is done, and nothing else is written."""
        self._rollout.expect_more(key for key in self._tenants if scope in (None, key.namespace))
        self._enqueue_all(scope)

    def _expect_led(self, listed: Collection[Key]) -> None:
        """Have the rollout know which of its tenants exist; those that another operator leads are not its own."""
        self._rollout.expect([key for key in listed if self._elector.gate.permits(key.namespace)])

    def _enqueue_all(self, namespace: str | None) -> None:
        for key in self._tenants:
            if namespace in (None, key.namespace):
                self._queue.add(key)

    def _spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task that runs until it is cancelled; its failure ends the process."""
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(self._end_on_failure)
        return task

    def _end_on_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._ended.done():
            _log.error("unexpected error: %s ended", task.get_name(), exc_info=error)
            self._ended.set_exception(error)

    def _enqueue_referring(self, secret: Key) -> None:
        for key in self._tenants.referring_to(secret):
            self._queue.add(key)
