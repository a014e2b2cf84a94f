"""What `local` says about its tenants as a whole: the table, the scrape targets, a first read."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.fleet.looks import Looks
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.local import fleet
from tenantproxy_operator.local.events import Reporter
from tenantproxy_operator.local.first_read import first_read
from tenantproxy_operator.local.fleet import LocalTenant
from tenantproxy_operator.local.relays import first_event
from tenantproxy_operator.local.runner import ProxyRunner
from tenantproxy_operator.settings import Settings

_SECONDS: Final = 2.0
"""Between two looks."""
_MOST_TARGETS: Final = 8

Running = Callable[[], Sequence[tuple[TenantProxy, ProxyRunner]]]
"""Returns what runs now."""


class Overview:
    """Follows what runs."""

    def __init__(
        self,
        running: Running,
        relays: Callable[[], Mapping[Key, str]],
        *,
        settings: Settings,
        state_dir: Path,
        reporter: Reporter,
    ) -> None:
        """Prepare; `relays` returns the URLs of the relays' admin ports."""
        self._running = running
        self._relays = relays
        self._settings = settings
        self._state_dir = state_dir
        self._reporter = reporter
        self._published: list[LocalTenant] | None = None

    async def follow(self) -> NoReturn:
        """Keep the table, and what other commands may know, as things are."""
        looks, introduced = Looks(), False
        loop = asyncio.get_running_loop()
        while True:
            running = self._running()
            await asyncio.gather(*(runner.check() for _, runner in running))
            tenants = self.publish()
            if self._reporter.for_people:
                if not introduced and running:
                    await self._introduce(running)
                if self._reporter.renews or not introduced:
                    self._reporter.show(looks.rows(await fleet.look(tenants), loop.time()))
                introduced = True
            await asyncio.sleep(_SECONDS)

    def publish(self) -> list[LocalTenant]:
        """Tell other commands what runs; return it."""
        relays = self._relays()
        tenants = [
            LocalTenant(
                namespace=runner.key.namespace,
                name=runner.key.name,
                tenant_id=resource.spec.tenant_id,
                problem=runner.obstacle.says if runner.obstacle else None,
                reason=runner.obstacle.reason if runner.obstacle else "",
                problem_since=runner.obstacle_since if runner.obstacle else None,
                started_at=runner.started_at,
                events_admin=relays.get(runner.key, ""),
                **runner.urls(),
            )
            for resource, runner in self._running()
        ]
        if tenants != self._published:
            with suppress(OSError):  # such as a full disk, which keeps no proxy from serving; tried again
                fleet.publish(self._state_dir, tenants)
                self._published = tenants
        return tenants

    async def _introduce(self, running: Sequence[tuple[TenantProxy, ProxyRunner]]) -> None:
        """Say where Prometheus finds the metrics, and how to read a first order."""
        admins = [runner.ports.urls()["admin"] for _, runner in running]
        targets = [urlsplit(admin).netloc for admin in (*admins, *self._relays().values())]
        more = f" and {len(targets) - _MOST_TARGETS} more" if len(targets) > _MOST_TARGETS else ""
        self._reporter.say(f"Scrape targets for Prometheus: {' '.join(targets[:_MOST_TARGETS])}{more}")
        resource, runner = min(running, key=lambda each: (not each[1].serves, each[1].obstacle is not None))
        command = await first_read(resource, self._settings, runner.ports.urls()["api"])
        self._reporter.say(f"A first read, of {runner.key}:")
        for line in command:
            self._reporter.say(f"  {line}")
        for resource, runner in running:
            if resource.relay and (url := runner.urls().get("events")):
                self._reporter.say(f"A first event, to {runner.key}:")
                for line in first_event(resource.relay, url):
                    self._reporter.say(f"  {line}")
                return
