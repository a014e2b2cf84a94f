"""An operator at a real API server, with tenants whose pods are simulated, and an image that does not start."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

from support.apiserver.client import ApiClient
from support.apiserver.server import ApiServer
from support.operator.fake_pods import FakePods
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, child_name
from support.tools.prometheus import Target
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

from .second_operator import SecondOperator

ROOT: Final = Path(__file__).parents[3]
_GOOD: Final = "--proxy-image=registry.example/good:1"
_BAD: Final = "--proxy-image=registry.example/bad:2"
_TENANTS: Final = 8
_REFUSED: Final[dict[str, Any]] = {"spec.podTemplate": {"affinity": {"unknown": {}}}}
"""What the CRD takes, and the API server does not."""


class ControlPlane:
    """The operator, and its tenants."""

    def __init__(self, operator: OperatorProcess, tenants: Tenants, second: SecondOperator) -> None:
        self.operator = operator
        self.second = second
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
        namespace = "managed"
        status, answer = await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert status == 201, answer
        options = (f"--namespace={namespace}", "--check-interval=1", "--max-updating-tenants=3", _GOOD, _BAD)
        operator = OperatorProcess(*options, directory=folder, kubeconfig=server.admin_kubeconfig)
        pods: dict[str, Any] = {"takes": 0.3, "deadline": 1.0}
        async with FakePods.playing(api, namespace, **pods):
            await asyncio.to_thread(operator.start_ready, without=[_BAD])
            try:
                async with SecondOperator.running(api, server, folder / "second") as second:
                    yield cls(operator, Tenants(api, namespace, lambda: operator.log), second)
            finally:
                await asyncio.to_thread(operator.stop_if_running)

    def targets(self) -> list[Target]:
        """Return what is to be scraped, as if they were pods."""
        own = Target(self.operator.admin_port, "tenantproxy-system", "tenantproxy-operator-0")
        return [own, self.second.target()]

    async def create_tenants(self) -> None:
        """Have tenants that get ready."""
        for name in self._names:
            await self._tenants.created(name)
        for name in self._names:
            await self._tenants.condition(name, "Ready", status="True")

    async def break_everything(self) -> None:
        """Give the operator a bad image, a tenant half a credential, and some what the API server refuses."""
        await self.second.be_slow()
        await self.second.become_deaf()
        await asyncio.to_thread(self.operator.stop)
        await asyncio.to_thread(self.operator.start_ready, without=[_GOOD])
        await eventually(self._stopped, lambda value: value == 1, log=lambda: self.operator.log)
        half = {"stringData": {"username": "user"}}
        await self._tenants.patch(kinds.SECRET, child_name(kinds.SECRET, self._names[0]), half)
        for name in self._names[-2:]:
            await self._tenants.change(name, _REFUSED)
        await self._tenants.create("never-ready", _REFUSED)

    async def end(self) -> None:
        """End both operators."""
        await asyncio.to_thread(self.operator.stop)
        await asyncio.to_thread(self.second.operator.stop)

    async def _stopped(self) -> float:
        return self.operator.metrics()["rollout_stopped"]
