"""List and watch one kind of objects: what a cache of them, or a proxy that follows its Secret, is told.

See "Efficient detection of changes" in Kubernetes' API concepts.
"""

import asyncio
import logging
import random
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from tenantproxy.backoff import Backoff
from tenantproxy.kube.client import (
    METADATA,
    METADATA_LIST,
    UNREADABLE,
    KubeClient,
    KubeError,
    Status,
    StatusError,
    unreadable,
)

__all__ = ["SILENCE", "Follower", "Metadata", "Object", "Reflector"]

_log = logging.getLogger(__name__)

_PAGE: Final = 250
"""Objects in one answer to a list. All kinds are listed at once, and whole Deployments have several KiB each."""
_GONE: Final = 410
SILENCE: Final = 150.0
"""Seconds without a line after which a stream is dead: the API server sends a bookmark about every minute."""
_SHORTEST_WATCH: Final = 300
_LONGEST_RETRY_AFTER: Final = 30.0
_STABLE: Final = 5.0
"""A stream that lasted this many seconds makes earlier failures forgotten."""

_JSON: Final = "application/json"


class Metadata(Protocol):
    """What must be known of every object's metadata."""

    @property
    def resource_version(self) -> str:
        """Opaque; another one with every change."""
        ...


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


class _Version(msgspec.Struct, rename="camel"):
    resource_version: str


class _Bookmark(msgspec.Struct):
    metadata: _Version


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Reflector(Generic[T]):
    """Tells a follower of one kind's objects, for ever, through every interruption.

    Resumes where a stream broke off, and lists again only when the API server has forgotten that place (410).
    The follower may be told the same thing twice.
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
        silence: float = SILENCE,
        backoff: Backoff | None = None,
    ) -> None:
        """Prepare to follow the objects at `path`, decoded as `kind` (a msgspec.Struct).

        `selector` holds `labelSelector` or `fieldSelector`; `partial`: metadata only. A stream is given up after
        `silence` seconds without a byte. Without `may_list`, for who may only watch a single object: it comes as
        the first event of a stream, and `listing` and `listed` are called as the stream opens.
        """
        self._client = client
        self._path = path
        self._follower = follower
        self._selector = selector or {}
        self._may_list = may_list
        self._silence = silence
        self._backoff = backoff or Backoff()
        self._decoder = msgspec.json.Decoder(kind)
        self._accept_list = METADATA_LIST if partial else _JSON
        self._accept = METADATA if partial else _JSON
        self._version: str | None = None
        """Where to resume; None: nowhere, list first; empty: at the present, whatever it is."""
        self._opened_at: float | None = None
        """When the stream was opened, by the loop's clock."""

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            error = await self._attempt()
            status = error if isinstance(error, StatusError) else None
            forgotten = status is not None and status.status == _GONE
            if forgotten:
                self._version = None
            lasted = self._opened_at is not None and loop.time() - self._opened_at >= _STABLE
            if lasted or forgotten:  # it is up
                self._backoff.reset()
            if error is None and lasted:
                continue  # the server ends each stream after some minutes
            error = error or KubeError("the stream ended soon after it began")
            self._follower.interrupted(error)
            _log.debug("%s: %s", self._path, error)
            asked = (status and status.retry_after) or 0.0
            await asyncio.sleep(max(self._backoff.next(), min(asked, _LONGEST_RETRY_AFTER)))

    async def _attempt(self) -> KubeError | None:
        """Follow one stream to its end; return what ended it, None for the server's ordinary end."""
        self._opened_at = None
        try:
            if self._version is None:
                self._version = await self._list() if self._may_list else ""
            await self._watch()
        except KubeError as error:
            return error
        except UNREADABLE as error:
            return unreadable(error)
        return None

    async def _list(self) -> str:
        """Tell what there is; return the resource version to watch from."""
        self._follower.listing()
        version = ""
        pages = self._client.pages(self._path, query=self._selector, accept=self._accept_list, size=_PAGE)
        async for page in pages:
            for item in page.items or ():
                self._follower.seen(self._decoder.decode(item))
            version = page.metadata.resource_version
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
        stream = self._client.stream(self._path, query=query, accept=self._accept, silence=self._silence)
        async with stream as lines:
            self._opened_at = asyncio.get_running_loop().time()
            if not self._may_list and not self._version:
                # Only now: what somebody reads from here on, and what the stream tells, leave no gap between them.
                self._follower.listing()
                self._follower.listed()
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
