"""Operators that watch single namespaces, as one that watches all sees them: it leaves those to them.

They hold a Lease of the same name in each of their namespaces; one that is no longer renewed counts for nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.kube.objects import LeaseRecord, Metadata

_log = logging.getLogger(__name__)

_FORBIDDEN = 403


class NamedLease(msgspec.Struct, frozen=True):
    """A Lease, as a watch has it."""

    metadata: Metadata
    spec: LeaseRecord = LeaseRecord()


class OtherOperators:
    """Follows the Leases of all namespaces."""

    def __init__(self, own_namespace: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; the Lease in `own_namespace` is that of all namespaces."""
        self._own_namespace = own_namespace
        self._clock = clock
        self._seen: dict[str, tuple[LeaseRecord, float]] = {}
        """By namespace, with when it was first seen as it is."""
        self.known = asyncio.Event()
        """Set when all were listed once, or the API server refuses that."""

    def namespaces(self) -> set[str]:
        """Return those that another operator leads."""
        now = self._clock()
        return {namespace for namespace, seen in self._seen.items() if seen[0].is_held(seen[1], now)}

    def lead(self, namespace: str) -> bool:
        """Tell whether another operator leads a namespace."""
        seen = self._seen.get(namespace)
        return seen is not None and seen[0].is_held(seen[1], self._clock())

    def on_list_start(self) -> None:
        """Do nothing: a Lease that is gone is one that is not renewed."""

    def on_list_end(self) -> None:
        """Take note that all were listed."""
        self.known.set()

    def on_upsert(self, lease: NamedLease) -> None:
        """Take note of a Lease."""
        namespace = lease.metadata.namespace
        seen = self._seen.get(namespace)
        if namespace != self._own_namespace and (seen is None or seen[0] != lease.spec):
            self._seen[namespace] = lease.spec, self._clock()

    def on_delete(self, lease: NamedLease) -> None:
        """Do nothing, as for a list."""

    def on_error(self, error: KubeError) -> None:
        """Report a failure."""
        hint = ""
        if isinstance(error, StatusError) and error.status == _FORBIDDEN:
            hint = "; apply what `tenantproxy-operator rbac` prints"
            self.known.set()
        _log.warning("the watch of other operators' Leases was interrupted; reconnecting: %s%s", error, hint)
