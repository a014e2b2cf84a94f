"""List and watch one kind of objects: what a cache of them, or a proxy that follows its Secret, is told.

See "Efficient detection of changes" in Kubernetes' API concepts.
"""

import asyncio
import logging
import random
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from tenantproxy.kubeapi import KubeClient, KubeError, Status, StatusError

_log = logging.getLogger(__name__)

_PAGE: Final = 500
_GONE: Final = 410
_SILENCE: Final = 150.0
"""Seconds without a line after which a stream is dead: the API server sends a bookmark about every minute."""
_SHORTEST_WATCH: Final = 300
_FIRST_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 30.0
_STABLE: Final = 5.0
"""A stream that lasted this many seconds makes earlier failures forgotten."""

_PARTIAL: Final = "as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_JSON: Final = "application/json"


class Metadata(Protocol):
    """What must be known of every object's metadata."""

    resource_version: str


class Object(Protocol):
    """An object, or the part of it that is decoded."""

    @property
    def metadata(self) -> Metadata:
        """Its metadata."""
        ...


T = TypeVar("T", bound=Object)
T_contra = TypeVar("T_contra", bound=Object, contravariant=True)


class Follower(Protocol[T_contra]):
    """Is told what there is, and what changes; every call returns at once."""

    def listing(self) -> None:
        """Take note that all there is follows by `seen`."""

    def listed(self) -> None:
        """Forget what `seen` was not called for since `listing`."""

    def seen(self, thing: T_contra) -> None:
        """Take note of an object, new or changed or as it was."""

    def gone(self, thing: T_contra) -> None:
        """Forget an object; its resource version is that of the deletion."""

    def interrupted(self, error: KubeError) -> None:
        """Take note of an error; it is tried again."""


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Bookmark(msgspec.Struct):
    metadata: _ListMeta


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Reflector(Generic[T]):
    """Tells a follower of one kind's objects, for ever, through every interruption.

    Resumes where a stream broke off, and lists again only when the API server has forgotten that place (410).
    """

    def __init__(
        self,
        client: KubeClient,
        path: str,
        kind: type[T],
        follower: Follower[T],
        *,
        selector: dict[str, str] | None = None,
        partial: bool = True,
        may_list: bool = True,
    ) -> None:
        """Prepare to follow the objects at `path`, decoded as `kind` (a msgspec.Struct).

        `selector` holds `labelSelector` or `fieldSelector`; `partial`: metadata only. Without `may_list`, for who
        may only watch: what there is comes as the first events, after `listing` and `listed`.
        """
        self._client = client
        self._path = path
        self._follower = follower
        self._selector = selector or {}
        self._may_list = may_list
        self._decoder = msgspec.json.Decoder(kind)
        self._accept_list = f"{_JSON};{_PARTIAL.format('List')}" if partial else _JSON
        self._accept = f"{_JSON};{_PARTIAL.format('')}" if partial else _JSON
        self._version: str | None = None
        """Where to resume; None: nowhere."""

    async def run(self) -> None:
        """Follow until cancelled."""
        delays = Delays()
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                if self._version is None:
                    self._version = await self._list()
                await self._watch()
                if loop.time() - started >= _STABLE:
                    continue  # the server ends each stream after some minutes
            except KubeError as error:
                if isinstance(error, StatusError) and error.status == _GONE:
                    self._version = None
                self._follower.interrupted(error)
                _log.debug("%s: %s", self._path, error)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._version = None
                self._follower.interrupted(KubeError(f"an answer that can't be read: {error}"))
            if loop.time() - started >= _STABLE:
                delays.reset()
            await asyncio.sleep(delays.next())

    async def _list(self) -> str:
        """Tell what there is; return the resource version to watch from."""
        self._follower.listing()
        version = ""
        token: str | None = "" if self._may_list else None
        while token is not None:
            query = {**self._selector, "limit": str(_PAGE)} | ({"continue": token} if token else {})
            answer = await self._client.request("GET", self._path, query=query, accept=self._accept_list)
            page = msgspec.json.decode(answer, type=_List)
            for item in page.items or ():
                self._follower.seen(self._decoder.decode(item))
            version = page.metadata.resource_version
            token = page.metadata.continue_ or None
        self._follower.listed()
        return version

    async def _watch(self) -> None:
        """Tell what changes until the stream ends, as it does every few minutes."""
        query = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            # Spread, so that what was started together does not come back together.
            "timeoutSeconds": str(random.randint(_SHORTEST_WATCH, 2 * _SHORTEST_WATCH)),  # noqa: S311
        }
        if self._version:
            query["resourceVersion"] = self._version
        async with self._client.stream(self._path, query=query, accept=self._accept, silence=_SILENCE) as lines:
            async for line in lines:
                self._take(msgspec.json.decode(line, type=_Event))

    def _take(self, event: _Event) -> None:
        match event.type:
            case "ADDED" | "MODIFIED":
                thing = self._decoder.decode(event.object)
                self._follower.seen(thing)
            case "DELETED":
                thing = self._decoder.decode(event.object)
                self._follower.gone(thing)
            case "BOOKMARK":
                self._version = msgspec.json.decode(event.object, type=_Bookmark).metadata.resource_version
                return
            case _:
                raise msgspec.json.decode(event.object, type=Status).to_error(500)
        self._version = thing.metadata.resource_version


class Delays:
    """Seconds to wait before the next try: up to 1, doubling up to 30, with jitter."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def next(self) -> float:
        """Return how long to wait now; one more failure is counted."""
        delay = min(_FIRST_DELAY * 2.0**self._failures, _LONGEST_DELAY)
        self._failures = min(self._failures + 1, 10)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - a spread, not a secret
