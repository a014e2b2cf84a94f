"""`tenantproxy-operator local`: run every tenant's proxy from manifests, and follow their changes."""

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tenantproxy import config
from tenantproxy.credentials.stores.base import StoreError
from tenantproxy_operator.api.names import POSLOG
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local import fleet
from tenantproxy_operator.local.events import Reporter
from tenantproxy_operator.local.overview import Overview
from tenantproxy_operator.local.ports import PortError, Ports, bind, bind_all
from tenantproxy_operator.local.reads import why_reads_fail
from tenantproxy_operator.local.relays import Relays, keys_of, missing_keys
from tenantproxy_operator.local.runner import ProxyRunner
from tenantproxy_operator.local.source import DesiredTenant, ManifestSource, Snapshot
from tenantproxy_operator.local.state import TenantState
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.render.config_poslog import render_poslog_config
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.debugging import debug_end
from tenantproxy_operator.validation.resource import find_warnings

_POLL_SECONDS: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run: the options of the command."""

    paths: Sequence[Path]
    settings: Settings
    port_base: int
    state_dir: Path
    log_level: str


class InvalidManifestsError(Exception):
    """The manifests can't be used at the start; they were reported."""


class Supervisor:
    """Run the tenants of the manifests until SIGINT or SIGTERM.

    Proxies inherit these descriptors, and write their logs to `log`; to our stderr without one.
    """

    def __init__(
        self, options: Options, reporter: Reporter, *, inherited: Sequence[int], log: int | None = None
    ) -> None:
        self._options = options
        self._inherited = inherited
        self._log = log
        self._reporter = reporter
        self._source = ManifestSource(options.paths, options.settings, complete=True)
        self._runners: dict[Key, tuple[ProxyRunner, asyncio.Task[None]]] = {}
        self._resources: dict[Key, TenantProxy] = {}
        """Of those that run, as their manifests are now."""
        self._relays = Relays(
            reporter.emit,
            self._run,
            log_level=options.log_level,
            log_format="text" if reporter.for_people else "json",
            inherited=inherited,
            log=log,
        )
        self._overview = Overview(
            self._running,
            self._relays.admins,
            settings=options.settings,
            state_dir=options.state_dir,
            reporter=reporter,
        )
        self._indexes: dict[Key, int] = {}
        """Of every tenant that ever ran, so that one that comes back gets its ports again if they are free."""
        self._invalid = False
        self._warned: set[str] = set()
        self._broken: asyncio.Future[None]
        """Fails when a runner does, which it never should."""

    async def run(self) -> None:
        """Run until a signal; then stop all proxies.

        Raises:
            InvalidManifestsError: Nothing was started.
            PortError, OSError, StoreError: A tenant can't be started; nothing runs any more.

        """
        snapshot, problems = self._source.load()
        if problems:
            self._reporter.emit("invalid", problems=list(map(str, problems)))
            raise InvalidManifestsError
        self._warn(snapshot)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._broken = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        try:
            ports = bind_all(self._options.port_base, list(snapshot))
            for index, (key, wanted) in enumerate(snapshot.items()):
                self._start(key, wanted, index, ports[index])
            self._overview.publish()
            await self._until(stop)
        finally:
            fleet.withdraw(self._options.state_dir)
            await asyncio.gather(*(self._stop(key) for key in list(self._runners)))
        self._reporter.emit("stopped")

    async def _until(self, stop: asyncio.Event) -> None:
        """Follow the manifests until `stop`; raise what nothing here expected, from whatever task."""
        waited: set[asyncio.Future[Any]] = {
            asyncio.create_task(self._follow()),
            asyncio.create_task(self._look_on()),
            asyncio.create_task(stop.wait()),
            self._broken,
        }
        first, others = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for future in others:
            future.cancel()
        for future in first:
            future.result()

    async def _look_on(self) -> None:
        await asyncio.gather(*(runner.attempted.wait() for runner, _ in self._runners.values()))
        await self._overview.follow()

    def _running(self) -> list[tuple[TenantProxy, ProxyRunner]]:
        return [(self._resources[key], runner) for key, (runner, _) in self._runners.items()]

    async def _follow(self) -> None:
        await asyncio.gather(*(runner.attempted.wait() for runner, _ in self._runners.values()))
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if change := await asyncio.to_thread(self._source.poll):
                snapshot, problems = change
                if problems:
                    self._reporter.emit("invalid", problems=list(map(str, problems)))
                elif self._invalid:
                    self._reporter.emit("valid")
                self._invalid = bool(problems)
                self._warn(snapshot)
                await self._apply(snapshot)

    def _warn(self, snapshot: Snapshot) -> None:
        """Report what may not be meant, and what is probably wrong, once for as long as it is so."""
        found = self._source.notes()
        for key, wanted in snapshot.items():
            for warning in find_warnings(wanted.resource, self._options.settings):
                found.append(f"{key.namespace}/{key.name}: {warning.field}: {warning.detail}")
            if missing := missing_keys(wanted, self._relay_state(key)):
                lacking = f"its Secret lacks {', '.join(missing)}: the relay answers every event with 503"
                found.append(f"{key.namespace}/{key.name}: {lacking}")
        for message in found:
            if message not in self._warned:
                self._reporter.emit("warning", message=message)
        self._warned = set(found)

    async def _apply(self, snapshot: Snapshot) -> None:
        await asyncio.gather(*(self._remove(key) for key in self._runners.keys() - snapshot.keys()))
        for key, wanted in snapshot.items():
            try:
                self._bring(key, wanted)
                if wanted.resource.relay is None:
                    await self._relays.stop(key)
            except (OSError, StoreError, PortError) as error:
                self._reporter.emit("failed", tenant=key.name, namespace=key.namespace, message=str(error))

    async def _remove(self, key: Key) -> None:
        await self._stop(key)
        self._reporter.emit("removed", tenant=key.name, namespace=key.namespace)

    def _bring(self, key: Key, wanted: DesiredTenant) -> None:
        """Start a new tenant, or tell a running one what changed."""
        if key not in self._runners:
            index, ports = self._free(key)
            self._start(key, wanted, index, ports)
            return
        runner, _ = self._runners[key]
        self._resources[key] = wanted.resource
        self._store(runner.state, key, wanted)
        self._bring_relay(key, wanted)
        runner.update(self._render(wanted))

    def _start(self, key: Key, wanted: DesiredTenant, index: int, ports: Ports) -> None:
        state = TenantState(self._options.state_dir, key.namespace, key.name)
        try:
            state.drop_tls(besides=wanted.tls_files())
            if wanted.forward_proxy is None:
                state.drop_forward_proxy()
            self._store(state, key, wanted)
        except (OSError, StoreError):
            ports.close()
            raise
        self._indexes[key] = index
        self._resources[key] = wanted.resource
        self._bring_relay(key, wanted)
        runner = ProxyRunner(
            key,
            config=self._render(wanted),
            state=state,
            ports=ports,
            log_level=self._options.log_level,
            log_format="text" if self._reporter.for_people else "json",
            inherited=self._inherited,
            emit=self._reporter.emit,
            why_reads_fail=partial(why_reads_fail, state=state, admin=ports.urls()["admin"]),
            log=self._log,
            urls=lambda: ports.urls() | self._relays.urls_of(key),
        )
        self._runners[key] = runner, self._run(runner)

    def _bring_relay(self, key: Key, wanted: DesiredTenant) -> None:
        relay = wanted.resource.relay
        if relay is not None:
            config_json = config.encode(render_poslog_config(wanted.resource, relay, self._options.settings))
            port = self._options.port_base + 2 * self._indexes[key]
            self._relays.bring(key, config_json, self._relay_state(key), port)

    def _relay_state(self, key: Key) -> TenantState:
        return TenantState(self._options.state_dir, *key, POSLOG)

    def _run(self, runner: ProxyRunner) -> "asyncio.Task[None]":
        task = asyncio.create_task(runner.run())
        task.add_done_callback(self._check)
        return task

    def _check(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

    async def _stop(self, key: Key) -> None:
        await self._relays.stop(key)
        _, task = self._runners.pop(key)
        task.cancel()
        await asyncio.wait({task})

    def _store(self, state: TenantState, key: Key, wanted: DesiredTenant) -> None:
        """Bring the state directory up to what the Secrets' manifests say; a running proxy follows by itself."""
        if wanted.credential is not None and state.seed(wanted.credential.data):
            self._reporter.emit("credentials", tenant=key.name, namespace=key.namespace)
        end = debug_end(wanted.resource.debug_until, time.time())
        state.write_debug_until(wanted.resource.debug_until if isinstance(end, float) else "")
        state.write_forward_proxy(wanted.forward_proxy_files())
        if wanted.resource.relay is not None:
            state.write_poslog_keys(keys_of(wanted.credential))
        if state.write_tls(wanted.tls_files()):
            self._reporter.emit("certificates", tenant=key.name, namespace=key.namespace)

    def _render(self, wanted: DesiredTenant) -> bytes:
        return config.encode(render_config(wanted.resource, self._options.settings))

    def _free(self, key: Key) -> tuple[int, Ports]:
        """Return the ports that the tenant had, else the first that are free."""
        used = {self._indexes[other] for other in self._runners}
        candidates = [self._indexes[key]] if key in self._indexes else []
        candidates += range(len(used) + 100)
        for index in candidates:
            if index not in used:
                with suppress(PortError):
                    return index, self._bind(index, key)
        raise PortError("no free ports; restart with another --port-base")

    def _bind(self, index: int, key: Key) -> Ports:
        return bind(self._options.port_base + 2 * index, key)
