"""All by which an operator takes turns with others: its elections, and the gate before its writes."""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from typing import Final

from tenantproxy.kube.access import KubeAccess
from tenantproxy.kube.client import KubeClient
from tenantproxy.kube.reflector import Reflector
from tenantproxy_operator.controller.leadership import Leadership, Scope
from tenantproxy_operator.controller.other_operators import NamedLease, OtherOperators
from tenantproxy_operator.controller.write_gate import WriteGate
from tenantproxy_operator.kube.kinds import LEASE, Key
from tenantproxy_operator.kube.lease import LeaseClient
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import LEASE_NAME, LeaderElection

_log = logging.getLogger(__name__)

_LAST_WRITES: Final = 5.0
"""Seconds for which writes that are under way at the end are waited for."""


class Elector:
    """Decides whether this process acts."""

    def __init__(
        self,
        access: KubeAccess,
        scopes: Iterable[Scope],
        settings: LeaderElection,
        metrics: Metrics,
        *,
        program: str,
        on_acquired: Callable[[Scope], None],
        on_lost: Callable[[Scope], None],
        at_rest: Callable[[Scope], bool],
    ) -> None:
        """Prepare for these namespaces, or for all (None alone); the callbacks are those of `Leadership`."""
        scopes = tuple(scopes)
        self._settings = settings
        self._cluster_wide = None in scopes
        # A client of its own: no other call may hold up a renewal, and the gate is for others.
        self._client = KubeClient(access, connections=len(scopes) + 1, program=program)
        self._others = OtherOperators(settings.resource_namespace)
        self._leadership = Leadership(
            {scope: self._lease(scope) for scope in scopes},
            # As client-go's: who it is, for people, and what no other process has had.
            f"{socket.gethostname()}_{secrets.token_hex(8)}",
            settings,
            metrics,
            others=self._others,
            on_acquired=on_acquired,
            on_lost=on_lost,
            at_rest=at_rest,
        )
        self.gate = WriteGate(self._leadership.time_left, time.monotonic)
        """Before each write but those of the Leases."""

    async def run(self) -> None:
        """Take part in the elections until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._cluster_wide:
                group.create_task(self._follow_others())
            else:
                self._others.known.set()
            group.create_task(self._leadership.run())

    async def finish_writes(self) -> None:
        """Let no write begin from now on; return when those under way have ended, or should have."""
        await self.gate.close(_LAST_WRITES)

    async def release(self) -> None:
        """Let another operator go on at once, unless the API server may still get a write of this one."""
        if self.gate.all_answered(self._settings.lease_duration):
            await self._leadership.release()
        else:
            _log.warning("the Lease is not released, because the API server may still get a write; it expires")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _lease(self, scope: Scope) -> LeaseClient:
        key = Key(scope or self._settings.resource_namespace, LEASE_NAME)
        return LeaseClient(self._client, key, timeout=self._settings.renew_deadline / 2)

    async def _follow_others(self) -> None:
        """See who else leads a namespace."""
        name = {"fieldSelector": f"metadata.name={LEASE_NAME}"}
        path = LEASE.path(None)
        await Reflector(self._client, path, NamedLease, self._others, selector=name, partial=False).run()
