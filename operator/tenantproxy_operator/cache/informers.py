"""List and watch children and Secrets, one reflector per kind and namespace, and keep the caches up to date.

The initial lists are complete before any TenantProxy of the namespace is reconciled; see `InitialSync`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.reflector import SILENCE, Reflector
from tenantproxy_operator.cache.children import SELECTOR, Children
from tenantproxy_operator.cache.controls import KINDS as CONTROL_KINDS
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.followers import ChildFollower, ControlFollower, SecretFollower
from tenantproxy_operator.cache.initial_sync import InitialSync
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import Partial
from tenantproxy_operator.kube.workloads import Control, Deployment

_log = logging.getLogger(__name__)

REFUSALS: Final = (403, 404)
"""Statuses of what is forbidden: no right, no such namespace, or no such kind any more."""

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
Failed = Callable[[str, KubeError], None]
"""Called for each failure of a list or watch: the kind's plural, and why."""


class Informers:
    """All reflectors, running."""

    def __init__(
        self,
        client: KubeClient,
        namespaces: Iterable[str | None],
        *,
        children: Children,
        controls: Controls,
        secrets: SecretVersions,
        secret_changed: Callable[[Key], None],
        synced: Callable[[str | None], None],
        failed: Failed,
        spawn: Spawn,
        silence: float = SILENCE,
    ) -> None:
        """Prepare to follow `namespaces`; None alone: all.

        `synced` is called with a namespace, or None for all, when its initial lists are complete; `spawn` starts a
        task that must not fail. A watch is restarted after `silence` seconds without a byte.
        """
        self._client = client
        self._namespaces = tuple(namespaces)
        self._children = children
        self._controls = controls
        self._secrets = secrets
        self._secret_changed = secret_changed
        self._on_synced = synced
        self._on_failure = failed
        self._spawn = spawn
        self._silence = silence
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._syncs = {namespace: InitialSync() for namespace in self._namespaces}

    def start(self, kinds_to_follow: Iterable[Kind]) -> None:
        """Follow the kinds that are not followed yet."""
        fresh = [kind for kind in kinds_to_follow if kind.plural not in self._tasks]
        for namespace, sync in self._syncs.items():
            sync.expect(fresh)
            for kind in fresh:
                self._tasks.setdefault(kind.plural, []).append(self._start(kind, namespace))

    def has_synced(self, namespace: str) -> bool:
        """Tell whether the initial lists of a namespace are complete; its tenants are not reconciled before."""
        sync = self._syncs.get(namespace) or self._syncs[None]
        return sync.complete

    @property
    def useful(self) -> bool:
        """Whether the initial lists of any namespace are complete: else no tenant could be reconciled."""
        return any(sync.complete for sync in self._syncs.values())

    async def settled(self) -> None:
        """Return when the initial lists of each namespace are complete or forbidden."""
        for sync in self._syncs.values():
            await sync.settled.wait()

    async def stop(self, plurals: Iterable[str] | None = None) -> None:
        """Stop following some kinds, or all."""
        stopped = [
            task
            for plural in list(self._tasks if plurals is None else plurals)
            for task in self._tasks.pop(plural, ())
        ]
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    def _start(self, kind: Kind, namespace: str | None) -> asyncio.Task[None]:
        sync = self._syncs[namespace]

        def synced() -> None:
            if sync.mark_synced(kind):
                self._on_synced(namespace)

        def failed(error: KubeError) -> None:
            where = f"in {namespace}" if namespace else "in all namespaces"
            _log.warning("the watch of %s %s was interrupted; reconnecting: %s", kind.plural, where, error)
            self._on_failure(kind.plural, error)
            if isinstance(error, StatusError) and error.status in REFUSALS and sync.mark_forbidden(kind):
                self._on_synced(namespace)

        path = kind.path(namespace)
        reflector: Reflector[Partial] | Reflector[Deployment] | Reflector[Control]
        if kind is kinds.SECRET:
            secrets = SecretFollower(
                namespace, self._secrets, self._children, self._secret_changed, synced, failed
            )
            # All Secrets, not ours alone: a tenant's may be of the user's making, without any label.
            reflector = Reflector(self._client, path, Partial, secrets, silence=self._silence)
        elif kind in CONTROL_KINDS:
            # All of them, too, and whole, for what they act on.
            controls = ControlFollower(kind, namespace, self._children, self._controls, synced, failed)
            reflector = Reflector(self._client, path, Control, controls, partial=False, silence=self._silence)
        else:
            follower = ChildFollower(kind, namespace, self._children, synced, failed)
            if kind is kinds.DEPLOYMENT:
                # Whole, for its status; of each only a few numbers are decoded and kept.
                reflector = Reflector(
                    self._client,
                    path,
                    Deployment,
                    follower,
                    selector=SELECTOR,
                    partial=False,
                    silence=self._silence,
                )
            else:
                reflector = Reflector(
                    self._client, path, Partial, follower, selector=SELECTOR, silence=self._silence
                )
        return self._spawn(reflector.run(), f"watch {path}")
