"""What keeps the caches up to date by a list and a watch: of children, of others' controls, of Secrets."""

from collections.abc import Callable

from tenantproxy.kube.api import KubeError
from tenantproxy_operator.cache.children import Child, Children
from tenantproxy_operator.cache.controls import Controls
from tenantproxy_operator.cache.secrets import SecretVersions
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.objects import Partial
from tenantproxy_operator.kube.workloads import Control, Deployment


class RelistDiff:
    """Which objects were known when a list began, so that those that it does not have can be forgotten."""

    def __init__(self) -> None:
        self._listed: set[Key] = set()
        self._before: dict[Key, object] = {}

    def start(self, before: dict[Key, object]) -> None:
        """Begin a list; `before` is what is known, by key."""
        self._listed.clear()
        self._before = before

    def add(self, key: Key) -> None:
        """Take note that the list has an object."""
        if self._before:
            self._listed.add(key)

    def finish(self) -> dict[Key, object]:
        """Return what was known before, and is not in the list."""
        missing = {key: thing for key, thing in self._before.items() if key not in self._listed}
        self._before, self._listed = {}, set()
        return missing


class ChildFollower:
    """Keeps `Children` up to date for one kind, in one namespace or all."""

    def __init__(
        self,
        kind: Kind,
        namespace: str | None,
        children: Children,
        synced: Callable[[], None],
        failed: Callable[[KubeError], None],
    ) -> None:
        """Prepare; `synced` is called after each complete list, `failed` when a list or watch fails."""
        self._kind = kind
        self._namespace = namespace
        self._children = children
        self._synced = synced
        self._failed = failed
        self._relist = RelistDiff()

    def on_list_start(self) -> None:
        """Remember what is known, to forget what the list does not have."""
        self._relist.start(dict(self._children.every(self._kind, self._namespace)))

    def on_list_end(self) -> None:
        """Forget what the list did not have, unless we have written it since the list began."""
        gone = self._relist.finish()
        now = self._children.every(self._kind, self._namespace) if gone else {}
        for key, before in gone.items():
            if now.get(key) == before:
                tenant, _ = now[key]
                self._children.drop(self._kind, tenant, key.name)
        self._synced()

    def on_upsert(self, thing: Partial | Deployment | Control) -> None:
        """Take note of a child."""
        self._relist.add(thing.metadata.key)
        self._children.put(self._kind, thing)

    def on_delete(self, thing: Partial | Deployment | Control) -> None:
        """Take note of a deletion."""
        self._children.remove(self._kind, thing.metadata)

    def on_error(self, error: KubeError) -> None:
        """Report a failure."""
        self._failed(error)


class ControlFollower(ChildFollower):
    """Does the same for a kind of which others' objects act on proxies, too, and keeps `Controls` up to date."""

    def __init__(
        self,
        kind: Kind,
        namespace: str | None,
        children: Children,
        controls: Controls,
        synced: Callable[[], None],
        failed: Callable[[KubeError], None],
    ) -> None:
        """Prepare; the rest is as in `ChildFollower`."""
        super().__init__(kind, namespace, children, synced, failed)
        self._controls = controls
        self._others = RelistDiff()

    def on_list_start(self) -> None:
        """Remember what is known, to forget what the list does not have."""
        super().on_list_start()
        self._others.start(self._controls.every(self._kind, self._namespace))

    def on_list_end(self) -> None:
        """Forget what the list did not have."""
        for key in self._others.finish():
            self._controls.drop(self._kind, key)
        super().on_list_end()

    def on_upsert(self, thing: Partial | Deployment | Control) -> None:
        """Take note of an object: a child, by its label, or another's."""
        if thing.metadata.is_labelled or not isinstance(thing, Control):
            super().on_upsert(thing)
            self._controls.drop(self._kind, thing.metadata.key)
        else:
            self._others.add(thing.metadata.key)
            super().on_delete(thing)  # it may have been one
            self._controls.put(self._kind, thing)

    def on_delete(self, thing: Partial | Deployment | Control) -> None:
        """Take note of a deletion."""
        super().on_delete(thing)
        self._controls.drop(self._kind, thing.metadata.key)


class SecretFollower:
    """Keeps `Secrets` up to date, and `Children` for those that are ours, in one namespace or all."""

    def __init__(
        self,
        namespace: str | None,
        secrets: SecretVersions,
        children: Children,
        changed: Callable[[Key], None],
        synced: Callable[[], None],
        failed: Callable[[KubeError], None],
    ) -> None:
        """Prepare; `changed` is called for each Secret that is news, the others as in `ChildFollower`."""
        self._namespace = namespace
        self._secrets = secrets
        self._children = children
        self._changed = changed
        self._synced = synced
        self._failed = failed
        self._relist = RelistDiff()

    def on_list_start(self) -> None:
        """Remember what is known, to forget what the list does not have."""
        self._relist.start({key: self._secrets[key] for key in self._secrets.keys_in(self._namespace)})

    def on_list_end(self) -> None:
        """Forget what the list did not have, unless it has changed since the list began."""
        for key, before in self._relist.finish().items():
            if self._secrets[key] == before:
                self._secrets.drop(key)
                self._changed(key)
        children: dict[Key, tuple[Key, Child]] = self._children.every(kinds.SECRET, self._namespace)
        for key, (tenant, _) in children.items():
            if self._secrets[key] is None:
                self._children.drop(kinds.SECRET, tenant, key.name)
        self._synced()

    def on_upsert(self, thing: Partial) -> None:
        """Take note of a Secret."""
        self._relist.add(thing.metadata.key)
        self._children.put(kinds.SECRET, thing)
        if self._secrets.put(thing.metadata):
            self._changed(thing.metadata.key)

    def on_delete(self, thing: Partial) -> None:
        """Take note of a deletion."""
        self._children.remove(kinds.SECRET, thing.metadata)
        if self._secrets.remove(thing.metadata):
            self._changed(thing.metadata.key)

    def on_error(self, error: KubeError) -> None:
        """Report a failure."""
        self._failed(error)
