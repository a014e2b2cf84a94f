"""The work queue, in virtual time, with a `handle` of the test's own."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.virtual_time import VirtualTimeLoop
from support.waiting import eventually
from tenantproxy_operator.controller.workqueue import RetryError, WorkQueue, pause

pytestmark = pytest.mark.virtual_time

SOON = 0.001


class Handler:
    """Handles keys when and as the test says; knows what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        """Key, and how often it had failed."""
        self.held: dict[str, asyncio.Future[None]] = {}
        """What is being handled."""
        self.errors: dict[str, list[Exception]] = {}
        """What the next calls raise, at once."""
        self.hold = False

    async def __call__(self, key: str, failures: int) -> None:
        self.calls.append((key, failures))
        if planned := self.errors.get(key):
            raise planned.pop(0)
        if self.hold:
            assert key not in self.held, "two at a time for one key"
            self.held[key] = asyncio.get_running_loop().create_future()
            try:
                await self.held[key]
            finally:
                del self.held[key]

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.calls]


@contextlib.asynccontextmanager
async def running(queue: WorkQueue[str], handler: Handler, workers: int = 2) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(workers, handler))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until_called(handler: Handler, times: int) -> None:
    await eventually(lambda: len(handler.calls) >= times)


async def test_adding_merges() -> None:
    """What waits already is not added twice."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    for key in "abaab":
        queue.add(key)
    assert len(queue) == 2
    async with running(queue, handler):
        await settle()
    assert handler.calls == [("a", 0), ("b", 0)]
    assert queue.idle


async def test_once_more_after_a_change_meanwhile() -> None:
    """What is added while it is handled, however often, is handled exactly once more, and afterwards."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.hold = True
    queue.add("a")
    async with running(queue, handler):
        await settle()
        for _ in range(3):
            queue.add("a")
        await settle()
        assert handler.keys == ["a"]
        assert not queue.idle
        handler.held["a"].set_result(None)
        await settle()
        assert handler.keys == ["a", "a"]
        handler.held["a"].set_result(None)
        await settle()
        assert handler.keys == ["a", "a"]
        assert queue.idle


async def test_keys_in_parallel() -> None:
    """As many keys as there are workers are handled at once; the next one waits."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.hold = True
    for key in "abcd":
        queue.add(key)
    async with running(queue, handler, workers=3):
        await settle()
        assert sorted(handler.held) == ["a", "b", "c"]
        assert len(queue) == 1
        handler.held["b"].set_result(None)
        await settle()
        assert sorted(handler.held) == ["a", "c", "d"]


async def test_fair() -> None:
    """A key that never rests keeps none of the others waiting."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()

    async def restless(key: str, failures: int) -> None:
        await handler(key, failures)
        if key == "restless" and len(handler.calls) < 20:
            queue.add(key)

    for key in ("restless", "a", "b"):
        queue.add(key)
    task = asyncio.create_task(queue.run(1, restless))
    await settle()
    task.cancel()
    assert handler.keys[:4] == ["restless", "a", "b", "restless"]


async def test_retry() -> None:
    """A failure is tried again, knows how often it was one, and a success makes that forgotten."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.errors["a"] = [RetryError("x", longest_pause=SOON) for _ in range(3)]
    queue.add("a")
    async with running(queue, handler):
        await until_called(handler, 4)
        assert handler.calls == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]
        assert queue.retrying == 0
        handler.errors["a"] = [RetryError("x", longest_pause=SOON)]
        queue.add("a")
        await until_called(handler, 6)
    assert handler.calls[4:] == [("a", 0), ("a", 1)]


async def test_pause_before_a_retry() -> None:
    """Between two tries the key rests, and other keys go on."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.errors["a"] = [RetryError("x")]
    queue.add("a")
    async with running(queue, handler, workers=1):
        await settle()
        queue.add("b")
        await settle()
        assert handler.keys == ["a", "b"]
        assert queue.retrying == 1
        assert queue.idle


async def test_pause_that_was_asked_for() -> None:
    """Where the API server says when to come again, nobody comes before; but not later than the longest pause."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.errors["a"] = [RetryError("x", shortest_pause=100.0)]
    handler.errors["b"] = [RetryError("x", shortest_pause=100.0, longest_pause=SOON)]
    queue.add("a")
    queue.add("b")
    async with running(queue, handler):
        await asyncio.sleep(99.0)
        assert handler.calls == [("a", 0), ("b", 0), ("b", 1)]
        await asyncio.sleep(1.0)
    assert handler.calls == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]


async def test_news_end_the_pause() -> None:
    """What is added while it rests is tried at once, and only once; its failures count on."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.errors["a"] = [RetryError("x", longest_pause=2 * SOON)]
    queue.add("a")
    async with running(queue, handler):
        await settle()
        queue.add("a")
        await settle()
        assert handler.calls == [("a", 0), ("a", 1)]
        await asyncio.sleep(1000.0)
        assert len(handler.calls) == 2


async def test_news_during_a_failure() -> None:
    """What changed while it failed may help: no pause."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.hold = True
    queue.add("a")
    async with running(queue, handler):
        await settle()
        queue.add("a")
        handler.held["a"].set_exception(RetryError("x"))
        await settle()
        assert handler.calls == [("a", 0), ("a", 1)]


async def test_unforeseen_error() -> None:
    """A mistake in `handle` ends the queue, visibly; it is never swallowed."""
    queue: WorkQueue[str] = WorkQueue()
    handler = Handler()
    handler.errors["a"] = [ZeroDivisionError()]
    queue.add("a")
    with pytest.raises(ExceptionGroup) as raised:
        await queue.run(3, handler)
    assert raised.group_contains(ZeroDivisionError)


@given(st.integers(1, 40), st.floats(0.1, 1000.0))
def test_pauses(failures: int, longest: float) -> None:
    """Half a second, doubled for each failure, up to a bound; the jitter takes up to half of it away."""
    full = min(0.5 * 2 ** (failures - 1), longest)
    assert full / 2 <= pause(failures, longest) <= full


def test_pauses_are_capped() -> None:
    """However long it fails, it is tried again within two minutes."""
    assert max(pause(failures) for failures in range(1, 100)) <= 120


WORKERS = 2
KEYS = st.sampled_from("abcd")


class AnySequence(RuleBasedStateMachine):
    """Adds, successes, failures and time in any order; the model knows what must follow."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.queue: WorkQueue[str] = WorkQueue()
        self.handler = Handler()
        self.handler.hold = True
        self.owed: set[str] = set()
        """Keys whose last `add` no handling has followed yet."""
        self.failures: Counter[str] = Counter()
        self.task = self.loop.create_task(self.queue.run(WORKERS, self.handler))
        self.seen = 0
        self.settle()

    def settle(self) -> None:
        self.loop.run_until_complete(settle())
        for key, failures in self.handler.calls[self.seen :]:
            assert failures == self.failures[key]
            self.owed.discard(key)
        self.seen = len(self.handler.calls)

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.owed.add(key)
        self.queue.add(key)
        self.settle()

    @precondition(lambda self: self.handler.held)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.handler.held)))
        self.failures[key] = 0
        self.handler.held[key].set_result(None)
        self.settle()

    @precondition(lambda self: self.handler.held)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.handler.held)))
        self.failures[key] += 1
        self.handler.held[key].set_exception(RetryError("x"))
        self.settle()

    @rule(seconds=st.floats(0.01, 200.0))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    @invariant()
    def nothing_waits_while_a_worker_is_free(self) -> None:
        if len(self.handler.held) < WORKERS:
            assert len(self.queue) == 0
            # What is owed is being handled, and is handled once more.
            assert self.owed <= self.handler.held.keys()

    @invariant()
    def failures_are_counted(self) -> None:
        assert self.queue.retrying == sum(1 for count in self.failures.values() if count)

    def teardown(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(1000.0))
        for _ in range(20):
            for future in list(self.handler.held.values()):
                future.set_result(None)
            self.settle_quietly()
        assert self.queue.idle
        assert not self.owed
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.task)
        self.loop.close()

    def settle_quietly(self) -> None:
        """Settle where each handling succeeds."""
        self.loop.run_until_complete(settle())
        self.owed -= {key for key, _ in self.handler.calls[self.seen :]}
        self.seen = len(self.handler.calls)


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=60, stateful_step_count=30)
