"""Several operators for the same TenantProxies: one acts, the others stand by, and no two ever write.

Each has a token of its own, by which the audit log tells who wrote what.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from support.apiserver.audit import AuditEntry
from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.fault_proxy import Between, Call, hold, refusal
from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.operator_rbac import operator_manifests

from .conftest import ACCOUNTS, HOME, Run, everywhere
from .conftest import CLUSTER_WIDE as OF_ALL

CLUSTER_WIDE = ("test_hand_over_at_the_end",)  # another Lease, by another role
OPTIONS = (
    *("--leader-elect-lease-duration=3", "--leader-elect-renew-deadline=2", "--leader-elect-retry-period=0.3"),
    "--check-interval=1",
)
NAME: Final = "tenantproxy-operator"
Launch = Callable[..., OperatorProcess]


@pytest.fixture
async def pair(launch: Launch) -> AsyncIterator[tuple[OperatorProcess, OperatorProcess]]:
    """Run two operators: the first leads, the second is ready to take over, and has another image."""
    first, second = launch(), launch("--proxy-image=registry.example/other:2")
    for operator in (first, second):
        await asyncio.to_thread(operator.start_ready)
        await leading(first)
    yield first, second
    for operator in (first, second):
        await asyncio.to_thread(operator.stop_if_running)


@pytest.fixture
async def between(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between an operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


@pytest.fixture
def tenants(api: ApiClient, run: Run) -> Tenants:
    """Return the TenantProxies of the module's namespace."""
    run.since_now()
    return Tenants(api, run.namespaces[0])


async def leading(operator: OperatorProcess, *, leads: bool = True) -> None:
    """Wait until an operator leads, or no longer."""
    await eventually(lambda: operator.leads is leads, log=lambda: operator.log)


async def said(operator: OperatorProcess, text: str) -> None:
    """Wait until an operator's log has a text."""
    await eventually(lambda: text in operator.log, log=lambda: operator.log)


async def stands_by(operator: OperatorProcess) -> None:
    """Wait until an operator knows no TenantProxy and has none to look at; events about them still come to it."""
    await eventually(
        lambda: (operator.metrics()["queue_depth"], operator.known()),
        lambda found: found == (0, 0),
        log=lambda: operator.log,
    )


async def image_of(tenants: Tenants, name: str) -> str:
    deployment = await tenants.child(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))
    assert deployment is not None
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def place_of(run: Run) -> str:
    """Return the path of the operators' Lease."""
    return kinds.LEASE.path("kube-system" if everywhere(run) else run.namespaces[0], NAME)


async def lease_of(run: Run, api: ApiClient) -> dict[str, Any]:
    """Return what the Lease says."""
    status, lease = await api.request("GET", place_of(run))
    assert status == 200, lease
    return dict(lease["spec"])


def split(run: Run, operator: OperatorProcess) -> tuple[list[AuditEntry], list[AuditEntry]]:
    """Return an operator's writes: of TenantProxies and children, and of its Lease."""
    own = [
        each for each in run.api_server.audit(run.mark) if each.credential == operator.credential and each.is_write
    ]
    assert own, "no write of its own is in the audit log"
    leases = [each for each in own if each.resource == kinds.LEASE.plural]
    return [each for each in own if each not in leases], leases


def check_one_after_the_other(run: Run, first: OperatorProcess, second: OperatorProcess) -> None:
    """See that the first wrote nothing after the second had got the Lease, and that this wrote nothing before."""
    before, _ = split(run, first)
    after, leases = split(run, second)
    assert before, "the first wrote nothing"
    assert after, "the second wrote nothing"
    assert max(each.time for each in before) < leases[0].time
    assert leases[0].time < min(each.time for each in after)


async def test_hand_over_at_the_end(
    run: Run, api: ApiClient, pair: tuple[OperatorProcess, OperatorProcess], tenants: Tenants, name: str
) -> None:
    """One with other settings waits, ready; the Lease is released after the last write, and taken at once."""
    first, second = pair
    await tenants.created(name)
    image = await image_of(tenants, name)
    lease = await lease_of(run, api)
    await said(second, f"is held by {lease['holderIdentity']}")
    await said(second, "standing by: the Lease ")
    assert second.probe("/readyz") == 200
    await stands_by(second)

    assert await asyncio.to_thread(first.stop) == 0
    assert (await lease_of(run, api)).get("holderIdentity") != lease["holderIdentity"], "it is released, or taken"
    await leading(second)
    await tenants.until(name, lambda _: second.known())
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    assert await image_of(tenants, name) != image
    writes, leases = split(run, first)
    assert max(each.time for each in writes) < leases[-1].time, "the release comes last"
    check_one_after_the_other(run, first, second)
    taken = await lease_of(run, api)
    assert taken["leaseTransitions"] == lease["leaseTransitions"] + 1


async def test_killed_leader(
    run: Run, pair: tuple[OperatorProcess, OperatorProcess], tenants: Tenants, name: str
) -> None:
    """The other one takes over when the Lease has expired, and repairs what has happened meanwhile."""
    first, second = pair
    await tenants.created(name)
    first.kill()
    service = child_name(kinds.SERVICE, name)
    await tenants.call("DELETE", kinds.SERVICE.path(tenants.namespace, service))
    await tenants.child_until(kinds.SERVICE, service)
    check_one_after_the_other(run, first, second)


async def test_stopped_leader_that_goes_on(
    run: Run, pair: tuple[OperatorProcess, OperatorProcess], tenants: Tenants, name: str
) -> None:
    """It was in the midst of its work; when it goes on, it writes nothing, and stands by."""
    first, second = pair
    names = [f"{name}-{number}" for number in range(8)]
    await asyncio.gather(*(tenants.create(each) for each in names))
    await eventually(lambda: len(run.writes(name)) >= 8)
    with first.paused():
        await leading(second)
        await asyncio.gather(*(tenants.settled(each) for each in names))
    await leading(first, leads=False)
    await said(first, "no longer leading")
    await said(first, "standing by")
    await stands_by(first)
    check_one_after_the_other(run, first, second)

    await asyncio.to_thread(second.stop)
    await leading(first)
    await tenants.change(names[0], {"spec.replicas": 3})
    await tenants.settled(names[0])
    assert await image_of(tenants, names[0]) != "registry.example/other:2"


async def test_leader_that_is_cut_off(
    run: Run, launch: Launch, between: Between, tenants: Tenants, name: str
) -> None:
    """No request of its gets through, nor do those that were on their way when the network is back."""
    first, second = launch(url=between.url, ca=between.ca), launch()
    for operator in (first, second):
        await asyncio.to_thread(operator.start_ready)
        await leading(first)
    await tenants.created(name)
    gate = asyncio.Event()
    cut: list[Call] = []

    async def play(call: Call) -> web.Response | None:
        if not gate.is_set() and "/secrets/" not in call.path:  # what is read before the first write
            cut.append(call)
            await hold(gate)
        return None

    between.play = play
    await tenants.change(name, {"spec.replicas": 3})
    await eventually(lambda: any(call.is_write and call.tenant == name for call in cut))
    await leading(second)
    await tenants.settled(name)
    gate.set()
    await said(first, "is held by")
    await leading(first, leads=False)
    check_one_after_the_other(run, first, second)
    for operator in (first, second):
        await asyncio.to_thread(operator.stop)


async def test_api_server_is_away_for_longer_than_the_lease(
    api_server: ApiServer, run: Run, launch: Launch, tenants: Tenants, name: str
) -> None:
    """It stops, goes on running, takes the Lease again as soon as it can, and writes nothing else."""
    operator = launch()
    await asyncio.to_thread(operator.start_ready)
    await tenants.created(name)
    await tenants.flush(name)
    run.since_now()
    await asyncio.to_thread(api_server.stop_apiserver)
    try:
        await leading(operator, leads=False)
        assert operator.probe("/healthz") == 200
    finally:
        await asyncio.to_thread(api_server.start_apiserver)
    await leading(operator)
    await tenants.flush(name)
    assert {write.split()[1] for write in run.writes(name)} <= {"tenantproxies/status"}
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    assert await asyncio.to_thread(operator.stop) == 0


async def test_lease_in_other_hands(run: Run, api: ApiClient, launch: Launch, tenants: Tenants, name: str) -> None:
    """Deleted, it is made anew; with another holder, it is waited for; with labels of others, they stay."""
    operator = launch()
    await asyncio.to_thread(operator.start_ready)
    await tenants.created(name)
    place = place_of(run)
    status, _ = await api.request("DELETE", place)
    assert status == 200

    async def made() -> bool:
        return (await api.request("GET", place))[0] == 200

    await eventually(made)
    assert operator.leads
    labels = {"metadata": {"labels": {"example.com/own": "x"}}}
    await api.request("PATCH", place, labels, content_type=MERGE_PATCH)
    await api.request("PATCH", place, {"spec": {"holderIdentity": "me"}}, content_type=MERGE_PATCH)
    await leading(operator, leads=False)
    await said(operator, f"the Lease {run.namespaces[0]}/{NAME} is held by me")
    assert operator.probe("/readyz") == 200
    await leading(operator)
    _, lease = await api.request("GET", place)
    assert lease["metadata"]["labels"] == {"example.com/own": "x"}
    assert await asyncio.to_thread(operator.stop) == 0


async def test_leases_are_forbidden(launch: Launch, between: Between, tenants: Tenants, name: str) -> None:
    """It says what is missing, writes nothing, and begins when it is there."""
    forbidden = asyncio.Event()

    async def play(call: Call) -> web.Response | None:
        if f"/{kinds.LEASE.plural}" in call.path and not forbidden.is_set():
            return refusal(403, "Forbidden", "leases are forbidden")
        return None

    between.play = play
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    await tenants.create(name)
    await said(
        operator, "can't be had: 403 Forbidden: leases are forbidden; apply what `tenantproxy-operator rbac`"
    )
    assert not [call for call in between.calls if call.is_write and call.tenant == name]
    forbidden.set()
    await tenants.settled(name)
    assert await asyncio.to_thread(operator.stop) == 0


async def test_beside_an_operator_of_all_namespaces(
    run: Run, launch: Launch, tmp_path: Path, tenants: Tenants, name: str
) -> None:
    """It leaves a namespace to the operator that holds the Lease there, for as long as that one does."""
    server, (namespace, *_) = run.api_server, run.namespaces
    account = ACCOUNTS[OF_ALL]
    rights = to_yaml(operator_manifests(None, HOME, account))
    await asyncio.to_thread(server.kubectl, "apply", "--server-side", "-f", "-", stdin=rights)
    token = (await asyncio.to_thread(server.kubectl, "create", "token", account, "--namespace", HOME)).strip()
    general = OperatorProcess(
        *("--all-namespaces", *OPTIONS, "--proxy-image=registry.example/other:2"),
        directory=tmp_path,
        kubeconfig=server.kubeconfig(tmp_path / "kubeconfig", token),
    )
    await asyncio.to_thread(general.start_ready)
    try:
        await leading(general)
        special = launch()
        await asyncio.to_thread(special.start_ready)
        await said(general, f"namespace {namespace} is left to the operator that holds the Lease there")
        await tenants.created(name)
        assert await image_of(tenants, name) != "registry.example/other:2"
        assert general.leads
        await stands_by(general)
        await asyncio.to_thread(special.stop)
        await said(general, f"no other operator leads namespace {namespace} any more")
        await tenants.change(name, {"spec.replicas": 3})
        await tenants.settled(name)
        assert await image_of(tenants, name) == "registry.example/other:2"
    finally:
        await asyncio.to_thread(general.stop)
    written, leases = split(run, special)
    taken_over = [each.time for each in split(run, general)[0] if each.name.startswith(name)]
    assert max(each.time for each in written) < leases[-1].time < min(taken_over)
