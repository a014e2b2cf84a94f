"""All measurements for one size of fleet, from its creation to two restarts."""

import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec

from bench.scale import drift, fleet, floor, machine
from bench.scale.auditlog import Requests
from bench.scale.cluster_site import Site, fresh_site
from bench.scale.floor import Creation
from bench.scale.machine import Usage
from bench.scale.subject import BenchError, Subject, known, ours
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube.client import TENANT_PROXY

_SETTLE: Final = 3.0
"""Seconds in which what is still to be written would be."""
REPAIRS: Final = 20
_MEANWHILE: Final = 8
_CHANGES: Final = 20


class Figures(msgspec.Struct, kw_only=True):
    """All that is measured at one size; times in seconds, memory in MiB."""

    size: int
    rounds: int
    children: int
    """How many a tenant has."""

    create: float
    floor: float
    ratio: float
    """Of create to floor, the median of the rounds' ratios."""
    create_cpu: dict[str, float]
    """By process."""
    floor_cpu: dict[str, float]
    create_others: float
    """Share of the machine that others had during the creation."""
    floor_others: float
    """The same, during the bare applies."""
    create_requests: dict[str, float]
    """Per tenant, by verb and resource."""

    rest_cpu: float
    """Share of one core."""
    rest_apiserver_cpu: float
    """The same, of API server and etcd, for whatever they do at rest."""
    rest_requests: dict[str, float]
    """Per minute."""
    rest_rss: float
    """After the creation."""
    create_peak_rss: float
    apiserver_rss: float
    etcd_rss: float

    repair: list[float]
    repair_in_resync: list[float]
    resync_known: int
    """How many tenants had been looked at when those edits were made."""
    change_requests: dict[str, float]
    """Per change of a spec."""

    restart: float
    restart_cpu: float
    restart_apiserver_cpu: float
    restart_others: float
    restart_writes: int
    restart_requests: dict[str, int]
    restart_rss: float
    restart_peak_rss: float
    reconcile_mean: float
    """Seconds of one reconcile in which nothing is to be done, from the operator's own metric."""


class PeerFigures(msgspec.Struct, kw_only=True):
    """What is measured of the peer, an operator in Go, at one size; as in `Figures`."""

    size: int
    create: float
    create_cpu: dict[str, float]
    create_requests: dict[str, float]
    create_peak_rss: float
    rest_rss: float
    repair: list[float]
    restart: float
    restart_cpu: float
    restart_writes: int
    restart_peak_rss: float


class Results(msgspec.Struct):
    """What is kept of a run; `plot.py` draws it."""

    machine: str
    sizes: list[Figures]
    peers: list[PeerFigures] = []


def measure(binaries: Path, size: int, *, rounds: int, rest: float) -> Figures:
    """Measure everything at one size.

    Raises:
        BenchError: The operator did what it must not, or nothing for a long time.

    """
    found, status = _with_operator(binaries, size, rest)
    creations = [found["creation"]]
    floors = [_floor(binaries, size, status, creations[0])]
    for _ in range(rounds - 1):
        creations.append(_created(binaries, size))
        floors.append(_floor(binaries, size, status, creations[-1]))
    del found["creation"]
    ratios = [ours.requests.seconds / bare.requests.seconds for ours, bare in zip(creations, floors, strict=True)]
    return Figures(
        size=size,
        rounds=rounds,
        children=sum(creations[0].objects.values()) // size,
        create=median(each.requests.seconds for each in creations),
        floor=median(each.requests.seconds for each in floors),
        ratio=median(ratios),
        create_cpu=creations[0].usage.cpu,
        floor_cpu=floors[0].usage.cpu,
        create_others=max(each.usage.others for each in creations),
        floor_others=max(each.usage.others for each in floors),
        create_requests=_each(creations[0].requests.counts, size),
        **found,
    )


def _each(counts: dict[str, int], divisor: float) -> dict[str, float]:
    return {name: round(number / divisor, 4) for name, number in sorted(counts.items())}


def _say(size: int, what: str) -> None:
    print(f"  {time.strftime('%X')} {size}: {what}", file=sys.stderr, flush=True)


def _floor(binaries: Path, size: int, status: dict[str, Any], ours: Creation) -> Creation:
    _say(size, "bare applies")
    bare = asyncio.run(floor.build(binaries, size, status))
    if bare.objects != ours.objects:
        raise BenchError(f"the operator made {ours.objects}, and the floor {bare.objects}")
    for name, creation in (("the operator", ours), ("the floor", bare)):
        if creation.requests.errors:
            raise BenchError(f"{name} got errors: {dict(creation.requests.errors)}")
    return bare


def _created(binaries: Path, size: int) -> Creation:
    with fresh_site(binaries, size) as site:
        subject = ours(site)
        with subject.running() as pid:
            return asyncio.run(create(site, subject, pid, size))


async def create(site: Site, subject: Subject, pid: int, size: int) -> Creation:
    """Create the fleet, and wait until the operator is through. Raises BenchError."""
    subject.wait_ready()
    async with site.client(admin=True) as admin:
        mark = site.mark()
        with Usage(operator=pid, **site.pids) as usage:
            await fleet.create(admin, fleet.keys(size), lambda *_: None)
            subject.wait_created(size)  # no thread, which would outlive a signal
        await asyncio.sleep(_SETTLE)
        return Creation(site.requests(mark), usage, await fleet.count(admin))


def _with_operator(binaries: Path, size: int, rest: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all but the floor, and the status of a tenant."""
    found: dict[str, Any] = {}
    with fresh_site(binaries, size) as site:
        subject = ours(site)
        with subject.running() as pid:
            _say(size, "creation")
            found["creation"] = asyncio.run(create(site, subject, pid, size))
            _say(size, "at rest")
            found |= at_rest(site, pid, rest)
            found["create_peak_rss"] = machine.peak_rss_mib(pid)
            _say(size, "changes")
            found |= asyncio.run(_changes(site, subject, size))
        _say(size, "restarts")
        found |= _own_restart(site, subject, size)
        found |= asyncio.run(_repairs_in_resync(site, subject, size))
        status = asyncio.run(_status(site))
    return found, status


def at_rest(site: Site, pid: int, seconds: float) -> dict[str, Any]:
    """Return what an operator takes that has nothing to do; see `Figures`."""
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


async def _changes(site: Site, subject: Subject, size: int) -> dict[str, Any]:
    """Edit children, then change specs, while the operator is at rest."""
    async with site.client(admin=True) as admin:
        repairs = await drift.repairs_at_rest(admin, spread(size, REPAIRS))
        await asyncio.sleep(_SETTLE)
        mark = site.mark()
        changes = min(_CHANGES, size)
        await drift.change_specs(admin, list(range(changes)), lambda: subject.metrics()["status_writes_total"])
        await asyncio.sleep(_SETTLE)
    return {"repair": repairs, "change_requests": _each(site.requests(mark).counts, changes)}


class Restart(NamedTuple):
    """What a restart took; see `Figures`."""

    seconds: float
    usage: Usage
    rss: float
    peak_rss: float
    metrics: dict[str, float]
    """The operator's own, when it was idle."""
    requests: Requests


def restart(site: Site, subject: Subject, size: int) -> Restart:
    """Start an operator that has nothing to do, wait until it is idle, and end it. Raises BenchError."""
    mark = site.mark()
    begin = time.perf_counter()
    with subject.running() as pid:
        with Usage(operator=pid, **site.pids) as usage:
            seconds = subject.wait_idle(pid, size) - begin
        metrics = subject.metrics()
        time.sleep(_SETTLE)
        return Restart(
            seconds=seconds,
            usage=usage,
            rss=machine.rss_mib(pid),
            peak_rss=machine.peak_rss_mib(pid),
            metrics=metrics,
            requests=site.requests(mark),
        )


def _own_restart(site: Site, subject: Subject, size: int) -> dict[str, Any]:
    found = restart(site, subject, size)
    return {
        "restart": found.seconds,
        "restart_cpu": found.usage.cpu["operator"],
        "restart_apiserver_cpu": found.usage.cpu["apiserver"] + found.usage.cpu["etcd"],
        "restart_others": found.usage.others,
        "restart_writes": found.requests.writes,
        "restart_requests": dict(sorted(found.requests.counts.items())),
        "restart_rss": found.rss,
        "restart_peak_rss": found.peak_rss,
        "reconcile_mean": found.metrics["reconcile_duration_seconds_sum"]
        / found.metrics["reconcile_duration_seconds_count"],
    }


async def _repairs_in_resync(site: Site, subject: Subject, size: int) -> dict[str, Any]:
    """Edit children as soon as a started operator has begun to look at its tenants."""
    seen = 0

    def begun() -> bool:
        nonlocal seen
        seen = known(subject.metrics())
        return seen > 0

    async with site.client(admin=True) as admin:
        with subject.running() as pid:
            found = await drift.repairs_meanwhile(admin, spread(size, _MEANWHILE), begun)
            subject.wait_idle(pid, size)
    return {"repair_in_resync": found, "resync_known": seen}


def spread(size: int, count: int) -> list[int]:
    """Return tenants from the whole fleet, each of another kind of edit than the one before."""
    return [min(size - 1, size * place // count // 4 * 4 + place % 4) for place in range(min(count, size // 4))]


async def _status(site: Site) -> dict[str, Any]:
    async with site.client(admin=True) as admin:
        return await _status_of(admin)


async def _status_of(client: KubeClient) -> dict[str, Any]:
    tenant = await fleet.read(client, TENANT_PROXY, fleet.key_of(0))
    status: dict[str, Any] = tenant["status"]
    return status
