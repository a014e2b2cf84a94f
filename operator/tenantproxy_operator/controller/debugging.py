"""Tells a tenant's proxies until when to write debug lines: by a ConfigMap that their pods mount if it is there.

It is there only while there are such lines. No pod restarts for it: the kubelet brings it into running ones,
within a minute or so. One that a restarted operator has forgotten does no harm: the time in it passes.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.names import debug_name
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.conditions import EventNote
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import Cluster
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.render.debug_config_map import render_debug_config_map
from tenantproxy_operator.validation.debugging import debug_end

_REASON: Final = "DebugRefused"
"""Of the Event."""


class _Done(NamedTuple):
    """For which text of the annotation something was done, and the uid of the ConfigMap, if there is one."""

    text: str
    uid: str = ""


class DebugWindows:
    """Those of all tenants; `now` is in Unix seconds."""

    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._now = now
        self._done: dict[Key, _Done] = {}

    async def bring(self, tenant: Tenant) -> tuple[EventNote | None, float | None]:
        """Do as the annotation says; return what is wrong with it, once, and the seconds until it is over.

        Raises:
            KubeError: It can't be done now.

        """
        key, text = tenant.key, tenant.debug_until
        done = self._done.get(key)
        if not text and done is None:
            return None, None
        is_new = done is None or done.text != text
        uid = "" if done is None else done.uid
        now, note, later = self._now(), None, None
        end = debug_end(text, now)
        if isinstance(end, float):
            later = end - now
            if is_new:
                note, uid = await self._write(tenant)
        else:
            if uid:
                await self._cluster.delete(kinds.CONFIG_MAP, _config_map_of(key), uid)
                uid = ""
            if end is not None and is_new:
                note = _refusal(end)
        self._done[key] = _Done(text, uid)
        if not text:
            self.forget(key)
        return note, later

    async def _write(self, tenant: Tenant) -> tuple[EventNote | None, str]:
        """Write the ConfigMap, unless one of its name is somebody else's; return that, or its uid."""
        where = _config_map_of(tenant.key)
        found = await self._cluster.find(kinds.CONFIG_MAP, where)
        if found is not None and all(owner.uid != tenant.uid for owner in found.owner_references):
            problem = FieldProblem(f"ConfigMap {where.name}", "is not the operator's; delete or rename it")
            return _refusal(problem), ""
        manifest = render_debug_config_map(tenant.key, tenant.uid, tenant.debug_until)
        applied = await self._cluster.apply(kinds.CONFIG_MAP, manifest)
        return None, applied.metadata.uid

    def forget(self, key: Key) -> None:
        """Keep nothing about a tenant."""
        self._done.pop(key, None)


def _config_map_of(key: Key) -> Key:
    return Key(key.namespace, debug_name(key.name))


def _refusal(problem: FieldProblem) -> EventNote:
    return EventNote(warning=True, reason=_REASON, note=f"no debug lines: `{problem.field}` {problem.detail}")
