"""Events that no watch delivered: which are missed, and which are only in flight."""

import json
from collections.abc import AsyncIterator

import pytest

from support.apiserver.scripts import kube_client, status
from support.proxy.oms import RawServer, answering, http, raw_server
from tenantproxy.kube.api import KubeError
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.controller.resync import PATIENCE, MissedEventDetector, PeriodicResync
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.metrics import Metrics

A = Key("tenants", "a")
B = Key("tenants", "b")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def missed(clock: Clock) -> MissedEventDetector:
    return MissedEventDetector(clock)


def test_nothing_missed(missed: MissedEventDetector, clock: Clock) -> None:
    """The same on both sides is fine for ever; so is what events told of since the list was made."""
    for _ in range(3):
        missed.compare({A: ("u", 5)}, {A: ("u", 5)})
        clock.now += PATIENCE
        missed.compare({A: ("u", 5)}, {A: ("u", 7)})
        clock.now += PATIENCE
        assert missed.overdue() == []


@pytest.mark.parametrize(
    ("listed", "delivered"),
    [
        pytest.param({A: ("u", 6)}, {A: ("u", 5)}, id="changed"),
        pytest.param({A: ("u", 5)}, {}, id="never delivered"),
        pytest.param({}, {A: ("u", 5)}, id="deleted"),
        pytest.param({A: ("v", 9)}, {A: ("u", 5)}, id="deleted and made anew"),
    ],
)
def test_a_difference_that_stays(
    missed: MissedEventDetector,
    clock: Clock,
    listed: dict[Key, tuple[str, int]],
    delivered: dict[Key, tuple[str, int]],
) -> None:
    """An event may be under way for a minute."""
    missed.compare(listed, delivered)
    clock.now += PATIENCE - 0.1
    missed.compare(listed, delivered)
    assert missed.overdue() == []
    clock.now += 0.1
    missed.compare(listed, delivered)
    assert missed.overdue() == [A]


def test_one_of_several(missed: MissedEventDetector, clock: Clock) -> None:
    """Each TenantProxy has a time of its own."""
    missed.compare({A: ("u", 6), B: ("w", 1)}, {A: ("u", 5), B: ("w", 1)})
    clock.now += PATIENCE / 2
    missed.compare({A: ("u", 6), B: ("w", 2)}, {A: ("u", 5), B: ("w", 1)})
    clock.now += PATIENCE / 2
    assert missed.overdue() == [A]
    clock.now += PATIENCE / 2
    assert missed.overdue() == [A, B]


def test_healed(missed: MissedEventDetector, clock: Clock) -> None:
    """An event that comes late, even too late, makes all well again."""
    missed.compare({A: ("u", 6)}, {A: ("u", 5)})
    clock.now += 2 * PATIENCE
    assert missed.overdue() == [A]
    missed.compare({A: ("u", 6)}, {A: ("u", 6)})
    assert missed.overdue() == []


def test_a_busy_object(missed: MissedEventDetector, clock: Clock) -> None:
    """On what changes all the time events are always under way: each version has its own minute."""
    for version in range(10, 20):
        missed.compare({A: ("u", version)}, {A: ("u", version - 1)})
        clock.now += PATIENCE / 2
        assert missed.overdue() == []


def test_once_more_after_healing(missed: MissedEventDetector, clock: Clock) -> None:
    """What went well in between starts the minute anew."""
    missed.compare({A: ("u", 6)}, {})
    missed.compare({A: ("u", 6)}, {A: ("u", 6)})
    clock.now += PATIENCE
    missed.compare({A: ("u", 6)}, {})
    assert missed.overdue() == []


def tenant_proxy(name: str, version: int, namespace: str = "tenants") -> dict[str, object]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata}


def list_of(*objects: dict[str, object], token: str = "") -> bytes:
    return http(200, json.dumps({"metadata": {"continue": token}, "items": list(objects) or None}).encode())


class Round:
    """One resync, with a clock of the test's."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.tenants = Tenants()
        self.metrics = Metrics()

        async def discover_kinds() -> None:
            pass

        async def check_crd() -> bool:
            return True

        self.listed: list[list[Key]] = []
        self.gone: list[Key] = []
        self.resync = PeriodicResync(
            cluster,
            self.tenants,
            self.metrics,
            namespaces=("tenants",),
            check_crd=check_crd,
            discover_kinds=discover_kinds,
            on_list=lambda keys: self.listed.append(sorted(keys)),
            on_gone=self.gone.append,
        )
        self.resync._missed = MissedEventDetector(clock)

    async def go(self) -> None:
        await self.resync._compare()

    @property
    def counted(self) -> str:
        name = "tenantproxy_operator_missed_events_total"
        return next(
            line.split()[1] for line in self.metrics.exposition().decode().splitlines() if line.startswith(name)
        )


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server(answering(list_of())) as running:
        yield running


@pytest.fixture
async def rounds(server: RawServer, clock: Clock) -> AsyncIterator[Round]:
    async with kube_client(server, KubeClient) as client:
        yield Round(Cluster(client), clock)


async def test_rounds(rounds: Round, server: RawServer, clock: Clock) -> None:
    """All pages are compared; what is overdue counts once, and makes the operator unhealthy until it comes."""
    pages = list_of(tenant_proxy("a", 6), token="next"), list_of(tenant_proxy("b", 1))
    server.play = answering(*pages)
    rounds.tenants.on_event(tenant_proxy("a", 5))
    rounds.tenants.on_event(tenant_proxy("b", 1))
    await rounds.go()
    assert rounds.listed == [[Key("tenants", "a"), Key("tenants", "b")]]
    assert rounds.resync.healthy
    server.play = answering(list_of(tenant_proxy("a", 6), tenant_proxy("b", 1)))
    for _ in range(2):
        clock.now += PATIENCE
        await rounds.go()
        assert not rounds.resync.healthy
        assert rounds.counted == "1.0"
    rounds.tenants.on_event(tenant_proxy("a", 6))
    await rounds.go()
    assert rounds.resync.healthy
    assert rounds.counted == "1.0"


async def test_gone_before_any_event(rounds: Round, server: RawServer) -> None:
    """What is known by a list of ours alone is forgotten where a later list does not have it."""
    server.play = answering(list_of(tenant_proxy("a", 5), tenant_proxy("b", 5)))
    rounds.tenants.on_list(tenant_proxy("a", 5))
    rounds.tenants.on_list(tenant_proxy("b", 5))
    rounds.tenants.on_event(tenant_proxy("c", 5))
    await rounds.go()
    assert rounds.gone == []
    rounds.tenants.on_event(tenant_proxy("a", 5))
    server.play = answering(list_of())
    await rounds.go()
    assert rounds.gone == [B]
    assert sorted(rounds.tenants) == [A, Key("tenants", "c")]  # events will tell of these


async def test_all_are_listed(rounds: Round, server: RawServer) -> None:
    """Whole and page by page, but what can't be read."""
    good, last = tenant_proxy("a", 5), tenant_proxy("b", 5)
    first = json.dumps({"metadata": {"continue": "2"}, "items": [1, good]}).encode()
    server.play = answering(http(200, first), list_of(last))
    assert [body async for body in rounds.resync._cluster.whole_tenant_proxies(None)] == [good, last]


async def test_our_own_writes_are_no_events(rounds: Round, server: RawServer, clock: Clock) -> None:
    """The answer to a write says nothing of whether events arrive."""
    server.play = answering(list_of(tenant_proxy("a", 6)))
    rounds.tenants.on_event(tenant_proxy("a", 5))
    rounds.tenants.on_own_write(tenant_proxy("a", 6))
    await rounds.go()
    clock.now += PATIENCE
    await rounds.go()
    assert not rounds.resync.healthy


async def test_healthy_while_the_api_server_is_down(rounds: Round, server: RawServer, clock: Clock) -> None:
    """Nothing can be missed meanwhile, so that a restart would not help."""
    server.play = answering(list_of(tenant_proxy("a", 6)))
    rounds.tenants.on_event(tenant_proxy("a", 5))
    await rounds.go()
    clock.now += 2 * PATIENCE
    assert rounds.resync.healthy
    server.play = answering(status(500, "InternalError"))
    await rounds.go()
    assert rounds.resync.healthy
    await server.__aexit__()
    with pytest.raises(KubeError):
        await rounds.go()
    assert rounds.resync.healthy


async def test_a_namespace_that_can_not_be_listed(rounds: Round, server: RawServer, clock: Clock) -> None:
    """One that was deleted, and with it the rights there, hides nothing of the others."""
    rounds.resync._namespaces = ("gone", "tenants")
    rounds.tenants.on_event(tenant_proxy("a", 5))
    rounds.tenants.on_event(tenant_proxy("b", 5, namespace="gone"))
    for _ in range(2):
        server.play = answering(status(403, "Forbidden"), list_of(tenant_proxy("a", 6)))
        await rounds.go()
        clock.now += PATIENCE
    assert not rounds.resync.healthy
    assert rounds.counted == "1.0"


@pytest.mark.parametrize("answer", [b"<html>busy</html>", b"\xff", b"[]", b'{"metadata": {}, "items": [{}]}'])
async def test_an_answer_that_can_not_be_read(rounds: Round, server: RawServer, answer: bytes) -> None:
    """What a load balancer says instead ends the round, not the resync; it is not quoted."""
    server.play = answering(http(200, answer))
    with pytest.raises(KubeError, match="an answer that can't be read") as raised:
        await rounds.go()
    assert "busy" not in str(raised.value)
