"""Takes part in the elections: holds the Lease of each namespace that the operator watches, or the one of all.

An operator that watches namespaces holds a Lease in each, so that two of which the namespaces overlap never act on
the same TenantProxy. Who holds none yet tries to get the first only, so that of two replicas one has them all. A
namespace that is missing, or whose Leases are forbidden, holds up no other one. An operator that watches all
namespaces leaves those to others of which there are such Leases.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from tenantproxy.kube.api import KubeError, StatusError
from tenantproxy_operator.controller.election import Election, Read, Write
from tenantproxy_operator.controller.other_operators import OtherOperators
from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.kube.lease import ConflictError
from tenantproxy_operator.kube.objects import LeaseRecord, StoredLease
from tenantproxy_operator.metrics import Metrics
from tenantproxy_operator.settings import JITTER, LeaderElection

_log = logging.getLogger(__name__)

_REFUSALS: Final = (403, 404)
"""Statuses of a Lease that can't be had: no right, or no such namespace."""
_MOST_CONFLICTS: Final = 3
"""In one round: others write the Lease at the same time."""

Scope = str | None
"""What is led: a namespace, or all (None)."""


class LeaseStore(Protocol):
    """One Lease, as `kube.lease.LeaseClient`."""

    key: Key

    async def read(self) -> StoredLease | None:
        """Return the Lease; None where there is none."""
        ...

    async def write(self, record: LeaseRecord, version: str | None) -> StoredLease:
        """Change the Lease of this version, None: create it; return it."""
        ...


class _Candidacy:
    """For one Lease."""

    def __init__(self, scope: Scope, client: LeaseStore, election: Election) -> None:
        self.scope = scope
        self.client = client
        self.election = election
        self.led = False
        """Whether it was led after the last round."""
        self.winding_down = False
        """Whether it was led, and some of what was begun then may not have ended."""
        self.refused = False
        """Whether the API server did not let us have it in the last round."""
        self.said = ""
        """What was logged last, for nothing to be logged every two seconds."""

    def say(self, level: int, text: str) -> None:
        """Log a text, unless it is the same as the last one."""
        if text != self.said:
            self.said = text
            _log.log(level, "%s", text)


class Leadership:
    """All elections of one operator process."""

    def __init__(
        self,
        leases: Mapping[Scope, LeaseStore],
        identity: str,
        settings: LeaderElection,
        metrics: Metrics,
        *,
        others: OtherOperators,
        on_acquired: Callable[[Scope], None],
        on_lost: Callable[[Scope], None],
        at_rest: Callable[[Scope], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; no other process has ever had this `identity`.

        `on_acquired` is called when a scope may be written, `on_lost` when it may no longer. This process tries to
        get it again only when `at_rest` says that nothing is done for it any more.
        """
        self._settings = settings
        self._metrics = metrics
        self._others = others
        self._left_to_others: set[str] = set()
        self._on_acquired = on_acquired
        self._on_lost = on_lost
        self._at_rest = at_rest
        self._clock = clock
        self._candidacies = {
            scope: _Candidacy(scope, client, Election(identity, settings)) for scope, client in leases.items()
        }
        for scope in self._candidacies:
            metrics.set_leader(scope, leads=False)

    def time_left(self, namespace: str) -> float:
        """Return for how many seconds this process may write to a namespace; none or fewer: it must not."""
        candidacy = self._candidacies.get(namespace) or self._candidacies.get(None)
        if candidacy is None or self._others.lead(namespace):
            return 0.0
        return candidacy.election.time_left(self._clock())

    async def run(self) -> None:
        """Take part until cancelled."""
        await self._others.known.wait()
        while True:
            await self._round()
            await asyncio.sleep(self._pause())

    async def release(self) -> None:
        """Give up all Leases, for another operator to go on at once; nothing may be written from now on."""
        await asyncio.gather(*(self._release(each) for each in self._candidacies.values()))

    async def _round(self) -> None:
        """Try to get or renew each Lease; say what has come of it."""
        everyone = list(self._candidacies.values())
        leading = any(self._has(each) for each in everyone)
        first = next((each for each in everyone if not each.refused), None)
        for each in everyone:
            each.winding_down = each.winding_down and not self._at_rest(each.scope)
        wanted = [each for each in everyone if leading or each is first or each.refused]
        await asyncio.gather(*(self._try(each) for each in wanted if not each.winding_down))
        for each in everyone:
            if self._has(each) != each.led:
                self._change(each)
        self._see_others()

    def _has(self, candidacy: _Candidacy) -> bool:
        return candidacy.election.time_left(self._clock()) > 0

    async def _try(self, candidacy: _Candidacy) -> None:
        """Try to get or renew a Lease, once."""
        left = candidacy.election.time_left(self._clock())
        candidacy.refused = False
        try:
            # What is noticed late is done late; for the leader to write no more, nothing has to be noticed.
            async with asyncio.timeout(left if left > 0 else None):
                await self._exchange(candidacy)
        except TimeoutError:
            candidacy.say(logging.WARNING, f"{self._named(candidacy)} could not be renewed in time")
        except StatusError as error:
            candidacy.refused = error.status in _REFUSALS
            hint = "; apply what `tenantproxy-operator rbac` prints" if candidacy.refused else ""
            candidacy.say(logging.ERROR, f"{self._named(candidacy)} can't be had: {error}{hint}")
        except KubeError as error:
            candidacy.say(logging.WARNING, f"{self._named(candidacy)} can't be read or renewed: {error}")

    async def _exchange(self, candidacy: _Candidacy) -> None:
        election = candidacy.election
        for _ in range(2 * _MOST_CONFLICTS):
            request = election.next_request(self._clock(), _now())
            if request is None:
                candidacy.say(logging.INFO, f"standing by: {self._named(candidacy)} is held by {election.holder}")
                return
            if await self._send(candidacy, request):
                return

    async def _send(self, candidacy: _Candidacy, request: Read | Write) -> bool:
        """Make a request, and tell the election what came of it; return whether the Lease was written."""
        election, begun = candidacy.election, self._clock()
        try:
            if isinstance(request, Read):
                election.on_read(await candidacy.client.read(), self._clock())
                return False
            lease = await candidacy.client.write(request.record, request.version)
        except ConflictError:
            election.on_conflict()
            return False
        election.on_written(lease, begun, self._clock())
        return True

    def _change(self, candidacy: _Candidacy) -> None:
        """Say that a scope is led from now on, or no longer."""
        candidacy.led = not candidacy.led
        self._metrics.set_leader(candidacy.scope, leads=candidacy.led)
        if candidacy.led:
            candidacy.say(logging.INFO, f"leading: {self._named(candidacy)} is held by this process")
            self._on_acquired(candidacy.scope)
        else:
            candidacy.say(logging.WARNING, f"no longer leading: {self._named(candidacy)} was lost")
            candidacy.winding_down = True
            self._on_lost(candidacy.scope)

    def _see_others(self) -> None:
        """Say which namespaces are led by other operators from now on, or no longer."""
        now = self._others.namespaces()
        for namespace in sorted(now - self._left_to_others):
            _log.warning("namespace %s is left to the operator that holds the Lease there", namespace)
            self._on_lost(namespace)
        for namespace in sorted(self._left_to_others - now):
            _log.info("no other operator leads namespace %s any more", namespace)
            self._on_acquired(namespace)
        self._left_to_others = now

    async def _release(self, candidacy: _Candidacy) -> None:
        self._metrics.set_leader(candidacy.scope, leads=False)
        try:
            # The last renewal may have been interrupted, and have changed the Lease.
            for _ in range(2 * _MOST_CONFLICTS):
                request = candidacy.election.release(_now())
                if request is None or await self._send(candidacy, request):
                    return
        except KubeError as error:
            _log.warning("%s could not be released; it expires: %s", self._named(candidacy), error)

    def _pause(self) -> float:
        """Return the seconds before the next round: never past the end of what is held."""
        period = self._settings.retry_period
        left = [each.election.time_left(self._clock()) for each in self._candidacies.values()]
        held = [seconds for seconds in left if seconds > 0]
        # Candidates don't all ask at the same moment.
        return min([period, *held]) if held else period * random.uniform(1, JITTER)  # noqa: S311 - no secret

    @staticmethod
    def _named(candidacy: _Candidacy) -> str:
        return f"the Lease {candidacy.client.key}"


def _now() -> str:
    """Return the time as a Lease has it (`metav1.MicroTime`)."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
