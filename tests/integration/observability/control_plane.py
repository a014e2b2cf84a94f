"""An operator at a real API server, with tenants whose pods are simulated, and an image that does not start."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

from support.apiserver.client import ApiClient
from support.apiserver.server import ApiServer
from support.operator.fake_pods import FakePods
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants
from support.tools.prometheus import Target
from support.waiting import eventually

ROOT: Final = Path(__file__).parents[3]
_GOOD: Final = "--proxy-image=registry.example/good:1"
_BAD: Final = "--proxy-image=registry.example/bad:2"
_TENANTS: Final = 8
_REFUSED: Final[dict[str, Any]] = {"spec.podTemplate": {"affinity": {"unknown": {}}}}
"""What the CRD takes, and the API server does not."""


class ControlPlane:
    """The operator, and its tenants."""

    def __init__(self, operator: OperatorProcess, tenants: Tenants) -> None:
        self.operator = operator
        self._tenants = tenants
        self._names = [f"tenant-{number}" for number in range(_TENANTS)]

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, binaries: Path, folder: Path) -> AsyncIterator[Self]:
        """Run it until the end."""
        server = await asyncio.to_thread(ApiServer, binaries, folder)
        try:
            await asyncio.to_thread(
                server.install_crd, ROOT / "crds/tenantproxies.yaml", "tenantproxies.proxy.hiiretail.com"
            )
            async with server.client() as api, cls._operated(api, server, folder) as control_plane:
                yield control_plane
        finally:
            await asyncio.to_thread(server.close)

    @classmethod
    @contextlib.asynccontextmanager
    async def _operated(cls, api: ApiClient, server: ApiServer, folder: Path) -> AsyncIterator[Self]:
        namespace = f"tenants-{uuid.uuid4().hex[:8]}"
        status, answer = await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert status == 201, answer
        options = (f"--namespace={namespace}", "--check-interval=1", "--max-updating-tenants=3", _GOOD, _BAD)
        operator = OperatorProcess(*options, directory=folder, kubeconfig=server.admin_kubeconfig)
        pods: dict[str, Any] = {"takes": 0.3, "deadline": 1.0}
        async with FakePods.playing(api, namespace, **pods):
            control_plane = cls(operator, Tenants(api, namespace, lambda: operator.log))
            await asyncio.to_thread(operator.start_ready, without=[_BAD])
            try:
                yield control_plane
            finally:
                await asyncio.to_thread(operator.stop_if_running)

    def target(self) -> Target:
        """Return what is to be scraped, as if it were a pod."""
        return Target(self.operator.admin_port, "tenantproxy-system", "tenantproxy-operator-0")

    async def create_tenants(self) -> None:
        """Have tenants that get ready."""
        for name in self._names:
            await self._tenants.created(name)
        for name in self._names:
            await self._tenants.condition(name, "Ready", status="True")

    async def break_everything(self) -> None:
        """Give the operator an image that no pod gets ready with, and some tenants what the API server refuses."""
        await asyncio.to_thread(self.operator.stop)
        await asyncio.to_thread(self.operator.start_ready, without=[_GOOD])
        await eventually(self._stopped, lambda value: value == 1, log=lambda: self.operator.log)
        for name in self._names[-2:]:
            await self._tenants.change(name, _REFUSED)
        await self._tenants.create("never-ready", _REFUSED)

    async def end(self) -> None:
        """End the operator."""
        await asyncio.to_thread(self.operator.stop)

    async def _stopped(self) -> float:
        return self.operator.metrics()["rollout_stopped"]
