"""`doctor` in a cluster: pods that don't run, deletions that hang, an operator that does not react; its rights."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from support import commands
from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, hold
from support.apiserver.server import ApiServer
from support.operator.diagnoses import Engineer
from support.operator.fake_pods import FakePods
from support.operator.installed import Home, account, told_of_the_operator
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator.doctor.findings import findings
from tenantproxy_operator.doctor.operators import ROWS as OF_OPERATORS
from tenantproxy_operator.doctor.pods import ROWS as OF_PODS
from tenantproxy_operator.fleet.cluster import EVENT, POD
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY

from .conftest import HOME, Run

CLUSTER_WIDE = False  # what doctor reads is the same
NAMESPACES = 2
"""All but one test are in the first."""
LATER: Final = 120.0
"""Seconds after which a deletion should be through."""
PAUSE: Final = 0.05
"""Seconds between two things that somebody does again and again."""
WATCHED: Final = [kind.plural for kind in kinds.CHILDREN if not kind.optional]

Cause = Callable[[Tenants, str], Awaitable[object]]


def pod(tenant: str, *, phase: str = "Pending", **status: Any) -> Cause:
    """Return what makes a pod of a tenant, as a kubelet would tell of it."""

    async def cause(tenants: Tenants, name: str) -> None:
        labels = {"app.kubernetes.io/name": tenant, "app.kubernetes.io/component": "proxy"}
        metadata = {"labels": labels | {"app.kubernetes.io/instance": name}}
        container = {"name": "proxy", "image": "registry.example/proxy:1"}
        await account(tenants)
        await tenants.put(POD, f"{name}-proxy-1", {"metadata": metadata, "spec": {"containers": [container]}})
        told = {"status": {"phase": phase} | status}
        await tenants.patch(POD, f"{name}-proxy-1", told, subresource="status")

    return cause


def container(**state: Any) -> dict[str, Any]:
    """Return the status of a proxy's container."""
    last = {"lastState": state.pop("last")} if "last" in state else {}
    own = {"name": "proxy", "image": "registry.example/proxy:1", "imageID": "", "ready": False, "restartCount": 3}
    return {"containerStatuses": [own | last | {"state": state}]}


def ended(status: int, reason: str = "Error") -> Cause:
    """Return what makes a pod whose container ends so, again and again."""
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off"}
    return proxy(**container(waiting=waiting, last={"terminated": {"exitCode": status, "reason": reason}}))


def proxy(**status: Any) -> Cause:
    return pod("tenantproxy", **status)


def event(reason: str, note: str) -> Cause:
    """Return what makes a pod that runs, is not ready, and of which the kubelet tells so."""

    async def cause(tenants: Tenants, name: str) -> None:
        await proxy(phase="Running")(tenants, name)
        about = {"kind": "Pod", "name": f"{name}-proxy-1", "namespace": tenants.namespace, "apiVersion": "v1"}
        content = {"involvedObject": about, "reason": reason, "message": note, "type": "Warning"}
        await tenants.put(EVENT, f"{name}-{reason.lower()}", content | {"source": {"component": "kubelet"}})

    return cause


async def pod_of_a_lost_node(tenants: Tenants, name: str) -> None:
    """Delete a pod that nobody ends."""
    await proxy(phase="Running")(tenants, name)
    await tenants.patch(POD, f"{name}-proxy-1", {"metadata": {"finalizers": ["example.com/node"]}})
    await tenants.remove(POD, f"{name}-proxy-1")


async def finalizer(tenants: Tenants, name: str) -> None:
    """Delete a TenantProxy that somebody holds."""
    await tenants.patch(TENANT_PROXY, name, {"metadata": {"finalizers": ["example.com/backup"]}})
    await tenants.delete(name)


UNSCHEDULABLE: Final = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes",
}

PODS: Final[Mapping[str, tuple[Cause, str]]] = {
    "image-not-pulled": (
        proxy(**container(waiting={"reason": "ImagePullBackOff", "message": "not found"})),
        "registry.example/proxy:1: not found",
    ),
    "not-scheduled": (proxy(conditions=[UNSCHEDULABLE]), "0/3 nodes"),
    "not-mounted": (event("FailedMount", 'secret "acme-tls" not found'), "acme-tls"),
    "config-refused": (ended(2), "status 2"),
    "exits": (ended(1), "status 1"),
    "out-of-memory": (ended(137, "OOMKilled"), "memory"),
    "probe-fails": (event("Unhealthy", "Readiness probe failed: 503"), "503"),
    "pod-stays": (pod_of_a_lost_node, "their node is gone"),
    "finalizer": (finalizer, "example.com/backup"),
}


def test_every_diagnosis_of_pods_has_a_case() -> None:
    assert PODS.keys() == OF_PODS.keys()


@pytest.mark.parametrize("trouble", PODS)
async def test_pods(tenants: Tenants, engineer: Engineer, name: str, trouble: str) -> None:
    """Why they don't run is told by their states and Events, before that they don't."""
    cause, said = PODS[trouble]
    await tenants.created(name)
    await cause(tenants, name)
    view = await engineer.view(tenants.namespace, name)
    found = {each.id: each for each in findings(replace(view, now=view.now + LATER))}
    assert trouble in found, found
    assert said in found[trouble].says
    assert found[trouble].subject == f"{tenants.namespace}/{name}"
    if trouble == "pod-stays":
        await tenants.patch(POD, f"{name}-proxy-1", {"metadata": {"finalizers": None}})
    if trouble == "finalizer":
        await tenants.patch(TENANT_PROXY, name, {"metadata": {"finalizers": None}})


# ---- the operator


async def test_operator_that_runs_elsewhere(tenants: Tenants, engineer: Engineer, run: Run, name: str) -> None:
    """Where somebody renews the Lease, an operator is there, wherever it is."""
    await tenants.created(name)
    assert await told_of_the_operator(engineer, run.namespaces[0]) == set()


async def test_operator_not_ready(tenants: Tenants, engineer: Engineer, run: Run, home: Home, name: str) -> None:
    """None of its pods is ready, and none of them has the Lease, which is another one's."""
    await tenants.created(name)
    await home.install(*run.options, ready=False)
    assert await told_of_the_operator(engineer, run.namespaces[0]) == {"operator-not-ready", "led-by-another"}


async def test_namespace_not_watched(
    tenants: Tenants, engineer: Engineer, run: Run, home: Home, name: str
) -> None:
    """The operator is well, but has not been told of this namespace."""
    await tenants.created(name)
    await home.install("--namespace=others")
    assert "namespace-not-watched" in await told_of_the_operator(engineer, run.namespaces[0])


async def test_operator_that_is_gone(
    operator: OperatorProcess, tenants: Tenants, engineer: Engineer, run: Run, home: Home, name: str
) -> None:
    """Nobody acts: what is new has not been looked at, what was changed is as before."""
    del home  # in which there is none
    await tenants.created(name)
    await asyncio.to_thread(operator.stop)
    try:
        assert await told_of_the_operator(engineer, run.namespaces[0]) == {"operator-absent", "nobody-leads"}
        await tenants.change(name, {"spec.upstream.timeout": "7s"})
        assert "stale-status" in await engineer.names(tenants.namespace, name)
        await tenants.create(f"{name}-new")
        assert await engineer.names(tenants.namespace, f"{name}-new") == {"not-reconciled"}
    finally:
        await asyncio.to_thread(operator.start_ready)


async def test_operator_that_works_in_vain(
    operator: OperatorProcess, api: ApiClient, engineer: Engineer, run: Run, home: Home, name: str
) -> None:
    """By its own metrics: somebody else writes the same field; what the API server refuses is tried again."""
    tenants = Tenants(api, run.namespaces[1])
    await home.install(*run.options, process=operator)
    async with FakePods.playing(api, tenants.namespace, takes=0.0, deadline=60.0):
        await tenants.created(name)
        await tenants.condition(name, "Ready", status="True")
    # Its pod is not the one that the Lease names: the process has the name of this machine.
    at_rest = {"led-by-another"}
    await eventually(lambda: told_of_the_operator(engineer, tenants.namespace), lambda told: told == at_rest)
    service = child_name(kinds.SERVICE, name)

    async def told(finding: str) -> None:
        await eventually(lambda: told_of_the_operator(engineer, tenants.namespace), lambda found: finding in found)

    async with repeated(lambda number: tenants.patch(kinds.SERVICE, service, edit(number))):
        await told("writes-at-rest")
    await tenants.create(f"{name}-refused", {"spec.podTemplate": {"affinity": {"unknown": {}}}})
    await tenants.condition(f"{name}-refused", "Accepted", reason="ApplyRefused")
    await told("retrying")
    await tenants.delete(f"{name}-refused")


async def test_operator_with_a_bad_way_to_the_api_server(
    operator: OperatorProcess,
    tenants: Tenants,
    engineer: Engineer,
    run: Run,
    home: Home,
    name: str,
    launch: Callable[..., OperatorProcess],
    api_server: ApiServer,
    tmp_path: Path,
) -> None:
    """By its own metrics: watches that break off, and writes that take so long that tenants wait."""

    async def told(finding: str) -> None:
        await eventually(lambda: told_of_the_operator(engineer, run.namespaces[0]), lambda found: finding in found)

    await asyncio.to_thread(operator.stop)
    async with Between.running(api_server, tmp_path) as between:
        behind = launch("--workers=1", url=between.url, ca=between.ca)
        await asyncio.to_thread(behind.start_ready)
        try:
            await home.install(*run.options, process=behind)
            async with repeated(lambda number: asyncio.sleep(0, between.cut(WATCHED[number % len(WATCHED)]))):
                # Between two of doctor's looks there may be none: each watch pauses before it begins anew.
                await told("watch-interruptions")
            gate = asyncio.Event()

            async def play(call: Call) -> None:
                if call.is_write and call.tenant.startswith(name):
                    await hold(gate)

            between.play = play
            for number in range(3):
                await tenants.create(f"{name}-{number}")
            await told("queue-depth")
            gate.set()
        finally:
            await asyncio.to_thread(behind.stop)
            await asyncio.to_thread(operator.start_ready)


@contextlib.asynccontextmanager
async def repeated(act: Callable[[int], Awaitable[object]]) -> AsyncIterator[None]:
    """Do something again and again meanwhile."""

    async def go_on() -> None:
        for number in itertools.count():
            await act(number)
            await asyncio.sleep(PAUSE)

    task = asyncio.create_task(go_on())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()


def edit(number: int) -> dict[str, Any]:
    """Return a change of a Service that the operator undoes."""
    return {"metadata": {"labels": {"app.kubernetes.io/name": f"somebody-elses-{number}"}}}


IN_OTHER_MODULES: Final = ("test_run.py", "test_rollout.py")
"""These cause `crd-missing` and `missed-events`; `rollout-stopped` and `rollout-pending`."""


def test_every_diagnosis_of_the_operator_has_a_case() -> None:
    """Each is caused in an operator that runs."""
    here = Path(__file__)
    text = "".join(path.read_text() for path in (here, *(here.parent / name for name in IN_OTHER_MODULES)))
    assert {id_ for id_ in OF_OPERATORS if f'"{id_}"' in text} == OF_OPERATORS.keys()


# ---- what the spec does beside what it says


DOUBTFUL: Final[dict[str, Any]] = {
    "spec.mapping.getOrder.fields": {
        "items": {"each": "/lines", "fields": {"unitPrice": {"from": "/priceInCents"}}}
    }
}
"""An amount that may be a hundred times too high."""


async def test_other_controls_and_doubtful_amounts(tenants: Tenants, engineer: Engineer, name: str) -> None:
    """What harms although all is True."""
    await tenants.created(name)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": child_name(kinds.DEPLOYMENT, name)}
    content = {"spec": {"scaleTargetRef": target, "maxReplicas": 3}}
    await tenants.put(kinds.AUTOSCALER, f"{name}-own", content)

    async def named() -> set[str]:
        return await engineer.names(tenants.namespace, name)

    await eventually(named, lambda found: "other-controls" in found)
    await tenants.create(f"{name}-doubtful", DOUBTFUL)
    await tenants.condition(f"{name}-doubtful", "Accepted", status="True")
    assert "doubtful-spec" in await engineer.names(tenants.namespace, f"{name}-doubtful")


# ---- rights, and the command


async def test_with_view_alone(api_server: ApiServer, tenants: Tenants, run: Run, name: str) -> None:
    """What may not be seen is a line, and all else is told."""
    await tenants.created(name)
    watcher = Engineer(api_server, [run.namespaces[0]], account="watcher", extra=False)
    view = await watcher.view(run.namespaces[0], name)
    assert "Pending" in {each.id for each in findings(view)}
    unseen = "\n".join(view.unseen)
    for what in (f"pods in {HOME}", "the operator's Lease", "annotations of Secrets"):
        assert what in unseen, unseen
    assert "forbidden" in unseen


async def test_the_command(
    api_server: ApiServer, tenants: Tenants, engineer: Engineer, run: Run, name: str, tmp_path: Path
) -> None:
    """It tells people and programs, gathers a bundle, and its exit status says whether anything is wrong."""
    await tenants.created(name)
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig", engineer.token)
    options = ("doctor", name, "--namespace", run.namespaces[0], "--kubeconfig", str(kubeconfig))
    bundle = tmp_path / "bundle.zip"
    status, out, err = await commands.run("tenantproxy-operator", *options, "--bundle", str(bundle))
    assert (status, err) == (1, "")
    assert f"{run.namespaces[0]}/{name}  Pending" in out
    assert "turn:  platform team" in out
    assert "\x1b" not in out
    assert bundle.stat().st_mode & 0o777 == 0o600
    status, out, _ = await commands.run("tenantproxy-operator", *options, "--json")
    document = json.loads(out)
    assert status == 1
    assert document["tenants"] == [
        {"namespace": run.namespaces[0], "name": name, "proxies": 0, "ready": 0}
        | {"credential": document["tenants"][0]["credential"]}
    ]
    assert {"severity", "subject", "id", "says", "turn", "next", "since", "see"} <= document["findings"][0].keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nobody"], "there is no TenantProxy nobody in namespace "),
        (["--all-namespaces"], "forbidden"),
    ],
)
async def test_what_ends_it(
    api_server: ApiServer, engineer: Engineer, run: Run, tmp_path: Path, options: list[str], message: str
) -> None:
    """Where nothing can be said at all, it says why, with another exit status."""
    where = [] if "--all-namespaces" in options else ["--namespace", run.namespaces[0]]
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig", engineer.token)
    command = ("tenantproxy-operator", "doctor", *options, *where, "--kubeconfig", str(kubeconfig))
    status, out, err = await commands.run(*command)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


async def test_nothing_answers(tmp_path: Path, api_server: ApiServer) -> None:
    """An API server that can't be reached is told, too."""
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig", "x", url="https://127.0.0.1:1")
    status, _, err = await commands.run("tenantproxy-operator", "doctor", "--kubeconfig", str(kubeconfig))
    assert status == 2
    assert err.startswith("error: ")
