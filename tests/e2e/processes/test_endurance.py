"""What takes seconds to show: pauses, holds and token expiry, in real time."""

import asyncio
import time
from pathlib import Path

from support.proxy.idp import Idp, oauth2
from support.proxy.oms import (
    RawServer,
    answering,
    held_until,
    http,
    only_right_password,
    raw_server,
)
from support.proxy.running import BASIC, proxy_config, running_proxy
from support.waiting import eventually
from tenantproxy.oms.circuit_breaker import FAILURES_TO_OPEN

WRONG = {"username": "user", "password": "wrong"}


async def test_circuit_opens_and_lets_one_probe_go(oms: RawServer, tmp_path: Path) -> None:
    """After twenty failures in a row the OMS is left alone; the first probe that succeeds ends it."""
    oms.play = answering(http(500))
    async with running_proxy(proxy_config(oms.url), tmp_path, BASIC) as proxy:
        for _ in range(FAILURES_TO_OPEN):
            assert (await proxy.get()).code == "upstream-error"
        refused = [await proxy.get() for _ in range(30)]
        assert {answer.code for answer in refused} == {"circuit-open"}
        assert 1 <= int(refused[0].headers["Retry-After"]) <= 5
        assert len(oms.received) == FAILURES_TO_OPEN
        assert await proxy.metric('tenantproxy_circuit_state{operation="getOrder"}') == 2
        probed = asyncio.Event()
        oms.play = held_until(probed)
        await asyncio.sleep(5)  # the breaker's pause
        probing = [asyncio.create_task(proxy.get()) for _ in range(10)]
        await proxy.becomes('tenantproxy_rejected_requests_total{reason="circuit-open"}', 39)
        probed.set()
        assert sorted([(await reading).status for reading in probing]) == [200] + [503] * 9
        assert (await proxy.get()).status == 200
        assert await proxy.metric('tenantproxy_circuit_state{operation="getOrder"}') == 0
        assert len(oms.received) == FAILURES_TO_OPEN + 2


async def test_a_wrong_password_reaches_the_oms_once(oms: RawServer, tmp_path: Path) -> None:
    """At hundreds of requests a second, a wrong password can't lock the tenant's account at the OMS."""
    oms.play = only_right_password
    async with running_proxy(proxy_config(oms.url), tmp_path, WRONG) as proxy:
        for _ in range(100):
            answers = await asyncio.gather(*(proxy.get() for _ in range(5)))
            assert {answer.code for answer in answers} == {"upstream-rejected-credentials"}
            assert 1800 < int(answers[-1].headers["Retry-After"]) <= 1860
        assert len(oms.received) == 1
        assert await proxy.metric("tenantproxy_credentials_accepted") == 0
        await proxy.change_keys(BASIC)
        assert (await proxy.get()).status == 200, "a right password is used at once"
        assert await proxy.metric("tenantproxy_credentials_accepted") == 1


async def test_two_replicas_do_not_chase_each_other(oms: RawServer, tmp_path: Path) -> None:
    """Where each issue revokes the token before, each replica fetches at most once per five seconds."""
    idp = Idp(None, revokes=True)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path / "a", oauth2(endpoint.url)) as one,
        running_proxy(proxy_config(oms.url), tmp_path / "b", oauth2(endpoint.url)) as two,
    ):
        begin = time.monotonic()
        while time.monotonic() < begin + 4:
            await asyncio.gather(one.get(), two.get())
            await asyncio.sleep(0.02)
        assert idp.issued <= 2 * (2 + (time.monotonic() - begin) // 5)


async def test_a_good_token_outlives_its_endpoint(oms: RawServer, tmp_path: Path) -> None:
    """With the token endpoint down, the token at hand serves to its end; then 503, and well again by itself."""
    idp = Idp(4)
    oms.play = idp.check
    async with (
        raw_server(idp.issue) as endpoint,
        running_proxy(proxy_config(oms.url), tmp_path, oauth2(endpoint.url)) as proxy,
    ):
        started = time.monotonic()
        endpoint.play = answering(http(500))
        while time.monotonic() < started + 2:
            assert (await proxy.get()).status == 200
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)  # the token expires meanwhile
        assert (await proxy.get()).code == "token-unavailable"
        endpoint.play = idp.issue
        await eventually(proxy.get, lambda answer: answer.status == 200, pause=0.1)
