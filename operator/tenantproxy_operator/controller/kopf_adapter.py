"""What kopf calls. Handlers only enqueue: whatever happens to a TenantProxy, `Reconciler.reconcile` looks at all.

| event | comes from | becomes |
| --- | --- | --- |
| a TenantProxy appears, changes (unless we did it), goes | kopf, here | `queue.add(its key)` |
| a child changes or goes | `watches.ChildWatch`, by `Children` | `queue.add(its tenant's key)` |
| a Secret appears, changes, goes | `watches.SecretWatch` | `queue.add` for each TenantProxy that refers to it |
| an optional kind is installed or removed | `patrol.Patrol` | `queue.add` for all |
| a reconcile failed | `queue` | once more, after a pause |
"""

import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import kopf

from tenantproxy_operator.api.resource import GROUP, PLURAL, VERSION
from tenantproxy_operator.cache.tenants import Tenants
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.restart_throttle import Pace

_log = logging.getLogger(__name__)

_SERVER_TIMEOUT: Final = 600
_CLIENT_TIMEOUT: Final = 660
_START_PAUSE: Final = 1
_STABLE_LOGIN: Final = 60.0
_PAGE: Final = 250
_IDLE_TIMEOUT: Final = 0.2


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
    pace = Pace(_STABLE_LOGIN)

    @kopf.on.login(registry=registry)
    async def on_login(**_: Any) -> kopf.AiohttpSession:  # noqa: ANN401 - kopf's keyword arguments
        # After a 401 kopf asks again at once, and then sends its request at once.
        refused = "the API server does not take our credentials (401); they are read and tried again"
        await pace.wait(lambda _: _log.warning(refused))
        return login()

    # Errors are retried inside; kopf's own pause of a minute is for what we did not foresee.
    @kopf.on.startup(registry=registry, backoff=_START_PAUSE)
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
        elif not tenants.put(body):
            # Our own write of a status, mostly. To look once more would end the pause before a retry.
            return
        enqueue(key)

    return registry


class _Forever:
    """Seconds between kopf's tries of a request, without an end: after its last one, kopf gives up, and ends.

    A minute of 5xx would be enough for that, or one deleted namespace, and with it the rights there (403).
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1, 1, 2, 3, 5, 8, 13), itertools.repeat(20))


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
    settings.networking.error_backoffs = _Forever()
    settings.watching.server_timeout = _SERVER_TIMEOUT
    settings.watching.client_timeout = _CLIENT_TIMEOUT
    # A list in one piece would be held for as long as the watch that follows it.
    settings.watching.chunk_size = _PAGE
    # kopf has a task for each object with an event, and keeps it for a while; ours are done at once.
    settings.queueing.idle_timeout = _IDLE_TIMEOUT
    settings.queueing.exit_timeout = _IDLE_TIMEOUT
    return settings
