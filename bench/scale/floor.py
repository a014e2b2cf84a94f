"""The floor: the same objects, written by plain calls of the same client, with the operator's concurrency."""

import asyncio
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.scale import fleet
from bench.scale.auditlog import Requests
from bench.scale.cluster_site import Site, fresh_site
from bench.scale.fleet import Call
from bench.scale.kubelets import kubelets, ready
from bench.scale.machine import Usage
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key

WORKERS: Final = 16
"""As `tenantproxy-operator run` has by default."""


class Creation(NamedTuple):
    """What the creation of a fleet took."""

    requests: Requests
    usage: Usage
    objects: dict[str, int]
    """How many there are of each kind."""


async def build(binaries: Path, size: int, status: dict[str, Any]) -> Creation:
    """Create a fleet without the operator. Raises KubeError, DaemonError."""
    calls = {key: fleet.calls_for(key, status) for key in fleet.keys(size)}
    with fresh_site(binaries, size) as site:
        return await _build(site, calls)


async def _build(site: Site, calls: dict[Key, list[Call]]) -> Creation:
    async with site.client(admin=True) as admin, site.client() as client, kubelets(admin):
        mark = site.mark()
        with Usage(**site.pids) as usage:
            await _write(admin, client, calls)
            await ready(admin, kinds.DEPLOYMENT.path(None), len(calls))
        return Creation(site.requests(mark), usage, await fleet.count(admin))


async def _write(admin: KubeClient, client: KubeClient, calls: dict[Key, list[Call]]) -> None:
    created: asyncio.Queue[tuple[Key, str] | None] = asyncio.Queue()

    async def work() -> None:
        while (each := await created.get()) is not None:
            key, uid = each
            for call in calls[key]:
                await call.send(client, uid)

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())
        await fleet.create(admin, calls, lambda key, uid: created.put_nowait((key, uid)))
        for _ in range(WORKERS):
            created.put_nowait(None)
