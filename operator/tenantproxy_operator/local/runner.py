"""Run one tenant's proxy: restart it when it dies, hand over to a new process when its manifest changes."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from tenantproxy.backoff import Backoff
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local.events import Event
from tenantproxy_operator.local.ports import Ports
from tenantproxy_operator.local.process import ProxyProcess
from tenantproxy_operator.local.reads import Obstacle
from tenantproxy_operator.local.state import TenantState

READY_SECONDS: Final = 60.0
"""How long a proxy may take to become ready: its first token attempt belongs to it, and machines can be slow."""

_BACKOFF: Final = 0.5, 30.0
"""Seconds before a proxy that ended is started again: the first delay and the longest."""
_STABLE_SECONDS: Final = 30.0
"""A proxy that served this long starts again without the delay that earlier failures added."""

PROGRAM: Final = (sys.executable, "-P", "-m", "tenantproxy")


WhyReadsFail = Callable[[bytes], Awaitable[Obstacle | None]]
"""Returns why no read can succeed with a configuration; see `reads`."""


class ProxyRunner:
    """Run one tenant's proxy until cancelled."""

    def __init__(
        self,
        key: Key,
        *,
        config: bytes,
        state: TenantState,
        ports: Ports,
        log_level: str,
        log_format: str,
        inherited: Sequence[int],
        emit: Callable[..., None],
        why_reads_fail: WhyReadsFail,
        log: int | None = None,
        program: Sequence[str] = PROGRAM,
        arguments: Sequence[str] = (),
        urls: Callable[[], dict[str, str]] | None = None,
    ) -> None:
        """Prepare; `arguments` are added to what `serve` of `program` gets, `urls` returns what events have."""
        self.key = key
        self.state = state
        self.ports = ports
        self.attempted = asyncio.Event()
        """Set when the proxy became ready, or failed to, for the first time."""
        self.obstacle: Obstacle | None = None
        """Why no read can succeed at the proxy that serves."""
        self.obstacle_since = 0.0
        """When that was first seen, Unix seconds."""
        self.started_at = 0.0
        """When that proxy was started, Unix seconds."""
        self.urls = urls or ports.urls
        """Returns where it serves, as events have it."""
        self._program = program
        self._arguments = tuple(arguments)
        self._inherited = tuple(inherited)
        self._log_level = log_level
        self._log_format = log_format
        self._emit = emit
        self._why_reads_fail = why_reads_fail
        self._log = log
        self._config = config
        self._candidate: bytes | None = None
        self._changed = asyncio.Event()
        self._processes: set[ProxyProcess] = set()
        self._stopping: set[asyncio.Task[None]] = set()
        self._serving: ProxyProcess | None = None

    @property
    def serves(self) -> bool:
        """Whether a proxy is ready."""
        return self._serving is not None

    def update(self, config: bytes) -> None:
        """Hand over to a proxy with another configuration."""
        if config != (self._candidate or self._config):
            self._candidate = config
            self._changed.set()

    async def check(self) -> None:
        """Look again whether reads can succeed, if they could not, and report when they can.

        Where they can, this is left to requests: they show what fails, and nobody else calls the OMS.
        """
        if self.serves and self.obstacle is not None:
            await self._look()
            if self.obstacle is None and self.serves:
                self._report("ready", **self.urls())

    async def run(self) -> None:
        """Keep the proxy running; when cancelled, stop it and return."""
        try:
            await self._keep()
        finally:
            await asyncio.gather(*(self._stop(process) for process in self._processes), *self._stopping)
            self.ports.close()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff(*_BACKOFF, spread="none")
        while True:
            self._take_candidate()
            started = loop.time()
            try:
                status = await self._run_once()
            except OSError as error:
                delay = backoff.next()
                self._report("failed", message=f"can't start a proxy ({error}); retrying in {delay:g} s")
            else:
                if loop.time() - started > _STABLE_SECONDS:
                    backoff.reset()
                delay = backoff.next()
                self._report("exited", status=status, retryInSeconds=delay)
            self.attempted.set()
            await _first(asyncio.sleep(delay), self._changed.wait())

    async def _run_once(self) -> int | None:
        """Start a proxy and serve with it; return the status with which it, or its last successor, ended."""
        process = await self._start(self._config)
        if await process.ready(READY_SECONDS):
            await self._report_serving("ready")
            process = await self._serve(process)
        await self._stop(process)
        return process.status

    async def _serve(self, process: ProxyProcess) -> ProxyProcess:
        """Serve with `process`, or those that it hands over to, until the last of them ends; return that one."""
        self._serving = process
        self.attempted.set()
        try:
            while True:
                await _first(process.exited(), self._changed.wait())
                if process.status is not None:
                    return process
                process = self._serving = await self._hand_over(process)
        finally:
            self._serving = None

    async def _hand_over(self, old: ProxyProcess) -> ProxyProcess:
        """Start a proxy with the changed configuration on the same sockets; return the one that keeps running."""
        last_good = self._config
        self._take_candidate()
        try:
            new = await self._start(self._config)
            if await new.ready(READY_SECONDS):
                await self._report_serving("reloaded")
                self._stop_in_background(old)
                return new
            await self._stop(new)
            self._report("rejected", status=new.status)
        except OSError as error:
            self._report("failed", message=f"can't start a proxy ({error}); the previous one keeps running")
        self._config = last_good
        return old

    def _take_candidate(self) -> None:
        self._changed.clear()
        if self._candidate is not None:
            self._config, self._candidate = self._candidate, None

    async def _start(self, config: bytes) -> ProxyProcess:
        self.state.write_config(config)
        api, admin = self.ports.api.fileno(), self.ports.admin.fileno()
        command = (
            *self._program,
            *("serve", "--supervised", "--log-level", self._log_level, "--log-format", self._log_format),
            *("--config", str(self.state.config), "--credentials", str(self.state.credentials)),
            *("--tls", str(self.state.tls)),
            *("--forward-proxy-credentials", str(self.state.forward_proxy)),
            *("--debug-until", str(self.state.debug_until), "--troubles", str(self.state.troubles)),
            *("--api", f"fd:{api}", "--admin", f"fd:{admin}"),
            *self._arguments,
        )
        self.started_at = time.time()
        process = await ProxyProcess.start(command, descriptors=(api, admin, *self._inherited), log=self._log)
        self._processes.add(process)
        return process

    async def _stop(self, process: ProxyProcess) -> None:
        await process.stop()
        self._processes.discard(process)

    def _stop_in_background(self, process: ProxyProcess) -> None:
        """Let the old proxy finish what is in flight while the new one serves."""
        self._processes.discard(process)
        task = asyncio.create_task(process.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _report_serving(self, event: Event) -> None:
        await self._look()
        problem = {} if self.obstacle is None else {"problem": self.obstacle.says}
        self._report(event, **self.urls(), **problem)

    async def _look(self) -> None:
        """See why reads fail; what was so already has been so since then."""
        before, found = self.obstacle, await self._why_reads_fail(self._config)
        if before is None or found is None or before.reason != found.reason:
            self.obstacle_since = time.time()
        self.obstacle = found

    def _report(self, event: Event, **fields: Any) -> None:  # noqa: ANN401 - JSON values
        self._emit(event, tenant=self.key.name, namespace=self.key.namespace, **fields)


async def _first(*awaitables: Any) -> None:  # noqa: ANN401 - awaitables of any result
    """Wait for the first of `awaitables`, and cancel the others."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
