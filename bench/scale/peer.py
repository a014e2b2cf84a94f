"""The peer: a minimal operator with controller-runtime that makes the same children (bench/peers/operator)."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.peers.build import build
from bench.scale import drift, fleet, machine
from bench.scale.cluster_site import Site, fresh_site
from bench.scale.measure import REPAIRS, PeerFigures, at_rest, create, restart, spread
from bench.scale.subject import Subject
from support.operator.process import OperatorProcess
from tenantproxy_operator.kube.kinds import Key

_NAME: Final = Key("zz-namespace-zz", "zz-name-zz")
_UID: Final = "zz-uid-zz"
"""What the peer replaces in the template of the children."""


class _PeerProcess(OperatorProcess):
    """The peer, as our own operator is run."""

    def __init__(self, program: Path, template: Path, site: Site) -> None:
        super().__init__("-children", template, directory=site.directory, kubeconfig=site.kubeconfig)
        self._peer = program

    def _command(self, *, kubeconfig: Path, admin: str) -> Sequence[str | Path]:
        return (self._peer, "-file", kubeconfig, "-admin", admin)


def measure_peer(binaries: Path, size: int, rest: float) -> PeerFigures:
    """Measure the peer at one size. Raises BenchError, MissingError."""
    program = build("operator")
    with fresh_site(binaries, size) as site:
        template = site.directory / "children.json"
        template.write_bytes(_template())
        subject = Subject(_PeerProcess(program, template, site))
        with subject.running() as pid:
            creation = asyncio.run(create(site, subject, pid, size))
            resting = at_rest(site, pid, rest)
            peak = machine.peak_rss_mib(pid)
            repairs = asyncio.run(_repairs(site, size))
        time.sleep(1.0)
        again = restart(site, subject, size)
    return PeerFigures(
        size=size,
        create=creation.requests.seconds,
        create_cpu=creation.usage.cpu,
        create_requests={name: number / size for name, number in sorted(creation.requests.counts.items())},
        create_peak_rss=peak,
        rest_rss=resting["rest_rss"],
        repair=repairs,
        restart=again.seconds,
        restart_cpu=again.usage.cpu["operator"],
        restart_writes=again.requests.writes,
        restart_peak_rss=again.peak_rss,
    )


def _template() -> bytes:
    """Return the children of a tenant with the names that the peer replaces, as a List."""
    items = fleet.children_of(_NAME, _UID)
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items})


async def _repairs(site: Site, size: int) -> list[float]:
    async with site.client(admin=True) as admin:
        return await drift.repairs_at_rest(admin, spread(size, REPAIRS))
