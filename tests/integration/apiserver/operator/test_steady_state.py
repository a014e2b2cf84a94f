"""In the desired state the operator writes nothing: not at rest, not when it starts, not for a fleet."""

import asyncio

from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants
from support.waiting import eventually

from .conftest import Run

CLUSTER_WIDE = ("test_nothing_is_written_at_rest",)  # what is asked for again and again is other lists
OPTIONS = ("--check-interval=0.5",)
FLEET = 100
READS = {"get", "list", "watch"}


async def rounds(run: Run, count: int) -> None:
    """Wait until the operator has gone round so many times since the mark."""
    await eventually(run.rounds, lambda found: found >= count)


async def looked_at(operator: OperatorProcess, count: int) -> None:
    """Wait until it has looked at so many TenantProxies, since it was started."""

    async def done() -> int:
        return operator.known()

    await eventually(done, lambda found: found >= count, log=lambda: operator.log)


async def test_nothing_is_written_at_rest(run: Run, tenants: Tenants, name: str) -> None:
    """Neither periodically nor late: not a status, not an Event, not a child."""
    await tenants.created(name)
    await tenants.flush(name)
    run.since_now()
    await rounds(run, 1)  # the last write is in the audit log by then
    run.since_now()
    await rounds(run, 4)
    assert run.writes() == []


async def test_nothing_is_written_at_a_start(
    run: Run, operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """It finds in the status and the children's metadata that all is right; it reads no object at all."""
    names = [f"{name}-{number}" for number in range(3)]
    await asyncio.gather(*(tenants.complete(each) for each in names))
    existing = await tenants.call("GET", tenants.path)
    operator.stop()
    run.since_now()
    operator.start_ready()
    await looked_at(operator, len(existing["items"]))
    await rounds(run, 2)
    assert run.writes() == []
    reads = {(entry.verb, entry.resource) for entry in run.audit() if entry.resource}
    assert {verb for verb, _ in reads} == {"list", "watch"}
    assert 'reconcile_total{result="changed"}' not in operator.metrics()


async def test_nothing_is_written_about_two_that_want_the_same(
    run: Run, operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """Once both say so, that is all: not at rest, and not at a start."""
    first, second = f"{name}-a", f"{name}-b"
    await tenants.created(first)
    await tenants.create(second, {"spec.auth.secretRef": {"name": f"{first}-credentials"}})
    for each in (first, second):
        await tenants.condition(each, "Unique", status="False", reason="SecretShared")
        await tenants.flush(each)
    existing = await tenants.call("GET", tenants.path)
    await rounds(run, 2)
    operator.stop()
    run.since_now()
    operator.start_ready()
    await looked_at(operator, len(existing["items"]))
    await rounds(run, 2)
    assert run.writes() == []


async def test_nothing_is_written_after_an_interruption(
    api_server: ApiServer, run: Run, operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """When the API server comes back, all watches go on, and what happened meanwhile is all that is done."""
    edited, untouched = f"{name}-a", f"{name}-b"
    for each in (edited, untouched):
        await tenants.created(each)
        await tenants.flush(each)
    run.since_now()
    await rounds(run, 1)  # the last write is in the audit log by then
    run.since_now()
    await asyncio.to_thread(_restart, api_server)
    await tenants.change(edited, {"spec.replicas": 3})
    await tenants.settled(edited)
    await rounds(run, 3)
    assert {write.split()[-1] for write in run.writes()} == {edited, f"{edited}-proxy"}
    assert operator.probe("/healthz") == 200


def _restart(api_server: ApiServer) -> None:
    with api_server.down():
        pass


async def test_a_fleet(run: Run, operator: OperatorProcess, tenants: Tenants, name: str) -> None:
    """100 TenantProxies: each write is done once, and a restart writes nothing."""
    names = [f"{name}-{number}" for number in range(FLEET)]
    await tenants.created(f"before-{name}")  # its watches may have been waiting, after an interruption
    run.since_now()
    await asyncio.gather(*(tenants.create(each) for each in names))
    for each in names:
        await tenants.condition(each, "CredentialsReady", reason="CredentialsMissing")
    existing = await tenants.call("GET", tenants.path)
    operator.stop()
    status = f"patch tenantproxies/status {name}"
    children = [write for write in run.writes(name) if not write.startswith(status)]
    assert len(set(children)) == len(children) == FLEET * len(REQUIRED)
    # The first, and one more when the Secret is there.
    assert len(run.writes(name)) == FLEET * (len(REQUIRED) + 2)

    run.since_now()
    operator.start_ready()
    await looked_at(operator, len(existing["items"]))
    await rounds(run, 2)
    assert run.writes() == []
    assert {entry.verb for entry in run.audit()} <= READS
