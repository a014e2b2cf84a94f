"""What kopf is told to do: as little as possible."""

import asyncio
import itertools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kopf._cogs.structs.bodies import RawBody
from kopf._core.reactor.inventory import ResourceMemories

from support.certificates import HERE, Authority
from support.proxy.oms import Received, answering, http, raw_server
from support.proxy.tls_server import Peers, TlsServer
from support.waiting import PATIENCE
from tenantproxy.backoff import Backoff
from tenantproxy.kube.access import KubeAccess
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.controller.kopf_adapter import (
    FirstWatches,
    NoMemories,
    WatchThrottle,
    build_registry,
    kopf_session,
    kopf_settings,
)
from tenantproxy_operator.kube.kinds import Key

ACME = Key("tenants", "acme")
LOGIN: Any = object()


class Registered:
    """kopf's registry, and what its handlers led to."""

    def __init__(self) -> None:
        self.tenants = Tenants()
        self.queued: list[Key] = []
        self.ran: list[str] = []

        async def start() -> None:
            self.ran.append("start")

        async def stop() -> None:
            self.ran.append("stop")

        self.registry = build_registry(
            self.tenants, self.queued.append, login=lambda: LOGIN, start=start, stop=stop
        )

    async def tell(self, kind: str | None, version: int, *, uid: str = "u", name: str = "acme") -> None:
        """Tell of an event as kopf does."""
        metadata = {"name": name, "namespace": "tenants", "uid": uid, "resourceVersion": str(version)}
        (handler,) = self.registry._watching.get_all_handlers()
        await _result(handler.fn, event={"type": kind, "object": {"metadata": metadata, "spec": {}}}, patch={})


@pytest.fixture
def registered() -> Registered:
    return Registered()


def test_only_events(registered: Registered) -> None:
    """One handler of events of TenantProxies: all other kinds of handlers write to the object, or watch others."""
    registry = registered.registry
    (handler,) = registry._watching.get_all_handlers()
    assert handler.selector is not None
    assert (handler.selector.group, handler.selector.version) == ("proxy.hiiretail.com", "v1alpha1")
    assert handler.selector.any_name == "tenantproxies"
    for others in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert list(others.get_all_handlers()) == []
    assert len(registry._activities.get_all_handlers()) == 3


async def test_activities(registered: Registered) -> None:
    """Login, start and end are ours."""
    found = {handler.activity.value: handler for handler in registered.registry._activities.get_all_handlers()}  # type: ignore[union-attr]
    assert found.keys() == {"authentication", "startup", "cleanup"}
    assert await _result(found["authentication"].fn) is LOGIN
    await _result(found["startup"].fn)
    await _result(found["cleanup"].fn)
    assert registered.ran == ["start", "stop"]
    assert found["startup"].backoff == 1


async def _result(function: Callable[..., Any], **arguments: Any) -> Any:
    result = function(logger=None, memo=None, **arguments)
    return await result if hasattr(result, "__await__") else result


async def test_events(registered: Registered) -> None:
    """Whatever happens, only its key is queued: what it means is found out later."""
    for kind in (None, "ADDED", "MODIFIED"):
        await registered.tell(kind, len(registered.queued) + 1)
        assert registered.queued[-1] == ACME
        assert registered.tenants.get(ACME) is not None
    await registered.tell("DELETED", 9)
    assert registered.queued == [ACME] * 4
    assert registered.tenants.get(ACME) is None


async def test_our_own_write(registered: Registered) -> None:
    """The event of it wakes nobody: a retry would not pause where each writes another message into the status."""
    await registered.tell("ADDED", 1)
    metadata = {"name": "acme", "namespace": "tenants", "uid": "u", "resourceVersion": "2"}
    registered.tenants.on_own_write({"metadata": metadata, "spec": {}})
    await registered.tell("MODIFIED", 2)
    assert registered.queued == [ACME]
    await registered.tell("MODIFIED", 3)
    assert registered.queued == [ACME, ACME]


async def test_the_end_of_an_earlier_one(registered: Registered) -> None:
    """A TenantProxy that was made anew stays."""
    await registered.tell("ADDED", 5, uid="new")
    await registered.tell("DELETED", 4, uid="old")
    tenant = registered.tenants.get(ACME)
    assert tenant is not None
    assert tenant.uid == "new"


def test_settings() -> None:
    """Nothing of kopf's own is ever written, and no more is read than TenantProxies."""
    settings = kopf_settings()
    assert settings.persistence.finalizer == "proxy.hiiretail.com/finalizer"
    for storage in (settings.persistence.progress_storage, settings.persistence.diffbase_storage):
        assert storage.prefix == "proxy.hiiretail.com"  # type: ignore[union-attr]
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    assert (settings.watching.server_timeout, settings.watching.client_timeout) == (600, 660)
    # A stream on which not even bookmarks come is dead.
    assert 60 < settings.watching.inactivity_timeout < 150


def test_kopf_never_gives_up() -> None:
    """After its last pause kopf would end; these have no end, grow to less than half a minute, and begin anew."""
    backoffs = kopf_settings().networking.error_backoffs
    assert not isinstance(backoffs, float | int)
    for _ in range(2):
        pauses = list(itertools.islice(backoffs, 100))
        assert len(pauses) == 100
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (1, 20)


@pytest.mark.virtual_time
async def test_credentials_that_are_not_taken(registered: Registered, caplog: pytest.LogCaptureFixture) -> None:
    """After a 401 kopf asks for others and goes on at once: with the same ones it would hammer the API server."""
    found = {handler.activity.value: handler for handler in registered.registry._activities.get_all_handlers()}  # type: ignore[union-attr]
    login = found["authentication"].fn
    clock = asyncio.get_running_loop().time
    await _result(login)
    assert clock() == 0
    await _result(login)
    assert clock() >= 1
    assert caplog.messages == ["the API server rejects our credentials (401); reloading them"]


CA = Authority()
PAIR = CA.issue("client")


def with_client_certificate(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=CA.pem)
    for name, pem in PAIR.tls_keys.items():
        (folder / name).write_text(pem)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


async def never() -> None:
    raise AssertionError("the CRD is not missing")


@pytest.mark.parametrize("authorization", ["Bearer M4RKED", None])
@pytest.mark.parametrize("tls", [ssl.create_default_context(), None])
async def test_kopf_goes_the_way_of_our_own_calls(tls: ssl.SSLContext | None, authorization: str | None) -> None:
    """The same server, CAs and token, read anew at each login."""
    access = KubeAccess(url="https://127.0.0.1:6443", tls=tls, authorization=lambda: authorization)
    login = kopf_session(access, [], never)
    assert login.server == access.url
    async with login.aiohttp_session as session:
        assert session.headers.get("Authorization") == authorization
        assert isinstance(session.connector, aiohttp.TCPConnector)
        assert session.connector._ssl is (tls or True)


async def test_kopf_has_our_client_certificate(tmp_path: Path) -> None:
    """The server sees it."""
    peers = Peers(answering(http(200, b"{}")))
    async with TlsServer(peers, CA.issue(*HERE), client_ca=CA.pem) as server:
        access = KubeAccess(url=server.url, tls=with_client_certificate(tmp_path))
        login = kopf_session(access, [], never)
        async with login.aiohttp_session as session, session.get(server.url) as response:
            assert response.status == 200
    assert peers.serials == [PAIR.serial]


async def test_kopf_does_not_learn_that_the_crd_is_gone() -> None:
    """It would end the process: the request waits, and is sent again; of others it gets every answer."""
    missing: list[str] = []

    async def crd_missing() -> None:
        missing.append("CRD")

    absent, there = http(404, b"{}"), http(200, b"{}")
    async with raw_server(answering(absent, absent, there, absent)) as server:
        login = kopf_session(KubeAccess(url=server.url), [], crd_missing)
        async with login.aiohttp_session as session:
            for path, status in (("/namespaces/a/tenantproxies?watch=true", 200), ("/namespaces/a", 404)):
                async with session.get(f"{server.url}{path}") as response:
                    assert response.status == status
    assert missing == ["CRD", "CRD"]


async def test_watches_that_end_soon_are_throttled() -> None:
    """Kopf opens the next one at once; of other requests, and of another namespace's watches, none waits."""
    first = ("/a?watch=true", "/b?watch=true", "/a", "/a", "/b?limit=1")
    async with raw_server(answering(http(200, b""))) as server:
        loop = asyncio.get_running_loop()

        async def took(session: aiohttp.ClientSession, *targets: str) -> float:
            begin = loop.time()
            for target in targets:
                async with session.get(f"{server.url}{target}"):
                    pass
            return loop.time() - begin

        async with aiohttp.ClientSession(
            trace_configs=[WatchThrottle(lambda: Backoff(2 * PATIENCE, 2 * PATIENCE)).trace]
        ) as session:
            assert await took(session, *first) < PATIENCE
        async with aiohttp.ClientSession(
            trace_configs=[WatchThrottle(lambda: Backoff(0.4, 0.4)).trace]
        ) as session:
            await took(session, *first)
            assert await took(session, "/a?watch=true") >= 0.2
            assert await took(session, "/a?watch=true", "/b?watch=true") >= 0.4


@pytest.mark.parametrize(
    ("namespaces", "before", "last"),
    [
        (None, ("/tenantproxies", "/namespaces/a/tenantproxies?watch=true"), "/tenantproxies?watch=true"),
        (("a",), ("/namespaces/a/tenantproxies?limit=1",), "/namespaces/a/tenantproxies?watch=true"),
        (("a", "b"), ("/namespaces/b/tenantproxies?watch=true",), "/namespaces/a/tenantproxies?watch=true"),
        (("a", "refused"), ("/namespaces/refused/tenantproxies",), "/namespaces/a/tenantproxies?watch=true"),
    ],
)
async def test_first_watches(namespaces: tuple[str, ...] | None, before: tuple[str, ...], last: str) -> None:
    """They stand when the API server answers the last one; a list is none, and a refusal is not waited for."""
    watching = asyncio.Event()

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(403 if "refused" in request.target else 200, b""))

    async with raw_server(play) as server:
        url = f"{server.url}/base"
        root = f"{url}/apis/proxy.hiiretail.com/v1alpha1"
        async with aiohttp.ClientSession(trace_configs=[FirstWatches(url, namespaces, watching).trace]) as session:
            for path in (*before, *before):
                async with session.get(f"{root}{path}"):
                    assert not watching.is_set()
            async with session.get(f"{root}{last}"):
                assert watching.is_set()


async def test_nothing_is_remembered() -> None:
    """Each event gets a fresh memory, which is gone after it; kopf's own keeps one for each object."""
    body: RawBody = {"metadata": {"uid": "1"}}
    ours, kopfs = NoMemories(), ResourceMemories()
    for memories, kept in ((ours, 0), (kopfs, 1)):
        first = await memories.recall(body, noticed_by_listing=True)
        assert first.noticed_by_listing
        again = await memories.recall(body)
        assert (again is first) == bool(kept)
        assert len(list(memories.iter_all_memories())) == kept
        await memories.forget(body)
