"""What the API server answers instead of doing it: each tenant tries again by itself, seldom, and says so."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest
from aiohttp import web

from support.api_between import Between, Call, plain, refusal
from support.operator_process import OperatorProcess
from support.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator import kinds

OPTIONS = ("--check-interval=0.5",)
AtRest = Callable[[], Awaitable[None]]
MANY = 20
SECONDS = 4.0
TRIES = 4 + 1
"""How often a tenant is looked at within `SECONDS`: pauses are at least 1/4, 1/2, 1 and 2 s, and then 4 s."""


class Case(NamedTuple):
    """An answer to all writes of a Service, and what becomes of it."""

    status: int
    reason: str
    accepted: str
    """The reason of the condition Accepted."""


CASES = {
    "conflict": Case(409, "Conflict", "ApplyFailed"),
    "invalid": Case(422, "Invalid", "ApplyRefused"),
    "busy": Case(429, "TooManyRequests", "ApplyFailed"),
    "broken": Case(500, "InternalError", "ApplyFailed"),
}


@pytest.fixture
async def operator(launch: Callable[..., OperatorProcess], between: Between) -> AsyncIterator[OperatorProcess]:
    """Run an operator that talks to what is in between."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    yield operator
    await asyncio.to_thread(operator.stop)


async def test_each_answer_to_one_write(
    operator: OperatorProcess, tenants: Tenants, between: Between, at_rest: AtRest
) -> None:
    """It concerns that child of that tenant: the others are made; the status says what is wrong, and all heals."""

    async def play(call: Call) -> web.Response | None:
        case = CASES.get(call.tenant)
        if case and call.is_write and "/services" in call.path:
            return refusal(case.status, case.reason, f"words about {call.tenant}")
        return None

    between.play = play
    await asyncio.gather(*(tenants.secret(name) for name in (*CASES, "well")))
    await asyncio.gather(*(tenants.create(name) for name in (*CASES, "well")))
    begin = time.monotonic()
    await tenants.settled("well")
    for name, case in CASES.items():
        accepted = await tenants.condition(name, "Accepted", reason=case.accepted)
        assert accepted["status"] == ("False" if case.status == 422 else "Unknown")
        assert f"Service {name}-proxy: words about {name}" in accepted["message"]
        made = await tenants.children(name)
        assert kinds.SERVICE not in made
        assert kinds.DEPLOYMENT in made
    metrics = operator.metrics()
    assert metrics["retrying"] == len(CASES)
    assert metrics['reconcile_total{result="retry"}'] >= len(CASES)
    for case in CASES.values():
        assert metrics[f'apply_total{{kind="Service",result="{case.status}"}}'] >= 1
    # Settled: one more failure in five seconds or more.
    await asyncio.sleep(begin + SECONDS - time.monotonic())
    for name in CASES:
        tries = [call for call in between.calls if call.name == f"{name}-proxy" and call.path.endswith(call.name)]
        asked = Counter(str(call) for call in tries if call.is_write and "/services" in call.path)
        assert max(asked.values()) <= TRIES, asked
    between.play = plain
    for name in CASES:
        await tenants.condition(name, "Accepted", status="True")
        await tenants.settled(name)
        assert await tenants.child(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await at_rest()
    assert operator.metrics()["retrying"] == 0


@pytest.mark.parametrize("status", [409, 500])
async def test_status_can_not_be_written(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest, status: int
) -> None:
    """The children are made all the same, once; the status follows."""

    async def play(call: Call) -> web.Response | None:
        return refusal(status, "Words", "words") if call.path.endswith("/status") else None

    between.play = play
    await tenants.secret(name)
    await tenants.create(name)

    async def retries() -> float:
        return operator.metrics().get('reconcile_total{result="retry"}', 0.0)

    await eventually(retries, lambda count: count >= 3)
    assert operator.metrics()["retrying"] == 1
    writes = Counter(write for write in between.writes(name) if not write.endswith("/status"))
    assert set(writes.values()) == {1}, writes
    assert len(between.writes(name)) - len(writes) <= TRIES
    between.play = plain
    await tenants.settled(name)
    await at_rest()


@pytest.mark.parametrize("status", [429, 500])
async def test_everything_is_answered_so(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest, status: int
) -> None:
    """As an overloaded API server does: requests stay few, whatever there is to do; then all of it is done."""
    names = [f"{name}-{number}" for number in range(MANY)]
    await asyncio.gather(*(tenants.created(each) for each in names))

    async def play(call: Call) -> web.Response | None:
        del call
        answer = refusal(status, "Words", "words")
        if status == 429:
            answer.headers["Retry-After"] = "2"
        return answer

    between.play = play
    between.calls.clear()
    between.cut()
    await asyncio.gather(*(tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, each)) for each in names))
    await asyncio.sleep(SECONDS)
    looks = len(kinds.CHILDREN) + SECONDS / 0.5  # the kinds and the TenantProxies, each half second
    assert len(between.calls) <= looks + (len(kinds.CHILDREN) + 1) * SECONDS + MANY * TRIES
    asked = Counter(f"{call.method} {call.path} {call.is_watch}" for call in between.calls)
    assert max(asked.values()) <= SECONDS / 0.5 + 1, asked
    if status == 429:
        watches = Counter(call.path for call in between.calls if call.is_watch)
        assert max(watches.values()) <= SECONDS / 2 + 1, watches
    assert operator.probe("/healthz") == 200
    between.play = plain
    for each in names:
        await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, each))
        await tenants.flush(each)
    await at_rest()
    assert operator.metrics()["retrying"] == 0


async def test_who_says_when_to_come_again(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str
) -> None:
    """Nobody comes before the seconds that `Retry-After` names, as API Priority and Fairness sends it."""

    async def play(call: Call) -> web.Response | None:
        if call.is_write and call.tenant == name:
            answer = refusal(429, "TooManyRequests", "words")
            answer.headers["Retry-After"] = "3"
            return answer
        return None

    between.play = play
    await tenants.secret(name)
    await tenants.create(name)

    def at() -> list[float]:
        return [call.at for call in between.calls if call.is_write and "/services/" in call.path]

    async def tries() -> int:
        return len(at())

    await eventually(tries, lambda count: count >= 2, log=lambda: operator.log)
    assert at()[1] - at()[0] >= 3
