"""A follower is told what there is and what changes, through every interruption."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from support.apiserver.scripts import (
    PATH,
    bookmark,
    cut,
    event,
    in_turn,
    kube_client,
    page,
    query,
    silent,
    status,
    status_object,
    stream,
    thing,
)
from support.proxy.oms import Play, RawServer, answering, held_until, http, raw_server
from support.waiting import eventually
from tenantproxy.backoff import Backoff
from tenantproxy.kube.api import KubeApi, KubeError, StatusError
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.pod_client import PodClient
from tenantproxy.kube.reflector import Reflector


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """The part of an object's metadata that these tests look at."""

    name: str
    resource_version: str


class Thing(msgspec.Struct, frozen=True):
    """An object."""

    metadata: Metadata

    def __str__(self) -> str:
        return f"{self.metadata.name}@{self.metadata.resource_version}"


class Notes:
    """Writes down what a follower is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.errors: list[KubeError] = []

    def on_list_start(self) -> None:
        self.told.append("list start")

    def on_list_end(self) -> None:
        self.told.append("list end")

    def on_upsert(self, thing: Thing) -> None:
        self.told.append(f"upsert {thing}")

    def on_delete(self, thing: Thing) -> None:
        self.told.append(f"delete {thing}")

    def on_error(self, error: KubeError) -> None:
        self.errors.append(error)


class Following:
    """A reflector at work on a server that plays the API server."""

    def __init__(self, server: RawServer, notes: Notes, task: asyncio.Task[None]) -> None:
        self.server = server
        self.task = task
        self.told = notes.told
        self.errors = notes.errors

    @property
    def queries(self) -> list[dict[str, str]]:
        return [query(request) for request in self.server.received]

    async def asked(self, times: int) -> None:
        await self.until(lambda: len(self.queries) == times)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something was told or asked."""
        await eventually(lambda: self.task.done() or condition())
        assert not self.task.done()


@contextlib.asynccontextmanager
async def following(play: Play, *, may_list: bool = True, **options: Any) -> AsyncIterator[Following]:
    """Follow by the operator's client, or a proxy's, which may not list."""
    notes = Notes()
    async with raw_server(play) as server, kube_client(server, KubeClient if may_list else PodClient) as client:
        task = asyncio.create_task(reflector(client, notes, may_list=may_list, **options).run())
        try:
            yield Following(server, notes, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def reflector(client: KubeApi, notes: Notes, **options: Any) -> Reflector[Thing]:
    return Reflector(client, PATH, Thing, notes, **{"backoff": Backoff(0.02)} | options)


async def test_what_there_is_comes_in_pages() -> None:
    """All pages are read before a follower may forget; an empty page, which has null items, is none."""
    pages = [
        page(thing("a", 1), thing("b", 2), version=7, token="next page/1"),
        page(version=7, token="2"),
        page(thing("c", 3), version=7),
    ]
    play = in_turn(*map(answering, pages), stream(then=silent))
    async with following(play, selector={"labelSelector": "a=b"}) as seen:
        await seen.until(lambda: len(seen.queries) == 4)
        assert seen.told == ["list start", "upsert a@1", "upsert b@2", "upsert c@3", "list end"]
        first, second, third, watch = seen.queries
        assert first == {"labelSelector": "a=b", "limit": "250"}
        assert second == {**first, "continue": "next page/1"}
        assert third == {**first, "continue": "2"}
        assert watch.pop("timeoutSeconds").isdigit()
        assert watch == {
            "labelSelector": "a=b",
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": "7",
        }


async def test_only_metadata_is_asked_for_unless_all_is_wanted() -> None:
    """Lists and watches have different names for it."""
    play = in_turn(answering(page(version=7)), stream(then=silent))
    for partial in (True, False):
        async with following(play, partial=partial) as seen:
            await seen.asked(2)
            accepted = [request.headers["accept"] for request in seen.server.received]
            assert ["PartialObjectMetadataList" in accepted[0], "PartialObjectMetadata;" in accepted[1]] == [
                partial
            ] * 2
        play = in_turn(answering(page(version=7)), stream(then=silent))


async def test_changes_are_told_as_they_come() -> None:
    """Added, changed and deleted; a line longer than 128 KiB too."""
    lines = [
        event("ADDED", thing("a", 8, labels={"x": "y" * 200_000})),
        event("MODIFIED", thing("a", 9)),
        bookmark(10),
        event("DELETED", thing("a", 11)),
    ]
    async with following(in_turn(answering(page(version=7)), stream(*lines, then=silent))) as seen:
        await seen.until(lambda: "delete a@11" in seen.told)
        assert seen.told == ["list start", "list end", "upsert a@8", "upsert a@9", "delete a@11"]
        assert seen.errors == []


@pytest.mark.parametrize("last", ["event", "deletion", "bookmark"])
@pytest.mark.parametrize("end", ["of the server", "cut", "garbage", "error event", "500", "429", "silence"])
async def test_resumes_where_it_broke_off(last: str, end: str) -> None:
    """After any end but 410 nothing is listed again: the watch goes on after what was told last."""
    line = {
        "event": event("MODIFIED", thing("a", 9)),
        "deletion": event("DELETED", thing("a", 9)),
        "bookmark": bookmark(9),
    }[last]
    more = {
        "garbage": [b"<html>\n"],
        "error event": [event("ERROR", status_object(500, "InternalError"))],
    }.get(end, [])
    then = {"silence": silent, "cut": cut}.get(end)
    refused = {"500": [answering(status(500, "InternalError"))], "429": [answering(http(429, b"later"))]}.get(
        end, []
    )
    play = in_turn(
        answering(page(version=7)),
        stream(line, *more, then=then),
        *refused,
        stream(event("ADDED", thing("b", 12)), then=silent),
    )
    async with following(play, silence=0.3 if end == "silence" else 60) as seen:
        await seen.until(lambda: "upsert b@12" in seen.told)
        assert seen.told.count("list start") == 1
        assert [asked.get("resourceVersion") for asked in seen.queries] == [
            None,
            "7",
            *["9"] * (len(seen.queries) - 2),
        ]
        assert len(seen.errors) == 1 + len(refused)  # an end that comes too soon is one, too


@pytest.mark.parametrize("how", ["answer", "event"])
async def test_lists_again_when_the_place_is_forgotten(how: str) -> None:
    """410, as the answer or in the stream: all there is now, then what changes."""
    gone = {
        "answer": answering(status(410, "Expired")),
        "event": stream(event("ERROR", status_object(410, "Expired"))),
    }[how]
    play = in_turn(
        answering(page(thing("a", 1), version=7)),
        gone,
        answering(page(thing("b", 8), version=8)),
        stream(then=silent),
    )
    async with following(play) as seen:
        await seen.until(lambda: len(seen.queries) == 4)
        assert seen.told == ["list start", "upsert a@1", "list end", "list start", "upsert b@8", "list end"]
        assert seen.queries[3]["resourceVersion"] == "8"
        assert [error.status for error in seen.errors if isinstance(error, StatusError)] == [410]


async def test_a_list_whose_continuation_expired_begins_anew() -> None:
    """Nothing is forgotten on half a list."""
    play = in_turn(
        answering(page(thing("a", 1), version=7, token="x")),
        answering(status(410, "Expired")),
        answering(page(thing("a", 1), thing("b", 2), version=9)),
        stream(then=silent),
    )
    async with following(play) as seen:
        await seen.until(lambda: len(seen.queries) == 4)
        assert seen.told == ["list start", "upsert a@1", "list start", "upsert a@1", "upsert b@2", "list end"]
        assert "continue" not in seen.queries[2]


async def test_a_server_that_is_not_there_yet() -> None:
    """It is tried again until it answers."""
    play = in_turn(answering(status(503, "ServiceUnavailable")), answering(page(version=7)), stream(then=silent))
    async with following(play) as seen:
        await seen.until(lambda: len(seen.queries) == 3)
        assert seen.told == ["list start", "list start", "list end"]
        assert len(seen.errors) == 1


async def test_it_waits_as_long_as_the_server_asks() -> None:
    """A 429 with seconds to wait is heeded."""
    busy = status(429, "TooManyRequests", details={"retryAfterSeconds": 0.5})
    play = in_turn(answering(busy), answering(page(version=7)), stream(then=silent))
    before = asyncio.get_running_loop().time()
    async with following(play) as seen:
        await seen.until(lambda: len(seen.queries) == 3)
        assert asyncio.get_running_loop().time() - before >= 0.5


async def test_short_streams_are_not_asked_for_in_a_rush() -> None:
    """A server that ends each stream at once is called again after a pause only, which grows."""

    class Noted(Backoff):
        taken = 0

        def next(self) -> float:
            self.taken += 1
            return 0.0

    backoff = Noted()
    async with following(in_turn(answering(page(version=7)), stream()), backoff=backoff) as seen:
        await seen.until(lambda: len(seen.queries) > 5)
        assert backoff.taken >= len(seen.queries) - 2, "a pause before each watch but the first"


# ---- without the right to list


async def test_a_single_object_without_the_right_to_list() -> None:
    """No list is asked for; the object comes as the first event, after the stream has opened."""
    play = stream(event("ADDED", thing("a", 5)), then=silent)
    async with following(play, may_list=False, selector={"fieldSelector": "metadata.name=a"}) as seen:
        await seen.until(lambda: "upsert a@5" in seen.told)
        assert seen.told == ["list start", "list end", "upsert a@5"]
        (asked,) = seen.queries
        assert asked["watch"] == "true"
        assert asked["fieldSelector"] == "metadata.name=a"
        assert "resourceVersion" not in asked


async def test_the_end_of_the_list_is_told_only_where_the_stream_has_opened() -> None:
    """So that what is read then leaves no gap before what the stream tells."""
    opens = asyncio.Event()
    play = in_turn(answering(status(403, "Forbidden")), held_until(opens, stream(then=silent)))
    async with following(play, may_list=False) as seen:
        await seen.asked(2)
        assert seen.errors
        assert seen.told == []
        opens.set()
        await seen.until(lambda: seen.told)
        assert seen.told == ["list start", "list end"]


async def test_a_forgotten_place_without_the_right_to_list() -> None:
    """After 410 the watch begins at the present, and it is told that something may have been missed."""
    play = in_turn(
        stream(event("ADDED", thing("a", 5))),
        answering(status(410, "Expired")),
        stream(event("ADDED", thing("a", 90)), then=silent),
    )
    async with following(play, may_list=False) as seen:
        await seen.until(lambda: "upsert a@90" in seen.told)
        assert seen.told == ["list start", "list end", "upsert a@5", "list start", "list end", "upsert a@90"]
        assert [asked.get("resourceVersion") for asked in seen.queries] == [None, "5", None]
        assert "limit" not in seen.queries[2]
