"""With duplicates refused, the first TenantProxy keeps running and the later one is not accepted."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from support.apiserver.fault_proxy import Between, Call, refusal
from support.apiserver.server import ApiServer
from support.operator.diagnoses import Engineer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants, Thing, child_name, condition_of, versions
from support.waiting import eventually
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.kube import kinds

from .conftest import Run

CLUSTER_WIDE = ("test_a_start_while_tenants_can_not_be_listed",)  # who was first is known from other lists
OPTIONS = ("--refuse-shared-secrets", "--refuse-duplicate-tenants", "--check-interval=0.5")


def secret_of(name: str) -> dict[str, Any]:
    return {"spec.auth.secretRef": {"name": child_name(kinds.SECRET, name)}}


async def refused(tenants: Tenants, name: str, first: str) -> Thing:
    """Wait until one is refused because of another one."""
    found = await tenants.condition(name, "Accepted", status="False", reason="NotUnique")
    both = f"TenantProxies {tenants.namespace}/{name} and {tenants.namespace}/{first} "
    assert found["message"].startswith(both)
    assert f"{tenants.namespace}/{first} was first" in found["message"]
    assert found["message"].endswith("; running proxies stay as they are")
    return await tenants.get(name)


async def accepted(tenants: Tenants, name: str) -> Thing:
    await tenants.condition(name, "Accepted", status="True", reason=Reason.ACCEPTED)
    return await tenants.settled(name)


async def test_a_new_one_with_anothers_secret(run: Run, tenants: Tenants, engineer: Engineer, name: str) -> None:
    """Nothing is made for it, nor is the Secret read for it; when the first has gone, it is accepted by itself."""
    first, second = f"{name}-z", f"{name}-a"
    await tenants.secret(first, username="u", password="M4RKED")
    await tenants.create(first)
    await tenants.condition(first, "CredentialsReady", status="True")
    await tenants.settled(first)
    run.since_now()
    await tenants.create(second, secret_of(first))
    found = await refused(tenants, second, first)
    assert condition_of(found, "Unique")["reason"] == Reason.SECRET_SHARED
    assert condition_of(found, "Ready")["status"] == "False"
    assert condition_of(found, "CredentialsReady")["reason"] == Reason.NOT_UNIQUE
    assert {"NotUnique", "SecretShared"} <= await engineer.names(tenants.namespace, second)
    assert "M4RKED" not in str(found)
    assert "credentials" not in found["status"]
    assert await tenants.children(second) == {}
    assert [entry.verb for entry in run.audit() if entry.resource == "secrets" and entry.verb == "get"] == []
    await tenants.condition(first, "Unique", status="False", reason=Reason.SECRET_SHARED)
    await accepted(tenants, first)

    await tenants.delete(first)
    found = await accepted(tenants, second)
    assert condition_of(found, "Unique")["status"] == "True"
    assert (await tenants.children(second)).keys() >= REQUIRED - {kinds.SECRET}
    assert found["status"]["secretName"] == child_name(kinds.SECRET, first)


async def test_a_new_one_of_the_same_tenant(tenants: Tenants, name: str) -> None:
    """The younger one, whatever its name, until its tenant is one of its own: by another TenantProxy."""
    first, second = f"{name}-z", f"{name}-a"
    await tenants.created(first)
    await tenants.create(second, {"spec.tenantId": f"T-{first}"})
    await refused(tenants, second, first)
    assert await tenants.children(second) == {}
    await tenants.delete(second)
    await tenants.condition(first, "Unique", status="True", reason=Reason.UNIQUE)


async def test_an_older_one_that_takes_a_youngers_secret(
    operator: OperatorProcess, run: Run, tenants: Tenants, name: str
) -> None:
    """It is the one that is refused: its proxies go on with their own, also after a restart of the operator."""
    older, younger = f"{name}-a", f"{name}-b"
    await tenants.created(older)
    await asyncio.sleep(1.1)  # times are in seconds
    await tenants.created(younger)
    before = versions(await tenants.children(older))
    await tenants.change(older, secret_of(younger))
    found = await refused(tenants, older, younger)
    assert found["status"]["secretName"] == child_name(kinds.SECRET, older)
    await tenants.change(younger, {"spec.replicas": 3})  # it can still be changed
    await accepted(tenants, younger)
    operator.stop()
    run.since_now()
    operator.start_ready()
    existing = len((await tenants.call("GET", tenants.path))["items"])

    async def looked_at() -> int:
        return operator.known()

    await eventually(looked_at, lambda known: known >= existing, log=lambda: operator.log)
    await refused(tenants, older, younger)
    await accepted(tenants, younger)
    assert versions(await tenants.children(older)) == before
    assert run.writes(name) == []

    await tenants.change(older, {"spec.auth.secretRef": ...})
    await accepted(tenants, older)
    assert versions(await tenants.children(older)) == before
    for each in (older, younger):
        await tenants.condition(each, "Unique", status="True", reason=Reason.UNIQUE)


async def test_two_that_were_there_before_it_was_refused(
    operator: OperatorProcess, tenants: Tenants, name: str
) -> None:
    """The younger one's proxies stay as they are; whichever is edited, the older one stays the first."""
    older, younger = f"{name}-z", f"{name}-a"
    operator.stop()
    operator.start_ready(without=OPTIONS[:2])
    await tenants.created(older)
    await asyncio.sleep(1.1)  # times are in seconds
    await tenants.create(younger, secret_of(older))
    await accepted(tenants, younger)
    before = versions(await tenants.children(younger))
    operator.stop()
    operator.start_ready()
    await refused(tenants, younger, older)
    for each in (older, younger):
        await tenants.change(each, {"spec.replicas": 3})
    await accepted(tenants, older)
    await refused(tenants, younger, older)
    assert versions(await tenants.children(younger)) == before
    await tenants.delete(older)
    await accepted(tenants, younger)


async def test_a_start_while_tenants_can_not_be_listed(
    api_server: ApiServer,
    operator: OperatorProcess,
    launch: Callable[..., OperatorProcess],
    tenants: Tenants,
    name: str,
    tmp_path: Path,
) -> None:
    """Nobody is accepted before all are known: who is told of first may be the one that came later."""
    first, second = f"{name}-z", f"{name}-a"
    await tenants.created(first)
    await tenants.create(second, secret_of(first))
    await refused(tenants, second, first)
    operator.stop()
    async with Between.running(api_server, tmp_path) as between:
        failed = 0

        async def play(call: Call) -> web.Response | None:
            nonlocal failed
            if call.method == "GET" and call.path.endswith("/tenantproxies") and failed < 2:
                failed += 1
                return refusal(500, "InternalError", "not now")
            return None

        between.play = play
        other = launch(url=between.url, ca=between.ca)
        await asyncio.to_thread(other.start_ready)
        assert failed == 2
        await tenants.flush(first)
        await refused(tenants, second, first)
        assert await tenants.children(second) == {}
        await asyncio.to_thread(other.stop)
    operator.start_ready()
