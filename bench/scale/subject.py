"""The operator under measurement, ours or a peer: a process, and how long it takes to reach a state."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from bench.scale import machine
from bench.scale.cluster_site import Site
from support.operator.process import OperatorProcess

_POLL: Final = 0.1
_LONGEST_WAIT: Final = 3600.0
_IDLE: Final = 0.3
"""Share of a core that a process may use and be idle."""
_QUIET: Final = 1.0
_SECRETS_MADE: Final = 'apply_total{kind="Secret",result="success"}'


class BenchError(Exception):
    """The benchmark can't go on; the message says why."""


class Subject:
    """An operator with our operator's rights and default number of workers."""

    def __init__(self, process: OperatorProcess) -> None:
        self._process = process

    @contextlib.contextmanager
    def running(self) -> Iterator[int]:
        """Run it; the process id is what this gives."""
        self._process.start()
        try:
            yield self._process.pid
        finally:
            self._process.stop()

    def wait_ready(self) -> None:
        """Wait until /readyz says so. Raises BenchError."""
        self._until(self._process.ready, 60.0, poll=0.02)

    def metrics(self) -> dict[str, float]:
        """Return its metrics; empty while it does not answer."""
        try:
            return self._process.metrics()
        except OSError:
            return {}

    def wait_idle(self, pid: int, size: int) -> float:
        """Wait until it has looked at so many tenants since its start, and at none for a second.

        Return when it had (by `perf_counter`): kopf goes on to tell of tenants that were looked at already. Raises
        BenchError.
        """
        at, spent = 0.0, -1.0

        def done() -> bool:
            nonlocal at, spent
            used = machine.cpu_seconds(pid)
            found = self.metrics()
            busy = used - spent > _IDLE * _POLL or known(found) < size or waiting(found)
            spent = machine.cpu_seconds(pid)  # without what the metrics took
            if busy or not at:
                at = time.perf_counter()
            return time.perf_counter() - at > _QUIET

        self._until(done, _LONGEST_WAIT)
        return at

    async def created(self, size: int) -> None:
        """Wait until it has made so many tenants' children and statuses since its start. Raises BenchError."""
        deadline = time.monotonic() + _LONGEST_WAIT
        while not self._has_made(size):  # no thread asks, which would outlive a signal
            self._check(deadline)
            await asyncio.sleep(_POLL)

    def _has_made(self, size: int) -> bool:
        found = self.metrics()
        # The Secret comes last: the user is given some seconds to make one of his own.
        written = found.get("status_writes_total", 0.0), found.get(_SECRETS_MADE, 0.0)
        return min(written) >= size and not waiting(found)

    def _until(self, check: Callable[[], bool], seconds: float, *, poll: float = _POLL) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            self._check(deadline)
            time.sleep(poll)

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline or not self._process.running:
            raise BenchError(f"the operator does not get there:\n{self._process.log[-3000:]}")


def ours(site: Site) -> Subject:
    """Return `tenantproxy-operator run`."""
    return Subject(OperatorProcess("--all-namespaces", directory=site.directory, kubeconfig=site.kubeconfig))


def known(metrics: dict[str, float]) -> int:
    """Return how many tenants have been looked at."""
    return int(sum(value for name, value in metrics.items() if name.startswith("tenants{")))


def waiting(metrics: dict[str, float]) -> int:
    """Return how many tenants wait, now or after a pause."""
    return int(metrics.get("queue_depth", 1.0) + metrics.get("retrying", 0.0))
