"""Operator and CustomResourceDefinition of different versions, in either order; and no definition at all."""

import asyncio
import contextlib
import json
import re
import shlex
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import pytest
import yaml

from support.apiserver.client import ApiClient
from support.apiserver.server import ApiServer
from support.operator.crds import ADDED, REMOVED, Crd, next_crd, previous_crd, schema_of
from support.operator.fake_pods import FakePods
from support.operator.process import OperatorProcess
from support.operator.releases import kept, unpacked
from support.operator.tenants import REQUIRED, Tenants, Thing, collected_garbage, condition_of
from support.waiting import eventually, until
from tenantproxy_operator.api.crd import build_crd
from tenantproxy_operator.api.served_schema import ServedSchema
from tenantproxy_operator.kube import kinds

from .conftest import Run, everywhere

CLUSTER_WIDE = ("test_crd_is_deleted",)  # kopf's list and watch have another path
OPTIONS = ("--check-interval=0.2", "--log-level=debug")
ROOT: Final = Path(__file__).parents[4]
NAME: Final = "tenantproxies.proxy.hiiretail.com"
OPENAPI: Final = "/openapi/v3/apis/proxy.hiiretail.com/v1alpha1"
RELEASES: Final = [None, *kept()]
"""None is this commit, kept as a release would be."""
Launch = Callable[..., OperatorProcess]
Install = Callable[[Crd], None]


@pytest.fixture
def install(api_server: ApiServer) -> Iterator[Install]:
    """Return what has the API server serve a CRD, and waits for that; at the end it is this version's again."""

    def install(crd: Crd) -> None:
        api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(crd))
        wanted = ServedSchema.of(schema_of(crd))
        until(lambda: served(api_server) == wanted)

    yield install
    install(build_crd())


def served(api_server: ApiServer) -> ServedSchema | None:
    """Return the schema that is published."""
    status, out, _ = api_server.try_kubectl("get", "--raw", OPENAPI)
    if status != 0 or not out:  # while a CRD comes, it may be an empty document
        return None
    schemas = json.loads(out)["components"]["schemas"]
    return ServedSchema.of(schemas["com.hiiretail.proxy.v1alpha1.TenantProxy"])


class Readiness:
    """Whether the tenants' readiness was lost at any time, but for the roll-out of a change of their own."""

    def __init__(self) -> None:
        self.lost: list[Thing] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def watched(cls, tenants: Tenants, *names: str) -> AsyncIterator[Self]:
        """Look at these tenants again and again, until the end; at the end, see that it was never lost."""
        readiness = cls()
        task = asyncio.create_task(readiness._watch(tenants, names))
        try:
            yield readiness
            assert not task.done()
            assert readiness.lost == []
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self, tenants: Tenants, names: tuple[str, ...]) -> None:
        while True:
            for name in names:
                tenant = await tenants.get(name)
                ready, available = condition_of(tenant, "Ready"), condition_of(tenant, "Available")
                # That a change which the test makes is being rolled out is no loss; proxies serve all the time.
                rolling = (ready.get("status"), ready.get("reason")) == ("Unknown", "RollingOut")
                if available.get("status") != "True" or not (rolling or ready.get("status") == "True"):
                    self.lost.append(ready)
            await asyncio.sleep(0.02)


class Scene:
    """Two tenants whose proxies serve, and operators for them."""

    def __init__(self, run: Run, launch: Launch, tenants: Tenants, names: tuple[str, str]) -> None:
        self.run = run
        self.launch = launch
        self.tenants = tenants
        self.names = names

    @contextlib.asynccontextmanager
    async def operated(self, **more: Any) -> AsyncIterator[OperatorProcess]:
        """Run an operator; at the end it must come to rest, and must have had no unexpected error."""
        operator = self.launch(**more)
        await asyncio.to_thread(operator.start_ready)
        try:
            yield operator
            await self.at_rest(operator)
            assert '"traceback"' not in operator.log
            assert "Traceback" not in operator.log
        finally:
            await asyncio.to_thread(operator.stop_if_running)

    async def at_rest(self, operator: OperatorProcess) -> None:
        """Wait until it goes round and writes nothing, and has nothing to retry."""
        await eventually(self.run.writes_in_two_rounds, lambda found: found == [], log=lambda: operator.log)
        await operator.becomes("retrying", 0)
        assert operator.probe("/healthz") == 200


@pytest.fixture
async def scene(run: Run, launch: Launch, api: ApiClient, name: str) -> AsyncIterator[Scene]:
    """Make the tenants, by this version's operator; at the end they are removed."""
    tenants = Tenants(api, run.namespaces[0])
    scene = Scene(run, launch, tenants, (f"{name}-a", f"{name}-b"))
    async with FakePods.playing(api, run.namespaces[0], takes=0.1, deadline=60):
        await asyncio.gather(*(tenants.secret(each) for each in scene.names))
        for each in scene.names:
            await tenants.create(each)
        async with scene.operated():
            for each in scene.names:
                await tenants.condition(each, "Ready", status="True")
        yield scene
    for item in (await tenants.call("GET", tenants.path))["items"]:
        await tenants.delete(item["metadata"]["name"])


async def said(operator: OperatorProcess, *texts: str) -> None:
    """Wait until its log has these texts."""
    await eventually(lambda: operator.log, lambda log: all(text in log for text in texts))


def times_said(operator: OperatorProcess, text: str) -> int:
    return sum(text in json.loads(line)["message"] for line in operator.log.splitlines())


async def test_next_crd(scene: Scene, install: Install) -> None:
    """Fields that only the CRD knows change nothing while they have their defaults; who uses one is told.

    The operator notices while it runs, and finds it so after a restart. Its log has one line.
    """
    plain, user = scene.names
    tenants = scene.tenants
    added = "has fields that this version of the operator does not know, and ignores: "
    before = await tenants.children(plain)
    async with Readiness.watched(tenants, *scene.names):
        async with scene.operated() as operator:
            await asyncio.to_thread(install, next_crd())
            await said(operator, added, *(path for path in ADDED if path.startswith("spec.")))
            await scene.at_rest(operator)
            assert (await tenants.get(plain))["spec"]["later"] == {"ttl": "5s"}
            await tenants.change(user, {"spec.upstream.mode": "slow", "spec.upstream.hint": "x"})
            used = (
                "all objects match the spec; `spec.upstream.hint`, `spec.upstream.mode` are not known to this"
                " version of the operator and have no effect; update the operator"
            )
            await tenants.until(user, lambda thing: condition_of(thing, "Accepted")["message"] == used)
            assert condition_of(await tenants.get(user), "Accepted")["status"] == "True"
            assert times_said(operator, added) == 1
        await tenants.secret(f"{plain}-new")
        created = await tenants.create(f"{plain}-new")
        assert condition_of(created, "Ready")["message"] == "by default"
        async with scene.operated() as operator:
            await tenants.condition(f"{plain}-new", "Ready", status="True")
            assert times_said(operator, added) == 1
            accepted = condition_of(await tenants.get(plain), "Accepted")
            assert (accepted["reason"], accepted["message"]) == ("Accepted", "all objects match the spec")
            await asyncio.to_thread(install, build_crd())
            await said(operator, "has this version's fields")
            await tenants.until(user, lambda thing: "known" not in condition_of(thing, "Accepted")["message"])
    after = await tenants.children(plain)
    assert {kind: thing["metadata"]["resourceVersion"] for kind, thing in before.items()} == {
        kind: thing["metadata"]["resourceVersion"] for kind, thing in after.items()
    }


async def test_value_of_the_next_crd(scene: Scene, install: Install) -> None:
    """A value that only the newer CRD permits can't be ignored: that tenant is told, and no other."""
    newer = next_crd()
    mode = schema_of(newer)["properties"]["spec"]["properties"]["access"]["properties"]["mode"]
    mode["enum"].append("mutual")
    await asyncio.to_thread(install, newer)
    plain, user = scene.names
    async with scene.operated():
        await scene.tenants.change(user, {"spec.access.mode": "mutual"})
        accepted = await scene.tenants.condition(user, "Accepted", status="False", reason="InvalidSpec")
        assert "`spec.access.mode`" in accepted["message"]
        assert condition_of(await scene.tenants.get(plain), "Ready")["status"] == "True"
        await scene.tenants.change(user, {"spec.access.mode": "jwt"})
        await scene.tenants.condition(user, "Accepted", status="True")


async def test_previous_crd(scene: Scene, install: Install) -> None:
    """Fields that only the operator knows are left out of the status, which would be refused, until they come."""
    plain, _ = scene.names
    tenants = scene.tenants
    lacking = "lacks fields of this version of the operator: "
    async with Readiness.watched(tenants, *scene.names):
        async with scene.operated() as operator:
            await asyncio.to_thread(install, previous_crd())
            await said(operator, lacking, *REMOVED)
            await scene.at_rest(operator)
            assert "secretName" not in (await tenants.get(plain))["status"]
            await tenants.change(plain, {"spec.upstream.timeout": "4s"})
            await tenants.settled(plain)
        async with scene.operated() as operator:
            await asyncio.to_thread(install, build_crd())
            await said(operator, "has this version's fields")
            await tenants.until(plain, lambda thing: "secretName" in thing["status"])
            assert times_said(operator, lacking) == 1


@pytest.mark.parametrize("version", RELEASES, ids=lambda version: version or "this commit")
async def test_releases(scene: Scene, install: Install, version: str | None, tmp_path: Path) -> None:
    """An update and a roll-back, in either order: the CRD first, or the operator first.

    The next version of this commit is made up; that of a release is this commit.
    """
    release = await asyncio.to_thread(unpacked, version, tmp_path)
    newer = build_crd() if version else next_crd()
    old: dict[str, Any] = {"program": release.program, "environ": release.environ}
    new: dict[str, Any] = {}
    await asyncio.to_thread(install, release.crd)
    async with Readiness.watched(scene.tenants, *scene.names):
        # Each line is an operator, and the CRD that comes while it runs.
        for version_of_operator, crd in (
            (old, newer),  # an update, the CRD first
            (new, release.crd),  # a roll-back, the CRD first
            (old, None),
            (new, newer),  # an update, the operator first
            (old, release.crd),  # a roll-back, the operator first
        ):
            async with scene.operated(**version_of_operator):
                await change_is_made(scene)
                if crd is not None:
                    await asyncio.to_thread(install, crd)
                    await change_is_made(scene)


async def change_is_made(scene: Scene) -> None:
    """See that a change of a spec is acted upon, and the status says so."""
    tenants, (plain, _) = scene.tenants, scene.names
    timeout = (await tenants.get(plain))["spec"]["upstream"]["timeout"]
    changed = await tenants.change(plain, {"spec.upstream.timeout": "4s" if timeout == "5s" else "5s"})
    done = changed["metadata"]["generation"]
    await tenants.until(plain, lambda thing: thing["status"]["observedGeneration"] == done)


def watches_refused(run: Run) -> int:
    """Return how many of the operator's watches of TenantProxies were answered by 404 since the mark."""
    return sum(entry.code == 404 and "watch=true" in entry.uri for entry in run.audit())


async def test_crd_is_deleted(
    api_server: ApiServer, run: Run, launch: Launch, api: ApiClient, name: str, install: Install
) -> None:
    """All TenantProxies go with it, and their children; the operator says so once, waits, and goes on.

    Then it makes everything for the manifests that are applied again.
    """
    operator = launch()
    await asyncio.to_thread(operator.start_ready)
    tenants = Tenants(api, run.namespaces[0], lambda: operator.log)
    await tenants.secret(name)  # the user's own stays
    await tenants.create(name)
    await tenants.settled(name)
    gone = "the API server does not serve TenantProxies; apply what `tenantproxy-operator crd` prints; with it all"
    for _ in range(1 if everywhere(run) else 2):
        # Begun anew: one that is at work learns of a definition that has come back within half a minute.
        async with collected_garbage(api_server, tenants):
            before = times_said(operator, gone)
            run.since_now()
            await asyncio.to_thread(api_server.kubectl, "delete", "crd", NAME)
            await eventually(lambda: operator.probe("/readyz"), lambda status: status == 503)
            assert operator.probe("/healthz") == 200
            await eventually(lambda: tenants.children(name), lambda left: left.keys() == {kinds.SECRET})
            await eventually(operator.known, lambda count: count == 0, log=lambda: operator.log)
            await eventually(lambda: watches_refused(run))  # it ends kopf, where that learns of it
            assert times_said(operator, gone) == before + 1
            await asyncio.to_thread(install, build_crd())
            await eventually(operator.ready)
            await tenants.create(name)
            await tenants.settled(name)
            assert (await tenants.children(name)).keys() == REQUIRED
            await tenants.flush(name)
    assert operator.metrics()["missed_events_total"] == 0
    assert await asyncio.to_thread(operator.stop) == 0
    for word in ("Traceback", '"traceback"'):
        assert word not in operator.log


def documented(beginning: str) -> str:
    """Return the code block of docs/operator.md that begins so."""
    page = (ROOT / "docs" / "operator.md").read_text()
    blocks = [
        textwrap.dedent(block) for block in re.findall(r"^ *```\w+\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    ]
    (block,) = (block for block in blocks if block.startswith(beginning))
    return block


async def test_crd_is_replaced(api_server: ApiServer, scene: Scene, install: Install, tmp_path: Path) -> None:
    """As the page says: what is orphaned first goes on, and is taken back, object by object.

    The page's policy has the API server refuse the deletion.
    """
    tenants, (one, _) = scene.tenants, scene.names
    save, orphan, delete, _, again = documented("kubectl get tenantproxies -A").splitlines()
    file = tmp_path / "tenantproxies.yaml"
    get, filtered = save.removesuffix(" > tenantproxies.yaml").split(" | grep -v ")
    listed = await asyncio.to_thread(api_server.kubectl, *shlex.split(get)[1:])
    file.write_text("".join(line for line in listed.splitlines(keepends=True) if filtered.strip("'") not in line))
    policy = documented("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n")
    await asyncio.to_thread(api_server.kubectl, "apply", "-f", "-", stdin=policy)
    try:
        refused = ("delete", "crd", NAME, "--dry-run=server")
        until(lambda: "deletes all TenantProxies" in api_server.try_kubectl(*refused)[2])
    finally:
        await asyncio.to_thread(api_server.kubectl, "delete", "-f", "-", stdin=policy)
    until(lambda: api_server.try_kubectl(*refused)[0] == 0)
    before = await tenants.children(one)
    async with collected_garbage(api_server, tenants), scene.operated() as operator:
        for command in (orphan, delete):
            await asyncio.to_thread(api_server.kubectl, *shlex.split(command)[1:])
        await eventually(lambda: operator.probe("/readyz"), lambda status: status == 503)
        await asyncio.to_thread(install, build_crd())
        await asyncio.to_thread(api_server.kubectl, *shlex.split(again)[1:-1], file)
        await tenants.settled(one)
        after = await tenants.children(one)
    stored = kinds.CONTROLLER_REVISION  # with the new owner
    uids = [
        {kind: thing["metadata"]["uid"] for kind, thing in things.items() if kind is not stored}
        for things in (before, after)
    ]
    assert uids[0] == uids[1]
    assert before[kinds.DEPLOYMENT]["spec"] == after[kinds.DEPLOYMENT]["spec"]
