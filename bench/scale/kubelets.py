"""Plays the scheduler and the kubelets, which need nodes: each pod runs, and is ready, as soon as it is there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from tenantproxy.kube.api import KubeError
from tenantproxy.kube.client import KubeClient

_PODS: Final = "/api/v1/pods"
_WORKERS: Final = 16
_MERGE: Final = "application/merge-patch+json"
_SILENCE: Final = 3600.0
"""Seconds in which nothing need happen."""
_READY: Final = json.dumps(
    {
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        }
    }
).encode()


@contextlib.asynccontextmanager
async def kubelets(client: KubeClient) -> AsyncIterator[None]:
    """Play them until the end, by an admin's client."""
    pods: asyncio.Queue[str] = asyncio.Queue()
    tasks = [
        asyncio.create_task(_see(client, pods)),
        *(asyncio.create_task(_run(client, pods)) for _ in range(_WORKERS)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each


async def _see(client: KubeClient, pods: asyncio.Queue[str]) -> None:
    """Find the pods that do not run yet."""
    query = {"watch": "true", "resourceVersion": "0"}
    async with client.stream(_PODS, query=query, accept="application/json", silence=_SILENCE) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ADDED" and event["object"]["status"].get("phase") != "Running":
                pods.put_nowait(_path(event["object"]["metadata"]))


async def _run(client: KubeClient, pods: asyncio.Queue[str]) -> None:
    while True:
        path = await pods.get()
        with contextlib.suppress(KubeError):  # it is gone again
            await client.request("PATCH", path, body=_READY, content_type=_MERGE)


def _path(metadata: dict[str, Any]) -> str:
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"


async def ready(client: KubeClient, path: str, size: int) -> None:
    """Wait until so many TenantProxies, or Deployments, are ready. Raises KubeError."""
    found: set[tuple[str, str]] = set()
    query = {"watch": "true", "resourceVersion": "0"}
    async with client.stream(path, query=query, accept="application/json", silence=_SILENCE) as lines:
        async for line in lines:
            each = json.loads(line)["object"]
            if _is_ready(each):
                found.add((each["metadata"]["namespace"], each["metadata"]["name"]))
                if len(found) >= size:
                    return


def _is_ready(each: dict[str, Any]) -> bool:
    status = each.get("status") or {}
    if "replicas" in each["spec"] and "template" in each["spec"]:
        return bool(status.get("readyReplicas", 0) >= each["spec"]["replicas"])
    return any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions", ()))
