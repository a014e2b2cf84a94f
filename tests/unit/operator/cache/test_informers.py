"""Each kind and namespace has a watch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from support.apiserver.objects import document
from support.apiserver.scripts import event, kube_client, page, query, silent, status, stream
from support.proxy.oms import RawServer, Received, raw_server
from support.waiting import PATIENCE, eventually
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.cache.children import Children
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.informers import Informers
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key

ACME = Key("tenants", "acme")


class World:
    """What is known, and what was told of it."""

    def __init__(self) -> None:
        self.tenants: list[Key] = []
        self.secrets_told: list[Key] = []
        self.synced: list[object] = []
        self.interruptions: list[object] = []
        self.children = Children(self.tenants.append)
        self.controls = Controls(self.tenants.append, lambda _: None)
        self.secrets = SecretVersions()


@pytest.fixture
def world() -> World:
    return World()


def spawn(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(coroutine, name=name)


class Cluster:
    """An API server with a few objects; its streams say nothing."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.hung: set[str] = set()
        self.forbidden: set[str] = set()
        """Parts of targets."""

    async def play(self, request: Received, writer: asyncio.StreamWriter) -> None:
        plural = request.target.partition("?")[0].rpartition("/")[2]
        if plural in self.hung:
            await asyncio.Event().wait()
        elif any(part in request.target for part in self.forbidden):
            writer.write(status(403, "Forbidden", "no right"))
        elif "watch=true" in request.target:
            await stream(event("MODIFIED", document("other", 99)), then=silent)(request, writer)
        else:
            writer.write(page(*self.objects.get(plural, []), version=1))


@contextlib.asynccontextmanager
async def watching(
    world: World, cluster: Cluster, *namespaces: str | None
) -> AsyncIterator[tuple[Informers, RawServer]]:
    async with raw_server(cluster.play) as server, kube_client(server, KubeClient) as client:
        informers = Informers(
            client,
            namespaces,
            children=world.children,
            controls=world.controls,
            secrets=world.secrets,
            secret_changed=world.secrets_told.append,
            synced=world.synced.append,
            failed=lambda plural, _: world.interruptions.append(plural),
            spawn=spawn,
        )
        try:
            yield informers, server
        finally:
            await informers.stop()


def lists(server: RawServer) -> list[str]:
    """Return the paths that were listed."""
    return sorted(
        request.target.partition("?")[0] for request in server.received if "watch=true" not in request.target
    )


async def test_one_watch_for_each_kind_and_namespace(world: World) -> None:
    """A second start of the same starts nothing."""
    cluster = Cluster()
    cluster.objects["configmaps"] = [document("acme-proxy", 1)]
    async with watching(world, cluster, "one", "two") as (informers, server):
        informers.start([kinds.CONFIG_MAP, kinds.SECRET])
        informers.start([kinds.CONFIG_MAP])
        async with asyncio.timeout(PATIENCE):
            await informers.settled()
        assert lists(server) == sorted(
            f"/api/v1/namespaces/{namespace}/{plural}"
            for namespace in ("one", "two")
            for plural in ("configmaps", "secrets")
        )
    assert set(world.children.of(ACME)) == {("configmaps", "acme-proxy")}


async def test_what_is_asked_for(world: World) -> None:
    """Metadata of what has our label; of a Deployment all, for its status; of Secrets all, but metadata only.

    Of autoscalers and disruption budgets all, for what others' act on.
    """
    async with watching(world, Cluster(), None) as (informers, server):
        informers.start(
            [kinds.CONFIG_MAP, kinds.SECRET, kinds.DEPLOYMENT, kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET]
        )
        await informers.settled()
    asked = {
        request.target.partition("?")[0].rpartition("/")[2]: (
            query(request).get("labelSelector"),
            "PartialObjectMetadata" in request.headers["accept"],
        )
        for request in server.received
    }
    ours = "app.kubernetes.io/managed-by=tenantproxy-operator"
    assert asked == {
        "configmaps": (ours, True),
        "deployments": (ours, False),
        "secrets": (None, True),
        "horizontalpodautoscalers": (None, False),
        "poddisruptionbudgets": (None, False),
    }


async def test_who_is_not_answered_is_waited_for(world: World) -> None:
    """A kind whose list does not come is not known yet."""
    cluster = Cluster()
    cluster.hung.add("services")
    async with watching(world, cluster, None) as (informers, server):
        informers.start([kinds.CONFIG_MAP, kinds.SERVICE])
        settling = asyncio.create_task(informers.settled())
        await eventually(lambda: len(server.received) == 3)
        assert not settling.done(), "though the other kind is listed, and watched already"
        settling.cancel()


async def test_a_namespace_that_can_not_be_listed_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Its tenants wait until it can be; the refusal is counted by kind, and logged with the place."""
    cluster = Cluster()
    cluster.forbidden.add("/namespaces/gone/")
    async with watching(world, cluster, "one", "gone") as (informers, _):
        informers.start([kinds.CONFIG_MAP, kinds.SECRET])
        async with asyncio.timeout(PATIENCE):
            await informers.settled()
        assert (informers.has_synced("one"), informers.has_synced("gone")) == (True, False)
        assert world.synced == ["one"]
        assert set(world.interruptions) == {"configmaps", "secrets"}
        assert "the watch of secrets in gone was interrupted; reconnecting: 403 Forbidden" in caplog.text
        cluster.forbidden.clear()
        await eventually(lambda: informers.has_synced("gone"))
        assert world.synced == ["one", "gone"]


async def test_where_nothing_can_be_listed(world: World) -> None:
    """No tenant could be reconciled, until one namespace is complete."""
    cluster = Cluster()
    cluster.forbidden |= {"/namespaces/one/secrets", "/namespaces/gone/"}
    async with watching(world, cluster, "one", "gone") as (informers, _):
        informers.start([kinds.CONFIG_MAP, kinds.SECRET])
        async with asyncio.timeout(PATIENCE):
            await informers.settled()
        assert not informers.useful
        cluster.forbidden.remove("/namespaces/one/secrets")
        await eventually(lambda: informers.useful)


async def test_an_optional_kind_without_rights_holds_up_nobody(world: World) -> None:
    """Its objects can't be known, but all else can."""
    cluster = Cluster()
    cluster.forbidden.add("/podmonitors")
    async with watching(world, cluster, None) as (informers, _):
        informers.start([kinds.CONFIG_MAP, kinds.POD_MONITOR])
        async with asyncio.timeout(PATIENCE):
            await informers.settled()
        assert informers.has_synced("any")
        assert world.synced == [None]


async def test_stop(world: World) -> None:
    """A kind that is no longer served is watched no longer, until it is back; none named: none is stopped."""
    async with watching(world, Cluster(), None) as (informers, server):
        informers.start([kinds.CONFIG_MAP, kinds.POD_MONITOR])
        await informers.settled()
        await informers.stop([])
        assert len(informers._tasks) == 2
        await informers.stop([kinds.POD_MONITOR.plural, kinds.HTTP_ROUTE.plural])
        assert list(informers._tasks) == ["configmaps"]
        informers.start([kinds.POD_MONITOR])
        await informers.settled()
        await eventually(lambda: len(lists(server)) >= 3)
    assert not informers._tasks
