"""A watch that is cut, ends too soon or goes silent is resumed where it was, with backoff."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, plain
from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.tools.daemons import Daemon, Watchdog
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from ..conftest import ACCOUNT, HOME, Run  # noqa: TID252 - tests are no package

CLUSTER_WIDE = False  # a watch that breaks off is begun anew the same way, by whatever path
OPTIONS = ("--check-interval=0.2",)
AtRest = Callable[[], Awaitable[None]]
SECONDS = 3
IMPATIENT = """
import asyncio, pathlib, sys
from tenantproxy.server.sockets import listen
from tenantproxy_operator.kube.connection import Connection
from tenantproxy_operator.controller.manager import OperatorManager
from tenantproxy_operator.settings import LeaderElection, Settings

async def main(kubeconfig, *namespaces):
    manager = OperatorManager(
        await Connection.load(pathlib.Path(kubeconfig)),
        Settings(),
        namespaces=namespaces,
        workers=4,
        check_interval=0.5,
        max_updating_tenants=5,
        event_patience=60.0,
        leader_election=LeaderElection(),
        watch_silence=2.0,
    )
    await manager.run(listen("127.0.0.1:0"))

asyncio.run(main(*sys.argv[1:]))
"""
"""An operator that gives up silent watches after two seconds; that of `run` waits longer than a test should."""
WATCHES = len(kinds.CHILDREN) - 2 + 1
"""Of all children but the optional ones, and of TenantProxies."""


@pytest.fixture
def operator(operator_behind: OperatorProcess) -> OperatorProcess:
    """Have all here talk to the operator that something stands before."""
    return operator_behind


async def watches_all(between: Between) -> None:
    """Wait until the operator watches all that it shall; some watches begin after its first work."""

    async def watches() -> int:
        return between.watches

    await eventually(watches, lambda count: count == WATCHES)


def interruptions(operator: OperatorProcess) -> Counter[str]:
    """Return how often each watch of children or Secrets broke off."""
    begin = 'watch_interruptions_total{kind="'
    metrics = operator.metrics()
    return Counter({name[len(begin) : -2]: int(metrics[name]) for name in metrics if name.startswith(begin)})


async def test_cut(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """What happens before the watch is there again is not missed; no list is needed to know it."""
    await tenants.created(name)
    await watches_all(between)
    between.calls.clear()
    assert between.cut("services") == 1
    await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, name))
    assert interruptions(operator) == {"services": 1}
    assert between.cut("tenantproxies") == 1
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    lists = [call for call in between.calls if call.method == "GET" and not call.is_watch and not call.name]
    assert not [call for call in lists if call.path.endswith("/services")]
    await at_rest()


async def test_all_cut(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """As when a load balancer before the API server is started anew."""
    await tenants.created(name)
    await watches_all(between)
    assert between.cut() == WATCHES
    await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.change(name, {"spec.replicas": 3})
    await tenants.settled(name)
    await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.flush(name)
    await at_rest()
    assert operator.probe("/healthz") == 200


async def test_always_ended_at_once(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """Whoever ends each watch as it begins is not asked again and again without a pause."""
    await tenants.created(name)

    async def play(call: Call) -> web.Response | None:
        return web.Response(text="", content_type="application/json") if call.is_watch else None

    await watches_all(between)
    between.play = play
    between.calls.clear()
    begin = time.monotonic()
    between.cut()
    await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.change(name, {"spec.replicas": 3})

    def asked_for() -> Counter[str]:
        return Counter(call.path.split("/")[-1] for call in between.calls if call.is_watch)

    await eventually(asked_for, lambda asked: len(asked) == WATCHES)
    ended_at_once = "/tenantproxies ended right after it started"
    await eventually(lambda: ended_at_once in operator.log, log=lambda: operator.log)
    await asyncio.sleep(max(0.0, begin + SECONDS - time.monotonic()))
    asked = asked_for()
    # The pauses are at least a second.
    assert max(asked.values()) <= time.monotonic() - begin + 2, asked
    assert interruptions(operator).keys() == asked.keys() - {"tenantproxies"}
    between.play = plain
    await tenants.settled(name)
    await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await tenants.flush(name)
    await at_rest()


async def test_silent(
    api_server: ApiServer, api: ApiClient, run: Run, between: Between, name: str, tmp_path: Path
) -> None:
    """A stream that stays open and says nothing, not even a bookmark, is given up; nothing is missed by it."""
    token = (await api.token(HOME, ACCOUNT)).strip()
    kubeconfig = api_server.kubeconfig(tmp_path / "kubeconfig", token, url=between.url, ca=between.ca)
    watchdog = Watchdog()
    impatient = Daemon(
        sys.executable, "-c", IMPATIENT, kubeconfig, *run.namespaces, log=tmp_path / "log", watchdog=watchdog
    )
    try:
        tenants = Tenants(api, run.namespaces[0], impatient.log.read_text)
        await tenants.created(name)
        between.swallowed = "services"
        await tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, name))

        async def dropped() -> int:
            return between.dropped

        await eventually(dropped)
        between.swallowed = None
        between.calls.clear()
        await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, name))
        assert [call for call in between.calls if call.is_watch and call.path.endswith("/services")]
    finally:
        await asyncio.to_thread(impatient.stop)
        watchdog.close()
