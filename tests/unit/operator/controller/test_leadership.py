"""Which Leases a process tries to get, and what it does when it has or has lost them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest

from tenantproxy.kube.api import StatusError, UnreachableError
from tenantproxy_operator.controller.leadership import Leadership, Scope
from tenantproxy_operator.controller.other_operators import NamedLease, OtherOperators
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.lease import ConflictError
from tenantproxy_operator.kube.objects import LeaseRecord, Metadata, StoredLease
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import LeaderElection

pytestmark = pytest.mark.virtual_time


class Lease:
    """A Lease in memory."""

    def __init__(self, namespace: str) -> None:
        self.key = Key(namespace, "x")
        self.stored: StoredLease | None = None
        self.error: Exception | None = None
        self.hangs = False

    async def read(self) -> StoredLease | None:
        await self._answer()
        return self.stored

    async def write(self, record: LeaseRecord, version: str | None) -> StoredLease:
        await self._answer()
        if version != (self.stored.version if self.stored else None):
            raise ConflictError
        self.stored = StoredLease(record, str(int(version or 0) + 1))
        return self.stored

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error


class Process:
    """An operator, as far as it takes part in elections."""

    def __init__(self, name: str, leases: Iterable[Lease], *, cluster_wide: bool = False) -> None:
        self.told: list[tuple[str, Scope]] = []
        self.rests = True
        clock = asyncio.get_running_loop().time
        self.others = OtherOperators("kube-system", clock)
        self.others.known.set()
        self.leadership = Leadership(
            {None if cluster_wide else lease.key.namespace: lease for lease in leases},
            name,
            LeaderElection(),
            Metrics(),
            others=self.others,
            on_acquired=lambda scope: self.told.append(("acquired", scope)),
            on_lost=lambda scope: self.told.append(("lost", scope)),
            at_rest=lambda _: self.rests,
            clock=clock,
        )

    def leads(self, *namespaces: str) -> list[bool]:
        return [self.leadership.time_left(namespace) > 0 for namespace in namespaces]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.leadership.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_one_of_two_has_all_namespaces() -> None:
    """And the other one has none."""
    leases = [Lease("a"), Lease("b"), Lease("c")]
    first, second = Process("first", leases), Process("second", leases)
    async with first.running(), second.running():
        await asyncio.sleep(60)
        leading, standing_by = (first, second) if first.leads("a")[0] else (second, first)
        assert leading.leads("a", "b", "c") == [True] * 3
        assert standing_by.leads("a", "b", "c") == [False] * 3
        assert standing_by.told == []
        assert leading.leads("elsewhere") == [False]


async def test_hand_over() -> None:
    """Where the Leases are released, the other one has them all within two rounds, and each is told once."""
    leases = [Lease("a"), Lease("b")]
    first, second = Process("first", leases), Process("second", leases)
    async with first.running():
        await asyncio.sleep(1)
        async with second.running():
            await asyncio.sleep(30)
    await first.leadership.release()
    assert first.leads("a", "b") == [False, False]
    async with second.running():
        await asyncio.sleep(2.5)
        assert second.leads("a", "b") == [True, True]
    assert first.told == second.told == [("acquired", "a"), ("acquired", "b")]


async def test_namespace_that_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """It holds up no other one, is said once, and is led when it is there."""
    leases = [Lease("a"), Lease("b")]
    leases[0].error = StatusError(404, "NotFound", "no namespace a")
    process = Process("x", leases)
    async with process.running():
        await asyncio.sleep(60)
        assert process.leads("a", "b") == [False, True]
        (said,) = (message for message in caplog.messages if "a/x" in message)
        assert said.startswith("the Lease a/x can't be had: 404 NotFound: no namespace a; apply what ")
        leases[0].error = None
        await asyncio.sleep(3)
        assert process.leads("a", "b") == [True, True]


@pytest.mark.parametrize("hangs", [True, False])
async def test_lost(*, hangs: bool) -> None:
    """An API server that is away or hangs ends it in time; it is tried again when all work has ended."""
    (lease,) = leases = [Lease("a")]
    process = Process("x", leases)
    async with process.running():
        await asyncio.sleep(1)
        lease.hangs, lease.error = hangs, None if hangs else UnreachableError("down")
        process.rests = False
        await asyncio.sleep(10.1)
        assert process.leads("a") == [False]
        assert process.told == [("acquired", "a"), ("lost", "a")]
        lease.hangs, lease.error = False, None
        await asyncio.sleep(60)
        assert process.leads("a") == [False]
        process.rests = True
        await asyncio.sleep(3)
        assert process.leads("a") == [True]


async def test_namespaces_of_others(caplog: pytest.LogCaptureFixture) -> None:
    """Who watches all namespaces leaves them those that they renew a Lease in, and takes them over later."""
    process = Process("x", [Lease("kube-system")], cluster_wide=True)

    def seen(namespace: str, holder: str, number: int = 0) -> None:
        metadata = Metadata(name="x", namespace=namespace, uid="u")
        record = LeaseRecord(holder=holder, duration=15, renewed=str(number))
        process.others.on_upsert(NamedLease(metadata, record))

    seen("kube-system", "x")
    seen("released", "")
    async with process.running():
        await asyncio.sleep(1)
        assert process.leads("a", "released", "kube-system") == [True, True, True]
        for number in range(10):
            seen("a", "other", number)
            assert process.leads("a", "released") == [False, True]
            await asyncio.sleep(10)
        await asyncio.sleep(9)
        assert process.leads("a") == [True]
    assert process.told == [("acquired", None), ("lost", "a"), ("acquired", "a")]
    assert "namespace a is left to the operator that holds the Lease there" in caplog.messages


async def test_others_are_known_first() -> None:
    """No Lease is tried before those of all namespaces are listed, or that is refused."""
    process = Process("x", [Lease("kube-system")], cluster_wide=True)
    process.others.known.clear()
    async with process.running():
        await asyncio.sleep(60)
        assert process.leads("a") == [False]
        process.others.on_error(UnreachableError("down"))
        await asyncio.sleep(60)
        assert process.leads("a") == [False]
        process.others.on_error(StatusError(403, "Forbidden", "no"))
        await asyncio.sleep(1)
        assert process.leads("a") == [True]
