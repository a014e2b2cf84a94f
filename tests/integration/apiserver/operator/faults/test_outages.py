"""The API server is down or does not respond: the operator retries with backoff, then finishes its work."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable

from support.apiserver.audit import writes
from support.apiserver.fragile import FragileApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import REQUIRED, Tenants

from ..conftest import Run  # noqa: TID252 - tests are no package
from .conftest import NEWS, most_tries

CLUSTER_WIDE = False  # all that is watched is away
OPTIONS = ("--check-interval=0.2",)
AtRest = Callable[[], Awaitable[None]]
MANY = 40
KILLED_SECONDS = 3
FROZEN_SECONDS = 30


async def create_many(tenants: Tenants, name: str) -> list[str]:
    """Create TenantProxies, whose children are still being made at the end."""
    names = [f"{name}-{number}" for number in range(MANY)]
    await asyncio.gather(*(tenants.secret(each) for each in names))
    await asyncio.gather(*(tenants.create(each) for each in names))
    return names


async def told(tenants: Tenants, names: list[str]) -> None:
    """Wait until the API server has told its watches of them: what etcd has not sent it, it tells nobody."""
    missing = set(names)
    async with contextlib.aclosing(tenants.api.lines(f"{tenants.path}?watch=1&resourceVersion=0")) as lines:
        async for line in lines:
            missing.discard(json.loads(line)["object"]["metadata"]["name"])
            if not missing:
                break


async def all_made(tenants: Tenants, names: list[str]) -> None:
    """Wait until all that belongs to these TenantProxies is there."""
    for each in names:
        await tenants.settled(each)
        assert (await tenants.children(each)).keys() == REQUIRED


async def watched(operator: OperatorProcess, seconds: float) -> list[dict[str, float]]:
    """Return the operator's metrics twice a second for so long; see that its probes say that it is well."""
    end = time.monotonic() + seconds
    found = []
    while time.monotonic() < end:
        assert await asyncio.to_thread(operator.probe, "/healthz") == 200
        assert await asyncio.to_thread(operator.probe, "/readyz") == 200
        found.append(await asyncio.to_thread(operator.metrics))
        await asyncio.sleep(0.5)
    return found


async def test_api_server_is_killed(
    api_server: FragileApiServer, operator: OperatorProcess, tenants: Tenants, name: str, at_rest: AtRest
) -> None:
    """In the middle of the work. Each tenant and each watch tries again with growing pauses; then all is done.

    Meanwhile the operator counts as live and ready: a restart would not help.
    """
    names = await create_many(tenants, name)
    before = operator.metrics()
    begin = time.monotonic()
    killed = api_server.killed()
    await asyncio.to_thread(killed.__enter__)
    try:
        found = await watched(operator, KILLED_SECONDS)
        seconds = time.monotonic() - begin
    finally:
        await asyncio.to_thread(killed.__exit__, None, None, None)
    last = found[-1]
    assert max(metrics["retrying"] for metrics in found) > 0
    retries = last['reconcile_total{result="retry"}'] - before.get('reconcile_total{result="retry"}', 0)
    assert 0 < retries <= MANY * (most_tries(seconds) + NEWS)
    interruptions = {name: value for name, value in last.items() if name.startswith("watch_interruptions_total")}
    assert len(interruptions) == len(REQUIRED) + 1  # and the autoscalers
    assert all(1 <= value <= seconds + 1 for value in interruptions.values())  # pauses of at least a second
    await all_made(tenants, names)
    await at_rest()
    await operator.becomes("retrying", 0)
    assert "Traceback" not in operator.log
    assert '"traceback"' not in operator.log


async def test_etcd_answers_nobody(
    api_server: FragileApiServer,
    run: Run,
    operator: OperatorProcess,
    tenants: Tenants,
    name: str,
    at_rest: AtRest,
) -> None:
    """In the middle of the work, for half a minute. What can't go on waits, and is asked for seldom."""
    run.since_now()
    async with contextlib.AsyncExitStack() as frozen:
        with operator.paused():  # else all may be made before there is nobody to ask
            names = await create_many(tenants, name)
            await told(tenants, names)
            await frozen.enter_async_context(api_server.etcd_frozen())
        begin = time.time()
        found = await watched(operator, FROZEN_SECONDS)
        end = time.time()
    await all_made(tenants, names)
    audit = run.audit()
    await at_rest()
    asked = [entry for entry in audit if begin <= entry.time.timestamp() <= end]
    assert len(asked) <= 100, asked  # what was under way, and a few more
    # Nothing of it need be in the queue: who can't renew the Lease in time waits for that first.
    assert {value for name, value in found[-1].items() if name.startswith("leader{")} == {0.0}
    made = [entry for entry in writes(audit, run.user) if entry.resource == "deployments"]
    assert any(entry.time.timestamp() > end for entry in made), "all was made before"
    await operator.becomes("retrying", 0)
    assert operator.metrics()["missed_events_total"] == 0
    assert '"traceback"' not in operator.log
