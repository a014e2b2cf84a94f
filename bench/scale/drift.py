"""Edits of children by others, and how long the operator takes to correct them."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bench.scale import fleet
from tenantproxy.kube.client import KubeClient
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.kube.kinds import Kind

_LONGEST: Final = 60.0
_MERGE: Final = "application/merge-patch+json"
_PAUSE: Final = 0.2


class _Edit(NamedTuple):
    kind: Kind
    path: tuple[str, ...]
    value: Any


_EDITS: Final = (
    _Edit(kinds.NETWORK_POLICY, ("spec", "policyTypes"), ["Egress"]),
    _Edit(kinds.DEPLOYMENT, ("spec", "template", "spec", "terminationGracePeriodSeconds"), 7),
    _Edit(kinds.AUTOSCALER, ("spec", "maxReplicas"), 9),
    _Edit(kinds.SERVICE, ("metadata", "labels", "app.kubernetes.io/name"), "somebody-elses"),
)


async def repair(client: KubeClient, index: int, *, start: asyncio.Event | None = None) -> float:
    """Edit a child of a tenant; return the seconds from sending the edit until a watch tells of its repair.

    With `start`, all is prepared before that is set. Raises KubeError, TimeoutError.
    """
    edit = _EDITS[index % len(_EDITS)]
    tenant = fleet.key_of(index)
    key = tenant._replace(name=f"{tenant.name}-proxy")
    path = edit.kind.path(key.namespace)
    only = {"fieldSelector": f"metadata.name={key.name}"}
    found = json.loads(await client.request("GET", path, query=only))
    before = found["items"][0]
    # Not that of the object, which may be so old that it can't be watched from.
    query = {**only, "watch": "true", "resourceVersion": found["metadata"]["resourceVersion"]}
    async with client.stream(path, query=query, accept="application/json", silence=10 * _LONGEST) as lines:
        if start is not None:
            await start.wait()
        body = json.dumps(_nested(edit.path, edit.value)).encode()
        begin = time.perf_counter()
        await client.request("PATCH", edit.kind.path(*key), body=body, content_type=_MERGE)
        edited = False
        async with asyncio.timeout(_LONGEST):
            async for line in lines:
                value = _at(json.loads(line)["object"], edit.path)
                edited = edited or value == edit.value
                if edited and value == _at(before, edit.path):
                    return time.perf_counter() - begin
    raise TimeoutError


async def repairs_at_rest(client: KubeClient, indices: list[int]) -> list[float]:
    """Return the seconds of one repair after the other. Raises KubeError, TimeoutError."""
    found = []
    for index in indices:
        found.append(await repair(client, index))
        await asyncio.sleep(_PAUSE)
    return found


async def repairs_meanwhile(client: KubeClient, indices: list[int], begun: Callable[[], bool]) -> list[float]:
    """Edit children of several tenants at once, as soon as `begun`; return the seconds of each repair.

    Raises KubeError, TimeoutError.
    """
    start = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(repair(client, index, start=start)) for index in indices]
        while not await asyncio.to_thread(begun):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.01)
        start.set()
    return [task.result() for task in tasks]


async def change_specs(client: KubeClient, indices: list[int], written: Callable[[], float]) -> None:
    """Change specs one after the other; each is through when `written`, the number of statuses, has grown.

    Raises KubeError, TimeoutError.
    """
    for index in indices:
        before = await asyncio.to_thread(written)
        body = json.dumps({"spec": {"upstream": {"timeout": "7s"}}}).encode()
        path = TENANT_PROXY.path(*fleet.key_of(index))
        await client.request("PATCH", path, body=body, content_type=_MERGE)
        async with asyncio.timeout(_LONGEST):
            while await asyncio.to_thread(written) <= before:  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
        await asyncio.sleep(_PAUSE)


def _nested(path: tuple[str, ...], value: Any) -> Any:  # noqa: ANN401 - JSON
    for step in reversed(path):
        value = {step: value}
    return value


def _at(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    for step in path:
        value = value[step]
    return value
