"""The one periodic look: for events that no watch told of, and for kinds that come and go."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

from tenantproxy.kube.client import KubeError, StatusError
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics

_log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for which an event may be on its way, unless told otherwise."""

Seen = Mapping[Key, tuple[str, int]]
"""Uid and resource version by key."""


class Missed:
    """Which changes no event has told of, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, patience: float = PATIENCE) -> None:
        self._clock = clock
        self._patience = patience
        self._open: dict[tuple[Key, tuple[str, int] | None], float] = {}

    def compare(self, listed: Seen, delivered: Seen) -> None:
        """Compare what the API server lists with what events delivered.

        What was changed again meanwhile is a new difference: on a busy object events are always under way.
        """
        differences = {
            (key, listed.get(key))
            for key in listed.keys() | delivered.keys()
            if _differ(listed.get(key), delivered.get(key))
        }
        now = self._clock()
        self._open = {difference: self._open.get(difference, now) for difference in differences}

    def overdue(self) -> list[Key]:
        """Return the TenantProxies of which events are missing for too long."""
        now = self._clock()
        return sorted(key for (key, _), since in self._open.items() if now - since >= self._patience)


def _differ(listed: tuple[str, int] | None, delivered: tuple[str, int] | None) -> bool:
    if listed is None or delivered is None:
        return listed is not delivered
    # Delivered may be newer than the list.
    return listed[0] != delivered[0] or listed[1] > delivered[1]


class Patrol:
    """Goes round every few seconds."""

    def __init__(
        self,
        cluster: Cluster,
        tenants: Tenants,
        metrics: Metrics,
        *,
        namespaces: Iterable[str | None],
        look_for_kinds: Callable[[], Awaitable[None]],
        listed: Callable[[Collection[Key]], None],
        gone: Callable[[Key], None] = lambda _: None,
        patience: float = PATIENCE,
    ) -> None:
        """Prepare; `listed` is told of all TenantProxies that there are, `gone` of each that is known to us alone.

        An event is missed after `patience`.
        """
        self._cluster = cluster
        self._tenants = tenants
        self._metrics = metrics
        self._namespaces = tuple(namespaces)
        self._look_for_kinds = look_for_kinds
        self._listed = listed
        self._gone = gone
        self._missed = Missed(patience=patience)
        self._counted: set[Key] = set()
        """Of which events are missing for too long."""

    @property
    def healthy(self) -> bool:
        """Whether all events had arrived at the last look; while the API server is down, none can be missed."""
        return not self._counted

    async def run(self, interval: float) -> None:
        """Go round at once, and then every `interval` seconds, until cancelled."""
        while True:
            try:
                await self._look_for_kinds()
                await self._compare()
            except KubeError as error:
                _log.warning("the periodic look failed and is tried again: %s", error)
            await asyncio.sleep(interval)

    async def _compare(self) -> None:
        listed: dict[Key, tuple[str, int]] = {}
        delivered = dict(self._tenants.delivered)
        undelivered = dict.fromkeys(self._tenants.undelivered())
        for namespace in self._namespaces:
            try:
                async for metadata in self._cluster.tenant_proxies(namespace):
                    listed[metadata.key] = metadata.uid, metadata.version
            except StatusError as error:
                # Such as where a namespace was deleted, and with it the rights there; others are as they were.
                _log.warning("no TenantProxies can be listed in %s: %s", namespace or "any namespace", error)
                for seen in (listed, delivered, undelivered):
                    for key in [key for key in seen if namespace in (None, key.namespace)]:
                        del seen[key]
        self._listed(listed)
        for key in undelivered.keys() - listed.keys() - self._tenants.delivered.keys():
            # It was deleted after our first list and before kopf's, so that no event will tell.
            self._tenants.remove(key)
            self._gone(key)
        self._missed.compare(listed, delivered)
        overdue = set(self._missed.overdue())
        for key in overdue - self._counted:
            _log.error("%s: no event told of its last change; the watch of TenantProxies is dead", key)
            self._metrics.missed_events.inc()
        self._counted = overdue
