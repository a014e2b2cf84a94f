"""No response of an OMS, of any shape, delays other callers: its work and its memory are bounded."""

import asyncio
import json

import pytest

from support.bounds.attacks.answers import ask_for
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import hostile_answers, tokens
from support.proxy.oms import RawServer, Received, http

AT_ONCE = 12
"""Of the attacker's requests."""
P99_SECONDS = 0.125
"""Of the well-behaved client: 50 ms on two idle cores, and more where CI runs other tests beside this one."""


@pytest.fixture
def mapped(request: pytest.FixtureRequest) -> bool:
    """Return whether the OMS has another shape."""
    return bool(request.param)


@pytest.fixture
def mapping(mapped: bool) -> dict[str, object]:  # noqa: FBT001 - a fixture's value
    """Return the rules for it."""
    return hostile_answers.MAPPING if mapped else {}


@pytest.fixture
def oms(oms: RawServer, mapped: bool) -> RawServer:  # noqa: FBT001
    """Return an OMS that answers what is in `hostile_answers` by name, and a small order to any other GET."""
    orders = hostile_answers.MAPPED_ORDERS if mapped else hostile_answers.ORDERS
    searches = hostile_answers.MAPPED_SEARCHES if mapped else hostile_answers.SEARCHES
    answers = {name: http(200, hostile_answers.order(name, name, mapped=mapped)) for name in orders}
    answers["CO-1"] = http(200, hostile_answers.order("right", "CO-1", mapped=mapped, size=2000))
    found = {name: http(200, hostile_answers.search(name, mapped=mapped)) for name in searches}

    async def play(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.method == "POST":
            writer.write(found[json.loads(request.body)["customerId"]])
        else:
            writer.write(answers[request.target.rpartition("/")[2]])

    oms.play = play
    return oms


@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "mapped"], indirect=True)
async def test_hostile_answers(proxy: ServeProcess, mapped: bool) -> None:  # noqa: FBT001
    """Whatever an OMS sends within the default bounds, orders of other clients are served."""
    orders = [*(hostile_answers.MAPPED_ORDERS if mapped else hostile_answers.ORDERS)]
    searches = [*(hostile_answers.MAPPED_SEARCHES if mapped else hostile_answers.SEARCHES)]
    token = tokens.machine_token(sub="attacker")
    seen = await observe(proxy, ask_for, token, AT_ONCE, orders, searches)
    seen.assert_bounded(p99=P99_SECONDS)
    await back_to_rest(proxy)


@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "mapped"], indirect=True)
async def test_large_answers_that_are_right(proxy: ServeProcess) -> None:
    """A well-meaning OMS, whose orders and searches are as large as they may be, is no harm either."""
    token = tokens.machine_token(sub="attacker")
    seen = await observe(proxy, ask_for, token, AT_ONCE, ["right", "right-discounts"], ["right"])
    seen.assert_bounded(p99=P99_SECONDS)
    await back_to_rest(proxy)
