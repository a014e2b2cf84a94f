"""The periodic resync: events of TenantProxies that were missed; the CRD and optional kinds, which come and go."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics

_log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds after which an event that has not arrived is missed, unless told otherwise."""

Versions = Mapping[Key, tuple[str, int]]
"""Uid and resource version by key."""


class MissedEventDetector:
    """Finds changes that the API server lists and for which no watch event arrived."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, patience: float = PATIENCE) -> None:
        self._clock = clock
        self._patience = patience
        self._open: dict[tuple[Key, tuple[str, int] | None], float] = {}

    def compare(self, listed: Versions, delivered: Versions) -> None:
        """Compare what the API server lists with what events have delivered.

        An object that has changed again is a new difference: of a busy one some event is always on its way.
        """
        differences = {
            (key, listed.get(key))
            for key in listed.keys() | delivered.keys()
            if _differ(listed.get(key), delivered.get(key))
        }
        now = self._clock()
        self._open = {difference: self._open.get(difference, now) for difference in differences}

    def overdue(self) -> list[Key]:
        """Return the TenantProxies of which an event is missing for longer than the patience."""
        now = self._clock()
        return sorted(key for (key, _), since in self._open.items() if now - since >= self._patience)


def _differ(listed: tuple[str, int] | None, delivered: tuple[str, int] | None) -> bool:
    if listed is None or delivered is None:
        return listed is not delivered
    # Delivered may be newer than the list.
    return listed[0] != delivered[0] or listed[1] > delivered[1]


class PeriodicResync:
    """Lists all TenantProxies every few seconds, and looks which kinds are served."""

    def __init__(
        self,
        cluster: Cluster,
        tenants: Tenants,
        metrics: Metrics,
        *,
        namespaces: Iterable[str | None],
        check_crd: Callable[[], Awaitable[bool]],
        discover_kinds: Callable[[], Awaitable[None]],
        on_list: Callable[[Collection[Key]], None],
        on_gone: Callable[[Key], None] = lambda _: None,
        patience: float = PATIENCE,
    ) -> None:
        """Prepare; `on_list` gets all TenantProxies that exist, `on_gone` each one that only our cache has.

        Where `check_crd` says that there is no CRD, nothing else is looked at. An event is missed after `patience`
        seconds.
        """
        self._cluster = cluster
        self._tenants = tenants
        self._metrics = metrics
        self._namespaces = tuple(namespaces)
        self._check_crd = check_crd
        self._discover_kinds = discover_kinds
        self._on_list = on_list
        self._on_gone = on_gone
        self._missed = MissedEventDetector(patience=patience)
        self._overdue: set[Key] = set()
        """Whose events were missed, at the last resync."""

    @property
    def healthy(self) -> bool:
        """Whether no event was missed at the last resync; while the API server is down, none can be."""
        return not self._overdue

    async def run(self, interval: float) -> None:
        """Resync at once, and then every `interval` seconds, until cancelled."""
        while True:
            try:
                if await self._check_crd():
                    await self._discover_kinds()
                    await self._compare()
            except KubeError as error:
                _log.warning("the periodic resync failed; retrying: %s", error)
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
                for keys in (listed, delivered, undelivered):
                    for key in [key for key in keys if namespace in (None, key.namespace)]:
                        del keys[key]
        self._on_list(listed)
        for key in undelivered.keys() - listed.keys() - self._tenants.delivered.keys():
            # It was deleted after our first list and before kopf's, so that no event will tell.
            self._tenants.remove(key)
            self._on_gone(key)
        self._missed.compare(listed, delivered)
        overdue = set(self._missed.overdue())
        for key in overdue - self._overdue:
            _log.error("%s: no watch event arrived for its last change; the TenantProxy watch is dead", key)
            self._metrics.missed_events.inc()
        self._overdue = overdue
