"""Lets writes to the API server through while this process leads, and knows which of them were not answered."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator

from tenantproxy.kube.api import StatusError, UnreachableError
from tenantproxy.kube.write_guard import SecondsLeft


class NotLeadingError(UnreachableError):
    """A write was not sent, because this process does not lead, or no longer."""


class WriteGate:
    """The guard of a client's writes."""

    def __init__(self, time_left: Callable[[str], float], clock: Callable[[], float]) -> None:
        """Prepare; `time_left` returns for how many seconds a namespace may be written to."""
        self._time_left = time_left
        self._clock = clock
        self._closed = False
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._unanswered_at = -math.inf
        """When a write was last given up: nobody knows whether the API server still gets it."""

    def permits(self, namespace: str) -> bool:
        """Tell whether a namespace may be written to now."""
        return not self._closed and self._time_left(namespace) > 0

    @contextlib.contextmanager
    def guard(self, path: str) -> Iterator[SecondsLeft]:
        """Let a write to a path through, or raise NotLeadingError; see `WriteGuard`."""
        namespace = _namespace_of(path)

        def seconds_left() -> float:
            if not self.permits(namespace):
                raise NotLeadingError("not written: this operator does not lead, or no longer")
            return self._time_left(namespace)

        self._under_way += 1
        self._quiet.clear()
        try:
            yield seconds_left
        except (StatusError, NotLeadingError):
            raise
        except BaseException:
            self._unanswered_at = self._clock()
            raise
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def close(self, patience: float) -> None:
        """Let no write through from now on; return when those under way have ended, or after so many seconds."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), patience)

    def all_answered(self, within: float) -> bool:
        """Tell whether no write is under way, nor was given up in the last seconds."""
        return not self._under_way and self._clock() - self._unanswered_at > within


def _namespace_of(path: str) -> str:
    """Return the namespace of an object's path, `/apis/GROUP/VERSION/namespaces/NAMESPACE/…`."""
    return path.partition("/namespaces/")[2].partition("/")[0]
