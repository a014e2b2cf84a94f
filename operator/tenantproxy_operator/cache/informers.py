"""The watches of children and Secrets: one per kind and namespace, filled before kopf looks at any TenantProxy."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from tenantproxy.kube.client import KubeClient, KubeError, StatusError
from tenantproxy.kube.reflector import SILENCE, Reflector
from tenantproxy_operator.cache.children import SELECTOR, Child, Children
from tenantproxy_operator.cache.initial_sync import FirstLists
from tenantproxy_operator.cache.secrets import Secrets
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import Deployment, Partial

_log = logging.getLogger(__name__)

REFUSALS: Final = (403, 404)
"""No right, no such namespace, or no such kind any more."""

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
Interrupted = Callable[[str, KubeError], None]
"""Is told of each interruption of a watch: the kind's plural, and why."""


class _Marks:
    """Which objects were there when a list began, so that what it does not have can be forgotten."""

    def __init__(self) -> None:
        self._seen: set[Key] = set()
        self._before: dict[Key, object] = {}

    def begin(self, before: dict[Key, object]) -> None:
        self._seen.clear()
        self._before = before

    def see(self, key: Key) -> None:
        if self._before:
            self._seen.add(key)

    def end(self) -> dict[Key, object]:
        """Return what was there before, and was not seen."""
        gone = {key: thing for key, thing in self._before.items() if key not in self._seen}
        self._before, self._seen = {}, set()
        return gone


class ChildWatch:
    """Keeps `Children` up to date for one kind, in one namespace or all."""

    def __init__(
        self,
        kind: Kind,
        namespace: str | None,
        children: Children,
        filled: Callable[[], None],
        interrupted: Callable[[KubeError], None],
    ) -> None:
        """Prepare; `filled` is called when all that exists is known, `interrupted` when the watch breaks off."""
        self._kind = kind
        self._namespace = namespace
        self._children = children
        self._filled = filled
        self._interrupted = interrupted
        self._marks = _Marks()

    def listing(self) -> None:
        """Remember what is known, to forget what the list does not have."""
        self._marks.begin(dict(self._children.every(self._kind, self._namespace)))

    def listed(self) -> None:
        """Forget what the list did not have, unless we have written it since the list began."""
        gone = self._marks.end()
        now = self._children.every(self._kind, self._namespace) if gone else {}
        for key, before in gone.items():
            if now.get(key) == before:
                tenant, _ = now[key]
                self._children.drop(self._kind, tenant, key.name)
        self._filled()

    def seen(self, thing: Partial | Deployment) -> None:
        """Take note of a child."""
        self._marks.see(thing.metadata.key)
        self._children.put(self._kind, thing)

    def gone(self, thing: Partial | Deployment) -> None:
        """Take note of a deletion."""
        self._children.remove(self._kind, thing.metadata)

    def interrupted(self, error: KubeError) -> None:
        """Report an interruption."""
        self._interrupted(error)


class SecretWatch:
    """Keeps `Secrets` up to date, and `Children` for those that are ours, in one namespace or all."""

    def __init__(
        self,
        namespace: str | None,
        secrets: Secrets,
        children: Children,
        changed: Callable[[Key], None],
        filled: Callable[[], None],
        interrupted: Callable[[KubeError], None],
    ) -> None:
        """Prepare; `changed` is told of each Secret that is news, the others as in `ChildWatch`."""
        self._namespace = namespace
        self._secrets = secrets
        self._children = children
        self._changed = changed
        self._filled = filled
        self._interrupted = interrupted
        self._marks = _Marks()

    def listing(self) -> None:
        """Remember what is known, to forget what the list does not have."""
        self._marks.begin({key: self._secrets[key] for key in self._secrets.keys_in(self._namespace)})

    def listed(self) -> None:
        """Forget what the list did not have, unless it has changed since the list began."""
        for key, before in self._marks.end().items():
            if self._secrets[key] == before:
                self._secrets.drop(key)
                self._changed(key)
        children: dict[Key, tuple[Key, Child]] = self._children.every(kinds.SECRET, self._namespace)
        for key, (tenant, _) in children.items():
            if self._secrets[key] is None:
                self._children.drop(kinds.SECRET, tenant, key.name)
        self._filled()

    def seen(self, thing: Partial) -> None:
        """Take note of a Secret."""
        self._marks.see(thing.metadata.key)
        self._children.put(kinds.SECRET, thing)
        if self._secrets.put(thing.metadata):
            self._changed(thing.metadata.key)

    def gone(self, thing: Partial) -> None:
        """Take note of a deletion."""
        self._children.remove(kinds.SECRET, thing.metadata)
        if self._secrets.remove(thing.metadata):
            self._changed(thing.metadata.key)

    def interrupted(self, error: KubeError) -> None:
        """Report an interruption."""
        self._interrupted(error)


class Watches:
    """All watches, running."""

    def __init__(
        self,
        client: KubeClient,
        namespaces: Iterable[str | None],
        *,
        children: Children,
        secrets: Secrets,
        secret_changed: Callable[[Key], None],
        known: Callable[[str | None], None],
        interrupted: Interrupted,
        spawn: Spawn,
        silence: float = SILENCE,
    ) -> None:
        """Prepare watches in `namespaces`; None alone: in all.

        `known` is told of a namespace, or of all (None), when all that exists there is known for the first time;
        `spawn` starts a task that must not fail. A watch is begun anew after `silence` seconds without a sign.
        """
        self._client = client
        self._namespaces = tuple(namespaces)
        self._children = children
        self._secrets = secrets
        self._secret_changed = secret_changed
        self._known = known
        self._interrupted = interrupted
        self._spawn = spawn
        self._silence = silence
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._first_lists = {namespace: FirstLists() for namespace in self._namespaces}

    def start(self, kinds_to_watch: Iterable[Kind]) -> None:
        """Start watches of the kinds that are not watched yet."""
        fresh = [kind for kind in kinds_to_watch if kind.plural not in self._tasks]
        for namespace, lists in self._first_lists.items():
            lists.expect(fresh)
            for kind in fresh:
                self._tasks.setdefault(kind.plural, []).append(self._start(kind, namespace))

    def knows(self, namespace: str) -> bool:
        """Tell whether all that exists in a namespace is known; who can't be known yet must not be reconciled."""
        lists = self._first_lists.get(namespace) or self._first_lists[None]
        return lists.complete

    async def settled(self) -> None:
        """Return when each namespace is known, or can't be because the API server refuses to list it."""
        for lists in self._first_lists.values():
            await lists.settled.wait()

    async def stop(self, plurals: Iterable[str] | None = None) -> None:
        """Stop watches, of some kinds or all."""
        stopped = [
            task
            for plural in list(self._tasks if plurals is None else plurals)
            for task in self._tasks.pop(plural, ())
        ]
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    def _start(self, kind: Kind, namespace: str | None) -> asyncio.Task[None]:
        lists = self._first_lists[namespace]

        def filled() -> None:
            if lists.fill(kind):
                self._known(namespace)

        def interrupted(error: KubeError) -> None:
            where = f"in {namespace}" if namespace else "in all namespaces"
            _log.warning("the watch of %s %s was interrupted and is tried again: %s", kind.plural, where, error)
            self._interrupted(kind.plural, error)
            if isinstance(error, StatusError) and error.status in REFUSALS and lists.refuse(kind):
                self._known(namespace)

        watch: ChildWatch | SecretWatch
        reflector: Reflector[Partial] | Reflector[Deployment]
        path = kind.path(namespace)
        if kind is kinds.SECRET:
            # All Secrets, not ours alone: a tenant's may be of the user's making, without any label.
            watch = SecretWatch(
                namespace, self._secrets, self._children, self._secret_changed, filled, interrupted
            )
            reflector = Reflector(self._client, path, Partial, watch, silence=self._silence)
        else:
            watch = ChildWatch(kind, namespace, self._children, filled, interrupted)
            if kind is kinds.DEPLOYMENT:
                # Whole, for its status; of each only a few numbers are decoded and kept.
                reflector = Reflector(
                    self._client,
                    path,
                    Deployment,
                    watch,
                    selector=SELECTOR,
                    partial=False,
                    silence=self._silence,
                )
            else:
                reflector = Reflector(self._client, path, Partial, watch, selector=SELECTOR, silence=self._silence)
        return self._spawn(reflector.run(), f"watch {path}")
