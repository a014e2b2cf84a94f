"""A follower of a real API server knows what there is, whatever happened in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer
from support.relay import Relay
from tenantproxy.backoff import Backoff
from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.reflector import Reflector


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """The part of an object's metadata that these tests look at."""

    name: str
    resource_version: str
    labels: dict[str, str] = {}


class Partial(msgspec.Struct, frozen=True):
    """An object of which only the metadata was asked for."""

    metadata: Metadata
    data: dict[str, str] | None = None


class Cache:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.things: dict[str, Partial] = {}
        self.lists = 0
        self.errors: list[KubeError] = []
        self._before: set[str] = set()
        self.changed = asyncio.Event()

    def on_list_start(self) -> None:
        self._before = set(self.things)

    def on_list_end(self) -> None:
        for name in self._before:
            del self.things[name]
        self.lists += 1
        self.changed.set()

    def on_upsert(self, thing: Partial) -> None:
        self._before.discard(thing.metadata.name)
        self.things[thing.metadata.name] = thing
        self.changed.set()

    def on_delete(self, thing: Partial) -> None:
        self.things.pop(thing.metadata.name, None)
        self.changed.set()

    def on_error(self, error: KubeError) -> None:
        self.errors.append(error)
        self.changed.set()

    async def until(self, names: set[str]) -> None:
        """Wait until these are all there is."""
        async with asyncio.timeout(30):
            while not (self.lists and self.things.keys() == names):
                self.changed.clear()
                await self.changed.wait()


class ConfigMaps:
    """The ConfigMaps of a namespace, as somebody else changes them."""

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._api = api

    async def create(self, *names: str) -> None:
        for name in names:
            manifest = {"metadata": {"name": name, "labels": {"followed": "yes"}}, "data": {"secret": "MARKED"}}
            status, answer = await self._api.request("POST", self.path, manifest)
            assert status == 201, answer

    async def label(self, name: str, **labels: str | None) -> None:
        change = {"metadata": {"labels": labels}}
        status, _ = await self._api.request("PATCH", f"{self.path}/{name}", change, content_type=MERGE_PATCH)
        assert status == 200

    async def delete(self, *names: str) -> None:
        for name in names:
            await self._api.request("DELETE", f"{self.path}/{name}")


@pytest.fixture
def config_maps(api: ApiClient, namespace: str) -> ConfigMaps:
    return ConfigMaps(api, namespace)


@contextlib.asynccontextmanager
async def following(server: ApiServer, path: str, url: str = "", **options: Any) -> AsyncIterator[Cache]:
    cache = Cache()
    client = KubeClient(
        KubeAccess(url=url or server.url, tls=server.tls, authorization=lambda: f"Bearer {server.admin_token}")
    )
    options = {"selector": {"labelSelector": "followed=yes"}, "backoff": Backoff(0.1, 0.2), **options}
    reflector = Reflector(client, path, Partial, cache, **options)
    task = asyncio.create_task(reflector.run())
    try:
        yield cache
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def test_changes_are_followed(api_server: ApiServer, config_maps: ConfigMaps) -> None:
    """What is selected, by metadata alone; what loses the label is gone, what gets it is there."""
    await config_maps.create("a", "b")
    await config_maps.label("b", followed=None)
    async with following(api_server, config_maps.path) as cache:
        await cache.until({"a"})
        await config_maps.create("c")
        await config_maps.label("b", followed="yes")
        await config_maps.delete("a")
        await cache.until({"b", "c"})
        assert all(thing.data is None for thing in cache.things.values())
        assert cache.errors == []


async def test_many_objects_come_in_pages(api_server: ApiServer, config_maps: ConfigMaps) -> None:
    """More than one page holds, with changes while they are listed."""
    names = [f"n{number:04}" for number in range(750)]
    await asyncio.gather(*(config_maps.create(*names[start::15]) for start in range(15)))
    mark = api_server.audit_mark()
    async with following(api_server, config_maps.path) as cache:
        await config_maps.delete("n0000", "n0749")
        await cache.until(set(names[1:-1]))
    lists = [entry.uri for entry in api_server.audit(mark) if entry.verb == "list"]
    assert len(lists) == 3
    assert "continue=" in lists[1]


async def test_a_broken_network_loses_nothing(api_server: ApiServer, config_maps: ConfigMaps) -> None:
    """What was created, changed and deleted meanwhile is told afterwards, and nothing is listed again."""
    await config_maps.create("a", "b")
    mark = api_server.audit_mark()
    async with Relay(api_server.url) as relay, following(api_server, config_maps.path, relay.url) as cache:
        await cache.until({"a", "b"})
        await config_maps.label("a", step="0")  # the stream stands
        for step in ("1", "2"):
            relay.cut()
            await config_maps.create(f"c{step}")
            await config_maps.label("a", step=step)
            await config_maps.delete("b")
            relay.mend()
            await cache.until({"a", "c1"} | ({"c2"} if step == "2" else set()))
            assert cache.things["a"].metadata.labels["step"] == step
        assert cache.errors
    asked = [
        entry for entry in api_server.audit(mark) if entry.uri.startswith(f"{config_maps.path}?labelSelector")
    ]
    assert [entry.verb for entry in asked][:2] == ["list", "watch"]
    assert {entry.verb for entry in asked[1:]} == {"watch"}


@pytest.fixture
def own_server(binaries: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """Run an API server that the test may stop."""
    server = ApiServer(binaries, tmp_path)
    try:
        yield server
    finally:
        server.close()


async def test_a_place_that_the_server_has_forgotten(own_server: ApiServer) -> None:
    """A real 410, after a restart: all there is is listed anew; what went meanwhile is forgotten."""
    async with own_server.client() as api, Relay(own_server.url) as relay:
        config_maps = ConfigMaps(api, "default")
        await config_maps.create("a", "b")
        async with following(own_server, config_maps.path, relay.url) as cache:
            await cache.until({"a", "b"})
            relay.cut()
            await config_maps.delete("b")
            await config_maps.create("c")
            await asyncio.to_thread(own_server.stop_apiserver)
            await asyncio.to_thread(own_server.start_apiserver)
            relay.mend()
            await cache.until({"a", "c"})
            gone = [error for error in cache.errors if isinstance(error, StatusError)]
            assert [(error.status, error.reason) for error in gone] == [(410, "Expired")]
            assert cache.lists == 2
            await config_maps.delete("a")
            await cache.until({"c"})


async def test_a_single_object_without_a_list(api_server: ApiServer, config_maps: ConfigMaps) -> None:
    """As the proxy follows its Secret: no list is asked for, also after the object was away."""
    mark = api_server.audit_mark()
    options = {"selector": {"fieldSelector": "metadata.name=one"}, "may_list": False}
    async with (
        Relay(api_server.url) as relay,
        following(api_server, config_maps.path, relay.url, **options) as cache,
    ):
        await cache.until(set())
        await config_maps.create("one", "two")
        await cache.until({"one"})
        relay.cut()
        await config_maps.delete("one")
        relay.mend()
        await cache.until(set())
        await config_maps.create("one")
        await cache.until({"one"})
    asked = [entry for entry in api_server.audit(mark) if "fieldSelector" in entry.uri]
    assert {entry.verb for entry in asked} == {"watch"}
