"""Where answers are converted: light ones at once, heavy ones one at a time, without holding the loop."""

import asyncio
import contextlib
import gc
import json
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from support.proxy import hostile_answers
from support.proxy.orders import ORDER, order_body
from support.waiting import PATIENCE, eventually
from tenantproxy import config
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.pages import Page, Pages
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.orders.mapping import CompiledMapping, compile_mapping
from tenantproxy.orders.transform import NO_CRITERIA, ContractError, Criteria
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamResponse

JSON = {"content-type": "application/json"}
UNMAPPED = compile_mapping(config.Mapping())
MAPPED = compile_mapping(msgspec.convert(hostile_answers.MAPPING, config.Mapping))


def converter(mapping: CompiledMapping = UNMAPPED, **operation: Any) -> Converter:
    operations = config.Operations(get_order=config.OrderEndpoint(**operation))
    return Converter(config.Upstream(url="https://oms.example", operations=operations), mapping)


def order(body: bytes) -> UpstreamResponse:
    return UpstreamResponse(200, JSON, body)


class Watched:
    """A mapping that says in which threads it works, and waits for leave there."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.leave = threading.Event()
        self.mapping = {**UNMAPPED, "getOrder": self._get_order}

    def _get_order(self, body: bytes, *, at_once: bool = False, criteria: Criteria = NO_CRITERIA) -> bytes:
        outward = UNMAPPED["getOrder"](
            body, at_once=at_once, criteria=criteria
        )  # raises where it can't be at once
        self.threads.append(threading.current_thread())
        if not at_once:
            assert self.leave.wait(PATIENCE)
        return outward


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Return a watched mapping; whatever waits at the end may go on."""
    one = Watched()
    yield one
    one.leave.set()


async def test_a_light_answer_is_converted_at_once(watched: Watched) -> None:
    """An order of ordinary size waits for no thread, and starts none."""
    outward = await converter(watched.mapping).outward(GET_ORDER, order(order_body()), "CO-1")
    assert json.loads(outward) == {"customerOrder": ORDER}
    assert watched.threads == [threading.main_thread()]


async def test_heavy_answers_one_at_a_time(watched: Watched) -> None:
    """Of heavy answers one is converted at a time, in another thread; light ones don't wait for them."""
    one = converter(watched.mapping)
    body = hostile_answers.order("right", "CO-1", size=200_000)
    heavy = [asyncio.create_task(one.outward(GET_ORDER, order(body), "CO-1")) for _ in range(3)]
    await eventually(lambda: len(watched.threads) == 1)
    assert await one.outward(GET_ORDER, order(order_body()), "CO-1")
    assert [thread is threading.main_thread() for thread in watched.threads] == [False, True]
    watched.leave.set()
    assert [await each for each in heavy] == [body.replace(b" ", b"")] * 3
    assert len({thread for thread in watched.threads if thread is not threading.main_thread()}) == 1


async def test_a_heavy_page_is_put_to_the_others_in_the_thread() -> None:
    """To leave out what an earlier page has it is read once more."""
    threads = []

    class WatchedPages(Pages):
        def add(self, page: Page) -> None:
            threads.append(threading.current_thread())
            super().add(page)

    one, pages = converter(), WatchedPages()
    for size in (1000, hostile_answers.SIZE):
        answer = order(hostile_answers.search("right", size=size))
        assert await one.page(SEARCH_ORDERS, answer, None, lambda _response, _count: None, pages) is None
    assert [thread is threading.current_thread() for thread in threads] == [True, False]
    assert pages.body() == hostile_answers.search("right")


async def test_what_nobody_waits_for_is_not_converted(watched: Watched) -> None:
    """When the caller has gone, an answer that waits for its turn is dropped."""
    one = converter(watched.mapping)
    body = hostile_answers.order("right", "CO-1", size=200_000)
    running, waiting, last = (asyncio.create_task(one.outward(GET_ORDER, order(body), "CO-1")) for _ in range(3))
    await eventually(lambda: len(watched.threads) == 1)
    for gone in (running, waiting):
        gone.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    watched.leave.set()
    await last
    assert len(watched.threads) == 2


async def test_what_nobody_waits_for_is_not_kept(watched: Watched) -> None:
    """The answers of callers that have gone take no memory, though another one's conversion goes on."""
    dropped = []

    class Body(bytes):
        """Bytes that tell of their end."""

        def __del__(self) -> None:
            dropped.append(len(self))

    one = converter(watched.mapping)
    body = hostile_answers.order("right", "CO-1", size=200_000)
    running = asyncio.create_task(one.outward(GET_ORDER, order(body), "CO-1"))
    await eventually(lambda: len(watched.threads) == 1)
    for _ in range(3):
        gone = asyncio.create_task(one.outward(GET_ORDER, order(Body(body)), "CO-1"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        del gone
    await asyncio.sleep(0)
    gc.collect()
    assert len(dropped) == 3
    watched.leave.set()
    await running


async def test_nothing_is_kept_of_what_broke_the_contract() -> None:
    """An error's traceback holds all that was made of a heavy answer; no cycle may keep it until a collection."""
    one = converter()
    body = json.dumps({"customerOrder": {**ORDER, "items": [{**ORDER["items"][0], "itemId": 1}] * 5000}}).encode()
    gc.collect()
    gc.disable()
    try:
        before = _kept()
        with pytest.raises(Problem):
            await one.outward(GET_ORDER, order(body), "CO-1")
        await eventually(lambda: _kept() == before)  # the thread lets go a moment later
    finally:
        gc.enable()


def _kept() -> int:
    return sum(isinstance(kept, ContractError) for kept in gc.get_objects())


async def test_its_thread_ends_with_the_converter() -> None:
    """Nothing is left of a converter that nobody has any more."""
    before = {*threading.enumerate()}
    one = converter()
    assert await one.outward(GET_ORDER, order(hostile_answers.order("right", "CO-1")), "CO-1")
    (thread,) = {*threading.enumerate()} - before
    del one
    gc.collect()
    await eventually(lambda: not thread.is_alive())


@pytest.mark.parametrize("size", [2000, 200_000], ids=["light", "heavy"])
async def test_id_match(size: int) -> None:
    """With `exact`, the default, an answer is the order that was asked for; with `any` it may be another."""
    body = hostile_answers.order("right", "CO-2", size=size)
    with pytest.raises(Problem) as caught:
        await converter().outward(GET_ORDER, order(body), "CO-1")
    assert caught.value.reason == "wrong-order"
    assert await converter().outward(GET_ORDER, order(body), "CO-2")
    assert await converter(id_match="off").outward(GET_ORDER, order(body), "CO-1")


DENSE = {"dense-numbers", "numbers-for-an-amount", "dense-discounts", "empty-items", "nested-lists"}


@pytest.mark.parametrize("name", hostile_answers.ORDERS)
async def test_shapes_of_orders(name: str) -> None:
    """Each hostile shape has its one outcome: dense ones are refused before any work, most of the rest by type."""
    body = hostile_answers.order(name, name)
    assert await _outcome(converter(), GET_ORDER, body, name) == {
        **dict.fromkeys(DENSE, "has too many values for its size: more than one in 6 bytes"),
        "items-of-another-type": "must be a string",
        "amounts-of-another-type": "must be a number",
        "same-name": "must be a string",
        "nested": "is nested too deeply",
    }.get(name, "")


@pytest.mark.parametrize("name", hostile_answers.MAPPED_ORDERS)
async def test_shapes_of_mapped_orders(name: str) -> None:
    """So it is through a mapping."""
    body = hostile_answers.order(name, name, mapped=True)
    assert await _outcome(converter(MAPPED), GET_ORDER, body, name) == {
        **dict.fromkeys(DENSE, "has too many values for its size: more than one in 6 bytes"),
        "items-of-another-type": "must be a string",
        "amounts-of-another-type": "must be a number",
        "same-name": "is missing",
        "giant-head": "is missing",
        "nested": "is nested too deeply",
    }.get(name, "")


@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "mapped"])
async def test_shapes_of_searches(mapped: bool) -> None:  # noqa: FBT001 - a table
    """And with searches."""
    outcomes = {
        name: await _outcome(
            converter(MAPPED if mapped else UNMAPPED), SEARCH_ORDERS, hostile_answers.search(name, mapped=mapped)
        )
        for name in (hostile_answers.MAPPED_SEARCHES if mapped else hostile_answers.SEARCHES)
    }
    dense = "has too many values for its size: more than one in 6 bytes"
    other = {"unknown-word": "has a value that the mapping's `values` don't list"}
    assert outcomes == {"right": "", "null": dense, "empty": dense} | (
        other if mapped else {"another-type": "must be a string"}
    )


async def _outcome(one: Converter, operation: Any, body: bytes, order_id: str | None = None) -> str:
    """Return what the last violation says; nothing for an answer that goes out."""
    try:
        await one.outward(operation, order(body), order_id)
    except Problem as problem:
        return problem.errors[-1].detail if problem.reason == "contract" else problem.reason
    return ""


# ---- work

SHAPES = [
    *(("getOrder", name, False) for name in hostile_answers.ORDERS),
    *(("getOrder", name, True) for name in hostile_answers.MAPPED_ORDERS),
    *(("searchOrders", name, False) for name in hostile_answers.SEARCHES),
    *(("searchOrders", name, True) for name in hostile_answers.MAPPED_SEARCHES),
]


@pytest.mark.parametrize(("operation", "name", "mapped"), SHAPES)
def test_work_grows_with_size_only(operation: str, name: str, mapped: bool) -> None:  # noqa: FBT001 - a table
    """Of no shape does the work, counted in calls, grow faster than its size; a value has 30 of them at most."""
    convert = (MAPPED if mapped else UNMAPPED)[operation]
    counts = []
    for size in (24 * 1024, 48 * 1024):
        make = hostile_answers.order if operation == "getOrder" else hostile_answers.search
        names = (name, name) if operation == "getOrder" else (name,)
        body = make(*names, mapped=mapped, size=size)
        counts.append(_calls(convert, body))
        assert counts[-1] <= 30 * (body.count(b",") + 100)
    assert counts[1] <= 2.1 * counts[0] + 100


def test_an_object_is_read_once_for_all_pointers_through_it() -> None:
    """Pointers into one large object cost no more than one of them."""
    fields = {name: {"from": f"/a/b/{name}"} for name in ("customerOrderId", "customerId", "status", "isLocked")}
    one = {"status": fields["status"]}
    order = b'"customerOrderId":"1","customerId":"2","status":"x"'
    body = b'{"a":{"b":{%s}},%s,"items":[]}' % (order, order)
    all_calls, one_call = (
        _calls(
            compile_mapping(msgspec.convert({"getOrder": {"root": "", "fields": rules}}, config.Mapping))[
                "getOrder"
            ],
            body,
            only="decode",
        )
        for rules in (fields, one)
    )
    assert all_calls == one_call > 0


def _calls(convert: Callable[[bytes], bytes], body: bytes, *, only: str = "") -> int:
    """Return how many functions are called by a conversion, of Python and of C."""
    count = 0

    def seen(_frame: object, event: str, function: object) -> None:
        nonlocal count
        if event in ("call", "c_call") and (not only or getattr(function, "__name__", "") == only):
            count += 1

    sys.setprofile(seen)
    try:
        with contextlib.suppress(ContractError):
            convert(body)
    finally:
        sys.setprofile(None)
    return count
