"""Errors from the API server: each tenant retries by itself, with backoff, and reports it."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from aiohttp import web

from support.apiserver.fault_proxy import Between, Call, plain, refusal
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from .conftest import NEWS, most_tries

CLUSTER_WIDE = False  # answers to writes are the same
INTERVAL = 0.2
OPTIONS = (f"--check-interval={INTERVAL}",)
AtRest = Callable[[], Awaitable[None]]
MANY = 20
SECONDS = 4.0


class Case(NamedTuple):
    """An answer to all writes of a Service, and what becomes of it."""

    status: int
    reason: str
    accepted: str
    """The reason of the condition Accepted."""
    retry_after: int = 0
    """Seconds, as API Priority and Fairness sends them."""


CASES = {
    "conflict": Case(409, "Conflict", "ApplyFailed"),
    "invalid": Case(422, "Invalid", "ApplyRefused"),
    "busy": Case(429, "TooManyRequests", "ApplyFailed", retry_after=1),
    "broken": Case(500, "InternalError", "ApplyFailed"),
}


@pytest.fixture
def operator(operator_behind: OperatorProcess) -> OperatorProcess:
    """Have all here talk to the operator that something stands before."""
    return operator_behind


async def test_each_answer_to_one_write(
    operator: OperatorProcess, tenants: Tenants, between: Between, at_rest: AtRest
) -> None:
    """It concerns that child of that tenant: the others are made; the status says what is wrong, and all heals.

    Nobody comes again before the time that `Retry-After` names.
    """

    async def play(call: Call) -> web.Response | None:
        case = CASES.get(call.tenant)
        if case and call.is_write and "/services" in call.path:
            answer = refusal(case.status, case.reason, f"words about {call.tenant}")
            if case.retry_after:
                answer.headers["Retry-After"] = str(case.retry_after)
            return answer
        return None

    def tries(name: str) -> list[float]:
        return [
            call.at
            for call in between.calls
            if call.is_write and call.tenant == name and "/services/" in call.path
        ]

    async def fewest_tries() -> int:
        return min(len(tries(name)) for name in CASES)

    between.play = play
    await asyncio.gather(*(tenants.secret(name) for name in (*CASES, "well")))
    begin = time.monotonic()
    await asyncio.gather(*(tenants.create(name) for name in (*CASES, "well")))
    await tenants.settled("well")
    for name, case in CASES.items():
        accepted = await tenants.condition(name, "Accepted", reason=case.accepted)
        assert accepted["status"] == ("False" if case.status == 422 else "Unknown")
        assert f"Service {name}-proxy: words about {name}" in accepted["message"]
        made = await tenants.children(name)
        assert kinds.SERVICE not in made
        assert kinds.DEPLOYMENT in made
    await operator.becomes("retrying", len(CASES))
    metrics = operator.metrics()
    assert metrics['reconcile_total{result="retry"}'] >= len(CASES)
    for case in CASES.values():
        assert metrics[f'apply_total{{kind="Service",result="{case.status}"}}'] >= 1
    await eventually(fewest_tries, lambda count: count >= 4)
    for name, case in CASES.items():
        at = tries(name)
        assert len(at) <= most_tries(time.monotonic() - begin) + NEWS, name
        # The event about the status may be faster than the answer to its write, and is then news, once.
        assert min(later - earlier for earlier, later in itertools.pairwise(at[1:])) >= case.retry_after, name
    between.play = plain
    for name in CASES:
        await tenants.condition(name, "Accepted", status="True")
        await tenants.settled(name)
        assert await tenants.child(kinds.SERVICE, child_name(kinds.SERVICE, name))
    await at_rest()
    await operator.becomes("retrying", 0)


async def test_status_can_not_be_written(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """The children are made all the same, once; the status follows."""

    async def play(call: Call) -> web.Response | None:
        return refusal(409, "Conflict", "words") if call.path.endswith("/status") else None

    between.play = play
    await tenants.secret(name)
    begin = time.monotonic()
    await tenants.create(name)

    async def retries() -> float:
        return operator.metrics().get('reconcile_total{result="retry"}', 0.0)

    await eventually(retries, lambda count: count >= 3)
    await operator.becomes("retrying", 1)
    writes = Counter(write for write in between.writes(name) if not write.endswith("/status"))
    assert set(writes.values()) == {1}, writes
    assert len(between.writes(name)) - len(writes) <= most_tries(time.monotonic() - begin) + NEWS
    between.play = plain
    await tenants.settled(name)
    await at_rest()


async def test_every_request_is_refused(
    operator: OperatorProcess, tenants: Tenants, between: Between, name: str, at_rest: AtRest
) -> None:
    """As an overloaded API server does: requests stay few, whatever there is to do; then all of it is done."""
    names = [f"{name}-{number}" for number in range(MANY)]
    await asyncio.gather(*(tenants.created(each) for each in names))

    async def play(call: Call) -> web.Response | None:
        del call
        return refusal((429, 500, 503)[len(between.calls) % 3], "Words", "words")

    between.play = play
    between.calls.clear()
    begin = time.monotonic()
    between.cut()
    await asyncio.gather(*(tenants.remove(kinds.SERVICE, child_name(kinds.SERVICE, each)) for each in names))
    await asyncio.sleep(SECONDS)
    seconds = time.monotonic() - begin
    looks = len(kinds.CHILDREN) + seconds / INTERVAL  # the kinds and the TenantProxies, in each round
    assert len(between.calls) <= looks + (len(kinds.CHILDREN) + 1) * seconds + MANY * most_tries(seconds)
    asked = Counter(f"{call.method} {call.path} {call.is_watch}" for call in between.calls)
    assert max(asked.values()) <= seconds / INTERVAL + 1, asked
    assert operator.probe("/healthz") == 200
    between.play = plain
    for each in names:
        await tenants.child_until(kinds.SERVICE, child_name(kinds.SERVICE, each))
        await tenants.flush(each)
    await at_rest()
    await operator.becomes("retrying", 0)
