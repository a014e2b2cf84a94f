"""List and watch the objects of one kind, for a cache of them or for a proxy that follows its Secret.

See "Efficient detection of changes" in Kubernetes' API concepts.
"""

import asyncio
import logging
import random
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from tenantproxy.backoff import Backoff
from tenantproxy.kube.api import (
    METADATA,
    METADATA_LIST,
    UNREADABLE,
    KubeApi,
    KubeError,
    Status,
    StatusError,
    unreadable,
)

_log = logging.getLogger(__name__)

_PAGE: Final = 250
"""Objects in one page of a list. All kinds are listed at once; whole Deployments have several KiB each."""
_GONE: Final = 410
SILENCE: Final = 150.0
"""Seconds without a line after which a stream is dead: the API server sends a bookmark about every minute."""
_SHORTEST_WATCH: Final = 300
"""Seconds after which the server ends a stream, at least; at most twice that."""
_LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds of a `Retry-After` that are honoured."""
_STABLE: Final = 5.0
"""A stream that lasted this many seconds makes earlier failures forgotten."""

_JSON: Final = "application/json"


class Metadata(Protocol):
    """The part of every object's metadata that is needed here."""

    @property
    def resource_version(self) -> str:
        """Opaque; it differs after every change."""
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
    """Receives the objects of one kind, and their changes; no method may block."""

    def on_list_start(self) -> None:
        """Prepare for a complete list: each object follows by `on_upsert`."""

    def on_list_end(self) -> None:
        """Forget each object that `on_upsert` was not called for since `on_list_start`."""

    def on_upsert(self, thing: T_contra) -> None:
        """Take note of an object: new, changed, or as it was."""

    def on_delete(self, thing: T_contra) -> None:
        """Forget an object; its resource version is that of the deletion."""

    def on_error(self, error: KubeError) -> None:
        """Take note that a list or a watch failed; it is retried."""


class _Version(msgspec.Struct, rename="camel"):
    resource_version: str


class _Bookmark(msgspec.Struct):
    metadata: _Version


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Reflector(Generic[T]):
    """Keeps a follower up to date with the objects of one kind, through every interruption.

    Resumes at the last resource version, and lists again only when the API server no longer has it (410 Gone). The
    follower may be told the same thing twice.
    """

    def __init__(
        self,
        client: KubeApi,
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
        the first event of a stream, and `on_list_start` and `on_list_end` are called as the stream opens.
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
        """The resource version to resume from; None: list first; empty: begin with the most recent state."""
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
            error = error or KubeError("the stream ended right after it started")
            self._follower.on_error(error)
            _log.debug("%s: %s", self._path, error)
            asked = (status and status.retry_after) or 0.0
            await asyncio.sleep(max(self._backoff.next(), min(asked, _LONGEST_RETRY_AFTER)))

    async def _attempt(self) -> KubeError | None:
        """Follow one stream to its end; return the error that ended it, None for the server's regular end."""
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
        """List all objects; return the resource version to watch from."""
        self._follower.on_list_start()
        version = ""
        pages = self._client.pages(self._path, query=self._selector, accept=self._accept_list, size=_PAGE)
        async for page in pages:
            for item in page.items or ():
                self._follower.on_upsert(self._decoder.decode(item))
            version = page.metadata.resource_version
        self._follower.on_list_end()
        return version

    async def _watch(self) -> None:
        """Pass on changes until the stream ends, as it does every few minutes."""
        query = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            # Jitter, so that watches that were started together don't reconnect together.
            "timeoutSeconds": str(random.randint(_SHORTEST_WATCH, 2 * _SHORTEST_WATCH)),  # noqa: S311
        }
        if self._version:
            query["resourceVersion"] = self._version
        stream = self._client.stream(self._path, query=query, accept=self._accept, silence=self._silence)
        async with stream as lines:
            self._opened_at = asyncio.get_running_loop().time()
            if not self._may_list and not self._version:
                # Not earlier: a read after this, and the events of the stream, leave no gap between them.
                self._follower.on_list_start()
                self._follower.on_list_end()
            async for line in lines:
                self._take(msgspec.json.decode(line, type=_Event))

    def _take(self, event: _Event) -> None:
        match event.type:
            case "ADDED" | "MODIFIED":
                thing = self._decoder.decode(event.object)
                self._follower.on_upsert(thing)
            case "DELETED":
                thing = self._decoder.decode(event.object)
                self._follower.on_delete(thing)
            case "BOOKMARK":
                self._version = msgspec.json.decode(event.object, type=_Bookmark).metadata.resource_version
                return
            case _:
                raise msgspec.json.decode(event.object, type=Status).to_error(500)
        self._version = thing.metadata.resource_version
