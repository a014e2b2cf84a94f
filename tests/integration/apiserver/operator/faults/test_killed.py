"""The operator is killed at every write of its work: the next one finishes it, as if nothing had happened.

A write is held where the API server has done it, and its answer is on the way: the moment of which the operator
knows least. One tenant for each write, so that one kill is enough.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest

from support.apiserver.fault_proxy import Between, Call, hold
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, Thing, child_name, without_hash
from support.waiting import eventually
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Kind

CLUSTER_WIDE = False  # writes are the same
OPTIONS = (
    *("--check-interval=0.2", "--workers=32"),
    # The next one has to wait for the Lease of one that was killed.
    *("--leader-elect-lease-duration=2", "--leader-elect-renew-deadline=1.5", "--leader-elect-retry-period=0.2"),
)
AtRest = Callable[[], Awaitable[None]]
Work = Callable[[str], Coroutine[Any, Any, None]]

CHANGE: Mapping[str, Any] = {
    "spec.replicas": ...,
    "spec.autoscaling": {"maxReplicas": 5},
    "spec.auth": {"management": "platform"},
    "spec.upstream.url": "https://other.example/api",
}
"""An autoscaler comes, the number of replicas goes over to it, and the right to write the Secret goes."""


@pytest.fixture
async def operator(launch: Callable[..., OperatorProcess], between: Between) -> OperatorProcess:
    """Run an operator that talks to what is in between; the test ends it."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    return operator


class Killer:
    """Holds the n-th write's answer for the n-th tenant; kills the operator when all are held."""

    def __init__(self, operator: OperatorProcess, between: Between, names: list[str]) -> None:
        self._operator = operator
        self._between = between
        self._names = names
        self._seen: Counter[str] = Counter()
        self._held: set[str] = set()
        self._gate = asyncio.Event()

    async def __call__(self, call: Call) -> None:
        if call.is_write and call.tenant in self._names:
            self._seen[call.tenant] += 1
            if self._seen[call.tenant] == self._names.index(call.tenant) + 1:
                self._held.add(call.tenant)
                await hold(self._gate)

    async def kill(self) -> None:
        """Wait until each is held; kill the operator, and let the next one work."""

        async def held() -> int:
            return len(self._held)

        await eventually(held, lambda count: count == len(self._names), log=lambda: str(self._seen))
        await asyncio.to_thread(self._operator.kill)
        self._gate.set()


async def writes_of(tenants: Tenants, between: Between, name: str, work: Work) -> int:
    """Return how many writes some work takes; it is done at the end."""
    before = len(between.writes(name))
    await work(name)
    await tenants.settled(name)
    await tenants.child_until(kinds.DEPLOYMENT, child_name(kinds.DEPLOYMENT, name))
    return len(between.writes(name)) - before


async def test_creation(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """All children once, and the status; whichever of them was the last to be written."""

    async def create(each: str) -> None:
        await tenants.create(each, {"spec.upstream.timeout": "4s"})
        await tenants.child_until(kinds.SECRET, child_name(kinds.SECRET, each))
        await tenants.condition(each, "CredentialsReady", reason="CredentialsMissing")

    await _check(operator, tenants, between, name, at_rest, create)


async def test_spec_change(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """What comes is there, what goes is gone, whatever was the last thing that was done."""

    async def work(each: str) -> None:
        await tenants.change(each, CHANGE)

    async def prepare(each: str) -> None:
        await tenants.complete(each, {"spec.replicas": 2})

    await _check(operator, tenants, between, name, at_rest, work, prepare)


async def _nothing(name: str) -> None:
    del name


async def _check(
    operator: OperatorProcess,
    tenants: Tenants,
    between: Between,
    name: str,
    at_rest: AtRest,
    work: Work,
    prepare: Work = _nothing,
) -> None:
    good = f"{name}-good"
    await prepare(good)
    count = await writes_of(tenants, between, good, work)
    assert count >= 3, between.writes(good)
    names = [f"{name}-{number}" for number in range(1, count + 1)]
    await asyncio.gather(*(prepare(each) for each in names))
    killer = Killer(operator, between, names)
    between.answered = killer
    working = [asyncio.create_task(work(each)) for each in names]
    await killer.kill()
    await asyncio.to_thread(operator.start_ready)
    await asyncio.gather(*working)
    wanted = comparable(await tenants.get(good), await tenants.children(good), good)
    for each in names:
        await tenants.settled(each)
        found = comparable(await tenants.get(each), await tenants.children(each), each)
        differing = sorted(set(found.items()) ^ set(wanted.items()))
        assert differing == [], f"after write {each.rpartition('-')[2]} of {count}"
    await at_rest()
    await asyncio.to_thread(operator.stop)
    await asyncio.to_thread(operator.start_ready)
    await at_rest()
    await asyncio.to_thread(operator.stop)


def comparable(tenant: Thing, children: Mapping[Kind, Thing], name: str) -> dict[str, str]:
    """Return what must be the same of two tenants with the same spec: all but names, times, and what is random.

    It comes as values by their paths.
    """
    conditions = [
        {key: value for key, value in condition.items() if key not in ("lastTransitionTime", "observedGeneration")}
        for condition in tenant["status"]["conditions"]
    ]
    status = tenant["status"] | {"conditions": conditions, "appliedDigest": "", "observedGeneration": 0}
    status = {"status": status, **{kind.kind: _without_random(thing) for kind, thing in children.items()}}
    uid = tenant["metadata"]["uid"]
    return {
        # The proxy's name is in its configuration, and so in the hash of that.
        path.replace(uid, "UID"): without_hash(str(value)).replace(name, "NAME").replace(uid, "UID")
        for path, value in _flat("", status)
    }


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(f"{path}/{key}", inner)
    else:
        yield path, value


def _without_random(thing: Thing) -> Thing:
    metadata = thing["metadata"]
    kept = {key: metadata[key] for key in ("name", "labels") if key in metadata}
    annotations = metadata.get("annotations", {})
    kept["annotations"] = {key: value for key, value in annotations.items() if not key.endswith("manifest-hash")}
    kept["ownerReferences"] = metadata.get("ownerReferences", [])
    if thing["kind"] != kinds.SECRET.kind:  # created, and only applied where that was not noticed
        kept["managedFields"] = [entry | {"time": ""} for entry in metadata["managedFields"]]
    spec = {key: value for key, value in thing.get("spec", {}).items() if key not in ("clusterIP", "clusterIPs")}
    return thing | {"metadata": kept, "spec": spec}
