"""A second operator, which is slow, then deaf to changes of TenantProxies, and then loses its Lease."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

from support.apiserver.client import MERGE_PATCH, ApiClient
from support.apiserver.fault_proxy import Between, Call, plain
from support.apiserver.server import ApiServer
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants
from support.tools.prometheus import Target
from support.waiting import eventually
from tenantproxy_operator.kube import kinds

_NAMESPACE: Final = "watched-by-the-second"
_SLOW: Final = ("slow-0", "slow-1", "slow-2", "slow-3")
_TENANT: Final = "unheard"
_SLOW_SECONDS: Final = 6.0
"""Beyond the threshold of the dashboard."""
_OPTIONS: Final = ("--check-interval=0.5", "--event-patience=1", "--leader-elect-retry-period=0.3")


class SecondOperator:
    """An operator for a namespace of its own, with some tenants and no pods."""

    def __init__(self, operator: OperatorProcess, between: Between, tenants: Tenants) -> None:
        self.operator = operator
        self._between = between
        self._tenants = tenants
        self._held: set[str] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, api: ApiClient, server: ApiServer, folder: Path) -> AsyncIterator[Self]:
        """Run it until the end."""
        await asyncio.to_thread(folder.mkdir)
        status, answer = await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": _NAMESPACE}})
        assert status == 201, answer
        async with Between.running(server, folder) as between:
            kubeconfig = server.kubeconfig(folder / "kubeconfig", url=between.url, ca=between.ca)
            options = (f"--namespace={_NAMESPACE}", "--proxy-image=registry.example/good:1")
            operator = OperatorProcess(*options, *_OPTIONS, directory=folder, kubeconfig=kubeconfig)
            await asyncio.to_thread(operator.start_ready)
            try:
                yield cls(operator, between, Tenants(api, _NAMESPACE, lambda: operator.log))
            finally:
                await asyncio.to_thread(operator.stop_if_running)

    def target(self) -> Target:
        """Return what is to be scraped, as if it were a pod."""
        return Target(self.operator.admin_port, "second-system", "tenantproxy-operator-1")

    async def be_slow(self) -> None:
        """Reconcile some TenantProxies for so long that somebody should look."""
        for name in _SLOW:
            await self._tenants.secret(name)
        self._between.play = self._slowly
        for name in _SLOW:
            await self._tenants.create(name)
        for name in _SLOW:
            await self._tenants.settled(name)
        self._between.play = plain

    async def _slowly(self, call: Call) -> None:
        """Hold up the first write about each."""
        if call.is_write and call.tenant in _SLOW and call.tenant not in self._held:
            self._held.add(call.tenant)
            await asyncio.sleep(_SLOW_SECONDS)

    async def become_deaf(self) -> None:
        """Miss that there is a TenantProxy."""
        self._between.swallowed = "tenantproxies"
        await self._tenants.create(_TENANT)

    async def lose_lease(self) -> None:
        """Have somebody else hold the Lease, for an hour."""
        place = kinds.LEASE.path(_NAMESPACE, "tenantproxy-operator")
        taken: dict[str, Any] = {"spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 3600}}
        status, answer = await self._tenants.api.request("PATCH", place, taken, content_type=MERGE_PATCH)
        assert status == 200, answer
        await eventually(lambda: not self.operator.leads, log=lambda: self.operator.log)
