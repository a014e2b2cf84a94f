"""kopf, and all that is done to work around it. No other module imports it.

kopf watches the TenantProxies, and calls us at the start and the end of the process. Handlers only enqueue: every
event triggers a full reconcile of its TenantProxy.

| event | comes from | becomes |
| --- | --- | --- |
| a TenantProxy appears, changes (unless we did it), goes | kopf, here | `queue.add(its key)` |
| a child changes or goes | `informers.ChildFollower`, by `Children` | `queue.add(its tenant's key)` |
| a Secret appears, changes, goes | `informers.SecretFollower` | `queue.add` for who refers to it |
| an optional kind is installed or removed | `resync.PeriodicResync` | `queue.add` for all |
| a reconcile failed | `workqueue` | once more, after a backoff |

| what kopf does | what is done about it |
| --- | --- |
| writes annotations and finalizers for most kinds of handlers | `build_registry`: one handler, of events |
| remembers each object, for handlers that we don't have | `NoMemories`, over a private class |
| gives up, and ends the process, after its last retry of a request | `_EndlessBackoff` |
| opens a watch that ended soon again at once, for ever | `WatchThrottle` |
| after a 401 asks for credentials, and retries, at once | `RestartThrottle` in `on_login` |
| ends the process where the CRD is deleted (404) | `kopf_session`: its request waits for the CRD |
| has its own ways to a kubeconfig and a pod's token | `kopf_session`: ours, see `kube.connection` |
| says that it is ready before its watches stand | `FirstWatches` |
| takes seconds to deliver thousands of TenantProxies | `OperatorManager` lists them: `Tenants.on_list` |
| delivers the events of our own writes, too | `Tenants.on_own_write` |
| reports no deletion while its watch was interrupted, nor a dead watch | `resync.PeriodicResync` |

Its release is pinned to the minor version in pyproject.toml, since `NoMemories` overrides a method of a private
class, and the rest depends on behaviour that is not documented. A test names each private attribute that is used.
"""

import asyncio
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory
from yarl import URL

from tenantproxy.backoff import Backoff
from tenantproxy.kube.access import KubeAccess
from tenantproxy_operator.api.names import GROUP, PLURAL, VERSION
from tenantproxy_operator.cache.informers import REFUSALS
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Key

_log = logging.getLogger(__name__)

_SERVER_TIMEOUT: Final = 600
"""Seconds after which the API server ends a watch."""
_CLIENT_TIMEOUT: Final = 660
"""Seconds after which kopf ends it: a minute later, for an API server that does not."""
_PAGE: Final = 250
"""Objects in one answer to a list: the whole list in one piece would be held for as long as the watch after it."""
_IDLE_TIMEOUT: Final = 0.2
"""Seconds for which kopf keeps the task of an object after its last event; our handler returns at once."""
_STARTUP_BACKOFF: Final = 1
"""Seconds before a start that failed unexpectedly is retried."""
_STABLE_LOGIN: Final = 60.0
"""Seconds after which credentials that were accepted are no reason to delay the next login."""
_NOT_FOUND: Final = 404
_OK: Final = 200
_STABLE_WATCH: Final = 5.0
"""A watch that lasted this many seconds makes earlier failures forgotten."""


async def run_kopf(
    tenants: Tenants,
    enqueue: Callable[[Key], None],
    *,
    access: KubeAccess,
    crd_missing: Callable[[], Awaitable[None]],
    namespaces: tuple[str, ...] | None,
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
    watching: asyncio.Event,
    ended: asyncio.Future[None],
) -> None:
    """Run kopf until `ended` is done or a signal comes; `watching` is set when its watches stand, after `start`.

    It watches the TenantProxies of `namespaces`, None: of all. `stop` is called at the end, but only where `start`
    has returned. `crd_missing` is awaited where the API server knows no TenantProxies, and returns once it does.
    """
    if not _log.isEnabledFor(logging.DEBUG):
        logging.getLogger("kopf").setLevel(logging.WARNING)  # it has a line for each event
    traces = (WatchThrottle().trace, FirstWatches(access.url, namespaces, watching).trace)
    await kopf.operator(
        registry=build_registry(
            tenants, enqueue, login=lambda: kopf_session(access, traces, crd_missing), start=start, stop=stop
        ),
        settings=kopf_settings(),
        clusterwide=namespaces is None,
        namespaces=namespaces or (),
        memories=NoMemories(),
        stop_flag=ended,
    )


def build_registry(
    tenants: Tenants,
    enqueue: Callable[[Key], None],
    *,
    login: Callable[[], kopf.AiohttpSession],
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """Return kopf's registry: one handler for events, none that would write to a TenantProxy."""
    registry = kopf.OperatorRegistry()
    throttle = RestartThrottle(_STABLE_LOGIN)

    @kopf.on.login(registry=registry)
    async def on_login(**_: Any) -> kopf.AiohttpSession:  # noqa: ANN401 - kopf's keyword arguments
        # After a 401 kopf asks again at once, and then sends its request at once.
        refused = "the API server rejects our credentials (401); reloading them"
        await throttle.wait(lambda _: _log.warning(refused))
        return login()

    # Errors are retried inside; kopf's own pause of a minute is for unexpected errors.
    @kopf.on.startup(registry=registry, backoff=_STARTUP_BACKOFF)
    async def on_startup(**_: Any) -> None:  # noqa: ANN401 - the same
        await start()

    @kopf.on.cleanup(registry=registry)
    async def on_cleanup(**_: Any) -> None:  # noqa: ANN401 - the same
        await stop()

    # `event`, not create, update or resume: those write an annotation for every new spec, and a timer, a daemon
    # or a deletion handler puts a finalizer, with which a namespace can't be deleted while the operator is down.
    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def on_event(event: Mapping[str, Any], **_: Any) -> None:  # noqa: ANN401 - the same
        body = event["object"]
        metadata = body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            tenants.remove(key, metadata["uid"])
        elif not tenants.on_event(body):
            # Our own write of a status, mostly. Another reconcile would end the backoff before a retry.
            return
        enqueue(key)

    return registry


def kopf_settings() -> kopf.OperatorSettings:
    """Return how kopf is set up."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.peering.standalone = True
    # The list of namespaces is fixed and the CRD is there: no rights to watch either are needed.
    settings.scanning.disabled = True
    settings.posting.level = logging.WARNING
    settings.posting.enabled = False
    settings.networking.error_backoffs = _EndlessBackoff()
    settings.watching.server_timeout = _SERVER_TIMEOUT
    settings.watching.client_timeout = _CLIENT_TIMEOUT
    settings.watching.chunk_size = _PAGE
    settings.queueing.idle_timeout = _IDLE_TIMEOUT
    settings.queueing.exit_timeout = _IDLE_TIMEOUT
    return settings


class _EndlessBackoff:
    """Seconds between kopf's tries of a request, without an end: after its last one kopf gives up, and ends.

    A minute of 5xx would be enough for that, or one deleted namespace, and with it the rights there (403).
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3, 5, 8, 13), itertools.repeat(20))


class NoMemories(ResourceMemories):
    """kopf's memory of each object, kept only while an event is handled.

    It is for kinds of handlers that we don't have, and takes 12 MiB for 10,000 TenantProxies.
    """

    async def recall(self, *args: Any, **kwargs: Any) -> ResourceMemory:  # noqa: ANN401 - kopf's own
        """Return a fresh memory."""
        return await super().recall(*args, **kwargs | {"ephemeral": True})


class RestartThrottle:
    """Holds back what is restarted soon after its last start, with exponential backoff."""

    def __init__(self, stable: float, backoff: Backoff | None = None) -> None:
        """Prepare; what lasted for `stable` seconds makes earlier failures forgotten."""
        self._stable = stable
        self._backoff = backoff or Backoff()
        self._last = -math.inf

    async def wait(self, delayed: Callable[[float], None]) -> None:
        """Return when it may be started; `delayed` is called with a delay before it, in seconds."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._last >= self._stable:
            self._backoff.reset()
        else:
            delay = self._backoff.next()
            delayed(delay)
            await asyncio.sleep(delay)
        self._last = loop.time()


class WatchThrottle:
    """Holds back a watch where the last one of the same path ended soon; kopf would open it at once, for ever."""

    def __init__(self, backoff: Callable[[], Backoff] = Backoff) -> None:
        """Prepare; `backoff` makes the backoff of one path."""
        self._make = backoff
        self._throttles: dict[str, RestartThrottle] = {}
        self.trace = aiohttp.TraceConfig()
        """For a session whose watches are to be throttled."""
        self.trace.on_request_start.append(self._before)

    async def _before(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        if request.url.query.get("watch") != "true":
            return
        path = request.url.path
        throttle = self._throttles.setdefault(path, RestartThrottle(_STABLE_WATCH, self._make()))
        told = "the watch %s ended right after it started; reconnecting in %.1f s"
        await throttle.wait(lambda delay: _log.warning(told, path, delay))


class FirstWatches:
    """Knows when kopf watches all that it is to watch, for the first time.

    What the API server refuses, such as in a namespace that is missing, holds up nothing.
    """

    def __init__(self, url: str, namespaces: tuple[str, ...] | None, watching: asyncio.Event) -> None:
        """Prepare for an API server at `url`; `watching` is set when the watches stand."""
        base = URL(url).path.rstrip("/")
        self._missing = {f"{base}{TENANT_PROXY.path(namespace)}" for namespace in namespaces or (None,)}
        self._watching = watching
        self.trace = aiohttp.TraceConfig()
        """For a session whose watches are meant."""
        self.trace.on_request_end.append(self._after)

    async def _after(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestEndParams
    ) -> None:
        stands = request.response.status == _OK and request.url.query.get("watch") == "true"
        if self._missing and (stands or request.response.status in REFUSALS):
            self._missing.discard(request.url.path)
            if not self._missing:
                self._watching.set()


def kopf_session(
    access: KubeAccess, traces: Iterable[aiohttp.TraceConfig], crd_missing: Callable[[], Awaitable[None]]
) -> kopf.AiohttpSession:
    """Return a session for kopf with the credentials of now; kopf closes it, and asks again after a 401."""
    authorization = access.authorization()

    async def wait_for_crd(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        while (response := await handler(request)).status == _NOT_FOUND and request.url.name == PLURAL:
            response.release()
            await crd_missing()
        return response

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=access.tls or True),
        headers={} if authorization is None else {"Authorization": authorization},
        trace_configs=list(traces),
        middlewares=(wait_for_crd,),
    )
    return kopf.AiohttpSession(server=access.url, aiohttp_session=session)
