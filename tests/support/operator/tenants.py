"""TenantProxies in one namespace of a real API server: what their admin does and sees."""

import contextlib
import copy
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from support.apiserver.client import APPLY_PATCH, MERGE_PATCH, ApiClient
from support.apiserver.server import ApiServer
from support.operator.manifests import changed, minimal
from support.waiting import eventually
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Kind

Thing = dict[str, Any]
"""An object as the API has it."""

REQUIRED: Final = frozenset(
    kind
    for kind in kinds.CHILDREN
    if not kind.optional and kind is not kinds.AUTOSCALER  # only with `spec.autoscaling`
)
"""The kinds of a TenantProxy's children that says nothing special."""


class ApiError(Exception):
    """The API server refused it."""


class Tenants:
    """One namespace's TenantProxies."""

    def __init__(self, api: ApiClient, namespace: str, log: Callable[[], str] = lambda: "") -> None:
        """Take `log` to be the operator's, for failures' sake."""
        self.api = api
        self.namespace = namespace
        self._log = log

    @property
    def path(self) -> str:
        return TENANT_PROXY.path(self.namespace)

    # TenantProxies

    async def create(self, name: str, changes: Mapping[str, Any] | None = None) -> Thing:
        """Create the smallest TenantProxy, of a tenant of its own, with other values at dotted paths."""
        return await self.call("POST", self.path, self.manifest(name, changes))

    def manifest(self, name: str, changes: Mapping[str, Any] | None = None) -> Thing:
        """Return what `create` creates."""
        manifest = minimal()
        own = {"metadata.name": name, "metadata.namespace": self.namespace, "spec.tenantId": f"T-{name}"}
        for path, value in (own | dict(changes or {})).items():
            manifest = changed(manifest, path, value)
        return manifest

    async def change(self, name: str, changes: Mapping[str, Any]) -> Thing:
        """Give a TenantProxy other values at dotted paths; `...` removes what is there."""
        body: Thing = {}
        for path, value in changes.items():
            body = changed(body, path, None if value is ... else value)
        return await self.patch(TENANT_PROXY, name, body)

    async def get(self, name: str) -> Thing:
        return await self.call("GET", TENANT_PROXY.path(self.namespace, name))

    async def delete(self, name: str, **options: str) -> None:
        await self.call("DELETE", TENANT_PROXY.path(self.namespace, name), options or None)

    async def until(self, name: str, good: Callable[[Thing], object]) -> Thing:
        """Wait until a TenantProxy is as `good` wants it."""
        return await eventually(lambda: self.get(name), good, log=self._log)

    async def settled(self, name: str) -> Thing:
        """Wait until the operator has acted upon the newest spec of a TenantProxy, and all is applied."""
        return await self.until(name, is_settled)

    async def created(self, name: str, changes: Mapping[str, Any] | None = None) -> Thing:
        """Create a TenantProxy, and before it an empty Secret, for which the operator would wait some seconds.

        Wait until the operator has made the rest.
        """
        await self.secret(name)
        await self.create(name, changes)
        # It may be told of the Secret after the TenantProxy.
        await self.until(
            name, lambda thing: condition_of(thing, "CredentialsReady").get("reason") != "SecretMissing"
        )
        return await self.settled(name)

    async def complete(self, name: str, changes: Mapping[str, Any] | None = None) -> Thing:
        """Create a TenantProxy; wait until the operator has made all of it, its Secret too."""
        await self.create(name, changes)
        await self.child_until(kinds.SECRET, child_name(kinds.SECRET, name))
        return await self.flush(name)

    async def flush(self, name: str) -> Thing:
        """Wait until the operator is through with all that it knew of a TenantProxy.

        One tenant's reconciles come one after the other, so one more is asked for: by a change of the spec that
        changes nothing.
        """
        timeout = (await self.get(name))["spec"]["upstream"]["timeout"]
        await self.change(name, {"spec.upstream.timeout": "5000ms" if timeout == "5s" else "5s"})
        return await self.settled(name)

    async def condition(self, name: str, kind: str, **wanted: str) -> Thing:
        """Wait until a condition of the newest spec has these `status` and `reason`; return it."""

        def good(thing: Thing) -> bool:
            found = condition_of(thing, kind)
            return found.get("observedGeneration") == thing["metadata"]["generation"] and (
                {key: found.get(key) for key in wanted} == wanted
            )

        return condition_of(await self.until(name, good), kind)

    # Children, Secrets and others; what is named by its content may be named without the hash: the newest one

    async def child(self, kind: Kind, name: str) -> Thing | None:
        """Return an object; None where there is none."""
        path = kind.path(self.namespace, await self.whole_name(kind, name))
        status, answer = await self.api.request("GET", path)
        return None if status == 404 else _checked(status, answer)

    async def hashed(self, kind: Kind, name: str) -> list[str]:
        """Return the names that begin so and end in a hash, the newest last."""
        found = await self.call("GET", kind.path(self.namespace))
        metadata = [each["metadata"] for each in found["items"] if without_hash(each["metadata"]["name"]) == name]
        metadata.sort(key=lambda each: (each["creationTimestamp"], int(each["resourceVersion"])))
        return [each["name"] for each in metadata if each["name"] != name]

    async def whole_name(self, kind: Kind, name: str) -> str:
        """Return the name that an object has."""
        hashed = await self.hashed(kind, name) if kind.hashed else []
        return hashed[-1] if hashed else name

    async def children(self, tenant: str) -> dict[Kind, Thing]:
        """Return the children of a TenantProxy by the names that they have."""
        found = {kind: await self.child(kind, child_name(kind, tenant)) for kind in kinds.CHILDREN}
        return {kind: thing for kind, thing in found.items() if thing is not None}

    async def child_until(self, kind: Kind, name: str, good: Callable[[Thing | None], object] = bool) -> Thing:
        """Wait until an object, None while there is none, is as `good` wants it."""
        thing = await eventually(lambda: self.child(kind, name), good, log=self._log)
        return thing or {}

    async def put(self, kind: Kind, name: str, content: Mapping[str, Any]) -> Thing:
        """Create an object."""
        return await self.call("POST", kind.path(self.namespace), whole(kind, name, content))

    async def secret(self, tenant: str, **data: str) -> Thing:
        """Create a TenantProxy's Secret, of the user's own making."""
        return await self.put(kinds.SECRET, child_name(kinds.SECRET, tenant), {"stringData": data})

    async def patch(self, kind: Kind, name: str, change: Any, *, subresource: str = "") -> Thing:
        """Merge a change into an object."""
        path = kind.path(self.namespace, await self.whole_name(kind, name)) + (subresource and f"/{subresource}")
        return await self.call("PATCH", path, change, content_type=MERGE_PATCH)

    async def apply(self, kind: Kind, name: str, content: Mapping[str, Any], *, manager: str) -> Thing:
        """Apply an object, server-side."""
        path = f"{kind.path(self.namespace, name)}?fieldManager={manager}&force=true"
        return await self.call("PATCH", path, whole(kind, name, content), content_type=APPLY_PATCH)

    async def remove(self, kind: Kind, name: str) -> None:
        """Delete an object, if there is one."""
        path = kind.path(self.namespace, await self.whole_name(kind, name))
        status, answer = await self.api.request("DELETE", path)
        assert status in (200, 202, 404), answer

    async def call(self, method: str, path: str, body: Any = None, **more: str) -> Thing:
        """Return a successful answer. Raises ApiError."""
        return _checked(*await self.api.request(method, path, body, **more))


@contextlib.asynccontextmanager
async def collected_garbage(api_server: ApiServer, tenants: Tenants) -> AsyncIterator[None]:
    """Run garbage collection, and wait until it is at work: then it is faster than any event."""
    owner, owned = f"owner-{secrets.token_hex(4)}", f"owned-{secrets.token_hex(4)}"
    made = await tenants.put(kinds.CONFIG_MAP, owner, {})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": made["metadata"]["uid"]}
    await tenants.put(kinds.CONFIG_MAP, owned, {"metadata": {"ownerReferences": [reference]}})
    async with api_server.controllers("garbage-collector-controller"):
        await tenants.remove(kinds.CONFIG_MAP, owner)
        await eventually(lambda: tenants.child(kinds.CONFIG_MAP, owned), lambda child: child is None)
        yield


def whole(kind: Kind, name: str, content: Mapping[str, Any]) -> Thing:
    """Return a manifest."""
    manifest = {"apiVersion": kind.api_version, "kind": kind.kind} | copy.deepcopy(dict(content))
    manifest["metadata"] = {"name": name} | manifest.get("metadata", {})
    return manifest


def child_name(kind: Kind, tenant: str, component: str = "proxy") -> str:
    """Return the name of a child, but for its hash. Names are for ever."""
    return f"{tenant}-credentials" if kind is kinds.SECRET else f"{tenant}-{component}"


def without_hash(name: str) -> str:
    """Return a name without the hash of the content at its end."""
    return re.sub("-[0-9a-f]{20}$", "", name)


def is_settled(thing: Thing) -> bool:
    """Tell whether the operator has acted upon the newest spec, and has nothing left to do for it."""
    status = thing.get("status", {})
    _, children, _ = status.get("appliedDigest", "--").split("-")
    unfinished = not children
    return status.get("observedGeneration") == thing["metadata"]["generation"] and not unfinished


def condition_of(thing: Thing, kind: str) -> Thing:
    """Return a condition; empty where there is none."""
    conditions: list[Thing] = thing.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def versions(children: Mapping[Kind, Thing]) -> dict[Kind, str]:
    """Return what changes with every write that changes something."""
    return {kind: thing["metadata"]["resourceVersion"] for kind, thing in children.items()}


def _checked(status: int, answer: Any) -> Thing:
    if status >= 300:
        raise ApiError(f"{status}: {answer}")
    return dict(answer)
