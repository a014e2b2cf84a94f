"""Simulates the Deployment controller and the kubelets where there is no node."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from typing import Any, Final, Self

from support.apiserver.client import MERGE_PATCH, ApiClient
from tenantproxy_operator.kube import kinds

_STUCK: Final = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": 'ReplicaSet "x" has timed out progressing.',
}
_GOES_ON: Final = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": ""}


class FakePods:
    """Brings the Deployments of a namespace forward, as far as their pods get ready."""

    def __init__(
        self, api: ApiClient, namespace: str, *, broken: Collection[str] = (), takes: float, deadline: float
    ) -> None:
        """Prepare; a pod is ready `takes` seconds after its start, or is missed after `deadline` seconds.

        Pods of an image whose name has "bad" in it never get ready, nor do any of the Deployments `broken`.
        """
        self._api = api
        self._path = kinds.DEPLOYMENT.path(namespace)
        self._broken = broken
        self._takes = takes
        self._deadline = deadline
        self._templates: dict[str, Any] = {}
        """What the ready pods of a Deployment are made from."""
        self._seen: dict[str, int] = {}
        """The generation of each Deployment."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.started: list[str] = []
        """Deployments whose pods were to be replaced, in their order."""
        self.under_way: set[str] = set()
        """Those of which new pods are waited for."""
        self.most_under_way = 0
        self.images: dict[str, str] = {}
        self.ready: dict[str, int] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def playing(cls, api: ApiClient, namespace: str, **options: Any) -> AsyncIterator[Self]:
        """Play until the end."""
        pods = cls(api, namespace, **options)
        task = asyncio.create_task(pods._run())
        try:
            yield pods
        finally:
            tasks = [task, *pods._tasks.values()]
            for each in tasks:
                each.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError | None), result

    def forget(self) -> None:
        """Forget what was counted."""
        self.started.clear()
        self.most_under_way = len(self.under_way)

    async def _run(self) -> None:
        _, found = await self._api.request("GET", self._path)
        for deployment in found["items"]:
            self._see(deployment)
        version = found["metadata"]["resourceVersion"]
        async for line in self._api.lines(f"{self._path}?watch=true&resourceVersion={version}"):
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                self._see(event["object"])
            elif event["type"] == "DELETED":
                self._seen.pop(event["object"]["metadata"]["name"], None)

    def _see(self, deployment: dict[str, Any]) -> None:
        name, generation = deployment["metadata"]["name"], deployment["metadata"]["generation"]
        if self._seen.get(name, 0) >= generation:
            return
        self._seen[name] = generation
        template = deployment["spec"]["template"]
        self.images[name] = template["spec"]["containers"][0]["image"]
        if before := self._tasks.pop(name, None):
            before.cancel()
        if name in self._templates and template != self._templates[name]:
            self.started.append(name)
            self.under_way.add(name)
            self.most_under_way = max(self.most_under_way, len(self.under_way))
        self._tasks[name] = asyncio.create_task(self._bring_forward(name, generation, deployment["spec"]))

    async def _bring_forward(self, name: str, generation: int, spec: dict[str, Any]) -> None:
        wanted = spec["replicas"]
        serving = wanted if name in self._templates and name not in self._broken else 0
        if spec["template"] != self._templates.get(name):
            self._templates.setdefault(name, None)
            await asyncio.sleep(
                self._takes / 3
            )  # until the controller has looked, the status is about the pods before
            extra = {"replicas": serving + 1, "updatedReplicas": 1, "readyReplicas": serving}
            await self._report(name, generation, _GOES_ON, **extra)
            if "bad" in self.images[name] or name in self._broken:
                await asyncio.sleep(self._deadline)
                self.under_way.discard(name)
                await self._report(name, generation, _STUCK, **extra)
                return
            await asyncio.sleep(self._takes)
        self._templates[name] = spec["template"]
        self.under_way.discard(name)
        await self._report(
            name, generation, _GOES_ON, replicas=wanted, updatedReplicas=wanted, readyReplicas=wanted
        )

    async def _report(self, name: str, generation: int, condition: dict[str, str], **numbers: int) -> None:
        self.ready[name] = numbers["readyReplicas"]
        status = {"observedGeneration": generation, "conditions": [condition], **numbers}
        code, answer = await self._api.request(
            "PATCH", f"{self._path}/{name}/status", {"status": status}, content_type=MERGE_PATCH
        )
        assert code in (200, 404), answer
