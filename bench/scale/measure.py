"""All measurements for one size of fleet: rounds, each with our operator, the bare applies and the peer."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.scale import drift, fleet, floor, machine
from bench.scale.auditlog import Requests
from bench.scale.cluster_site import Site, fresh_site
from bench.scale.figures import Floor, Measured, Once, Round
from bench.scale.floor import Creation
from bench.scale.kubelets import kubelets, ready
from bench.scale.machine import Usage
from bench.scale.subject import BenchError, Subject, known, ours
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube.client import TENANT_PROXY

_SETTLE: Final = 3.0
"""Seconds in which what is still to be written would be."""
_REPAIRS: Final = 20
_MEANWHILE: Final = 8
_CHANGES: Final = 20

MakeSubject = Callable[[Site], Subject]


def measure(binaries: Path, size: int, *, rounds: int, rest: float, peer: MakeSubject | None = None) -> Measured:
    """Measure everything at one size.

    Raises:
        BenchError: The operator did what it must not, or nothing for a long time.

    """
    own: list[Round] = []
    floors: list[Floor] = []
    peers: list[Round] = []
    once: Once | None = None
    status: dict[str, Any] = {}
    for number in range(1, rounds + 1):
        say = f"{size}, round {number} of {rounds}"
        _say(f"{say}: our operator")
        with fresh_site(binaries, size) as site:
            found, creation = _round(site, ours(site), size, rest)
            if once is None:
                once = _once(site, size, creation)
                status = asyncio.run(_status(site))
        own.append(found)
        _say(f"{say}: bare applies")
        floors.append(_floor(binaries, size, status, creation))
        if peer is not None:
            _say(f"{say}: the operator in Go")
            with fresh_site(binaries, size) as site:
                peers.append(_round(site, peer(site), size, rest)[0])
    if once is None:
        raise BenchError("there must be a round")
    return Measured(size=size, ours=own, floors=floors, peers=peers, once=once)


def _each(counts: dict[str, int], divisor: float) -> dict[str, float]:
    return {name: round(number / divisor, 4) for name, number in sorted(counts.items())}


def _say(what: str) -> None:
    print(f"  {time.strftime('%X')} {what}", file=sys.stderr, flush=True)


def _round(site: Site, subject: Subject, size: int, rest: float) -> tuple[Round, Creation]:
    """Take an operator through one fleet's life."""
    with subject.running() as pid:
        creation = asyncio.run(_create(site, subject, pid, size))
        resting = _at_rest(site, pid, rest)
        peak = machine.peak_rss_mib(pid)
        repairs = asyncio.run(_repairs(site, size))
    again = _restart(site, subject, size)
    found = Round(
        create=creation.requests.seconds,
        create_cpu=creation.usage.cpu,
        create_others=creation.usage.others,
        create_requests=_each(creation.requests.counts, size),
        create_peak_rss=peak,
        **resting,
        repair=repairs,
        restart=again.seconds,
        restart_cpu=again.usage.cpu["operator"],
        restart_apiserver_cpu=again.usage.cpu["apiserver"] + again.usage.cpu["etcd"],
        restart_others=again.usage.others,
        restart_writes=again.requests.writes,
        restart_requests=dict(sorted(again.requests.counts.items())),
        restart_rss=again.rss,
        restart_peak_rss=again.peak_rss,
    )
    return found, creation


def _floor(binaries: Path, size: int, status: dict[str, Any], ours: Creation) -> Floor:
    bare = asyncio.run(floor.build(binaries, size, status))
    if bare.objects != ours.objects:
        raise BenchError(f"the operator made {ours.objects}, and the floor {bare.objects}")
    for name, creation in (("the operator", ours), ("the floor", bare)):
        if creation.requests.errors:
            raise BenchError(f"{name} got errors: {dict(creation.requests.errors)}")
    return Floor(create=bare.requests.seconds, cpu=bare.usage.cpu, others=bare.usage.others)


async def _create(site: Site, subject: Subject, pid: int, size: int) -> Creation:
    """Create the fleet, and wait until all its tenants are Ready. Raises BenchError."""
    subject.wait_ready()
    async with site.client(admin=True) as admin, kubelets(admin):
        mark = site.mark()
        with Usage(operator=pid, **site.pids) as usage:
            await fleet.create(admin, fleet.keys(size), lambda *_: None)
            await subject.created(size)
            await ready(admin, TENANT_PROXY.path(None), size)
        await asyncio.sleep(_SETTLE)
        return Creation(site.requests(mark), usage, await fleet.count(admin))


def _at_rest(site: Site, pid: int, seconds: float) -> dict[str, Any]:
    """Return what an operator takes that has nothing to do; see `Round`."""
    mark = site.mark()
    with Usage(operator=pid, **site.pids) as usage:
        time.sleep(seconds)
    return {
        "rest_cpu": usage.cpu["operator"] / usage.seconds,
        "rest_apiserver_cpu": (usage.cpu["apiserver"] + usage.cpu["etcd"]) / usage.seconds,
        "rest_requests": _each(site.requests(mark).counts, usage.seconds / 60),
        "rest_rss": machine.rss_mib(pid),
        "apiserver_rss": machine.rss_mib(site.pids["apiserver"]),
        "etcd_rss": machine.rss_mib(site.pids["etcd"]),
    }


async def _repairs(site: Site, size: int) -> list[float]:
    """Edit children while the operator is at rest; the pods of an edited Deployment are replaced meanwhile."""
    async with site.client(admin=True) as admin, kubelets(admin):
        found = await drift.repairs_at_rest(admin, _spread(size, _REPAIRS))
        await asyncio.sleep(_SETTLE)
        return found


class _Restart(NamedTuple):
    """What a restart took; see `Round`."""

    seconds: float
    usage: Usage
    rss: float
    peak_rss: float
    requests: Requests


def _restart(site: Site, subject: Subject, size: int) -> _Restart:
    """Start an operator that has nothing to do, wait until it is idle, and end it. Raises BenchError."""
    mark = site.mark()
    begin = time.perf_counter()
    with subject.running() as pid:
        with Usage(operator=pid, **site.pids) as usage:
            seconds = subject.wait_idle(pid, size) - begin
        time.sleep(_SETTLE)
        return _Restart(
            seconds=seconds,
            usage=usage,
            rss=machine.rss_mib(pid),
            peak_rss=machine.peak_rss_mib(pid),
            requests=site.requests(mark),
        )


def _once(site: Site, size: int, creation: Creation) -> Once:
    """Measure what is measured once, with two more starts of our operator."""
    subject = ours(site)
    with subject.running() as pid:
        subject.wait_idle(pid, size)
        metrics = subject.metrics()
        changes = asyncio.run(_changes(site, subject, size))
    repairs, seen = asyncio.run(_repairs_in_resync(site, subject, size))
    return Once(
        children=sum(creation.objects.values()) // size,
        change_requests=changes,
        repair_in_resync=repairs,
        resync_known=seen,
        reconcile_mean=metrics["reconcile_duration_seconds_sum"] / metrics["reconcile_duration_seconds_count"],
    )


async def _changes(site: Site, subject: Subject, size: int) -> dict[str, float]:
    """Change specs, whose pods are replaced; return the requests that each costs."""
    async with site.client(admin=True) as admin, kubelets(admin):
        mark, changes = site.mark(), min(_CHANGES, size)
        await drift.change_specs(admin, list(range(changes)), lambda: subject.metrics()["status_writes_total"])
        await asyncio.sleep(_SETTLE)
        return _each(site.requests(mark).counts, changes)


async def _repairs_in_resync(site: Site, subject: Subject, size: int) -> tuple[list[float], int]:
    """Edit children as soon as a started operator has begun to look at its tenants; return also at how many."""
    seen = 0

    def begun() -> bool:
        nonlocal seen
        seen = known(subject.metrics())
        return seen > 0

    async with site.client(admin=True) as admin, kubelets(admin):
        with subject.running() as pid:
            found = await drift.repairs_meanwhile(admin, _spread(size, _MEANWHILE), begun)
            subject.wait_idle(pid, size)
    return found, seen


def _spread(size: int, count: int) -> list[int]:
    """Return tenants from the whole fleet, each of another kind of edit than the one before."""
    return [min(size - 1, size * place // count // 4 * 4 + place % 4) for place in range(min(count, size // 4))]


async def _status(site: Site) -> dict[str, Any]:
    async with site.client(admin=True) as admin:
        return await _status_of(admin)


async def _status_of(client: KubeClient) -> dict[str, Any]:
    tenant = await fleet.read(client, TENANT_PROXY, fleet.key_of(0))
    status: dict[str, Any] = tenant["status"]
    return status
