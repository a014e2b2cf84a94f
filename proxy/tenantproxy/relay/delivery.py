"""Give the OMS an event: one request, by the same credential and the same guards as a proxy's reads."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from tenantproxy.admission import Ticket
from tenantproxy.config import ProxyConfig
from tenantproxy.config_poslog import PoslogDelivery
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.oms.client import OmsClient
from tenantproxy.oms.operation_state import OperationState
from tenantproxy.oms.pause import Pause
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.oms.responses import failure
from tenantproxy.operations import Operation
from tenantproxy.problems import Problem
from tenantproxy.relay.metrics import RelayMetrics
from tenantproxy.relay.requests import Outgoing
from tenantproxy.transport.base import HttpTransport, UpstreamResponse
from tenantproxy.troubles import Trouble

DELIVER_EVENT: Final = "deliverEvent"
"""The operation, in metrics and logs."""
LONGEST_PAUSE: Final = 600.0
"""Seconds: ExternalEvents' last two tries are that far apart, so that one of them comes after any pause."""
_PAUSING: Final = frozenset({429, 503})
"""With `Retry-After`."""
_FORBIDDEN: Final = 403
_GONE: Final = 410
_RATE_LIMITED: Final = 429
_SERVER_ERROR: Final = 500


def oms_client(
    config: ProxyConfig,
    delivery: PoslogDelivery,
    transport: HttpTransport,
    credential: ActiveCredential,
    metrics: RelayMetrics,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> OmsClient:
    """Return the client by which a relay calls the OMS.

    It repeats no call that the OMS has answered: ExternalEvents comes again.
    """
    state = OperationState(_operation(delivery), delivery.path, delivery.timeout_seconds, clock)
    pause = Pause(LONGEST_PAUSE, _PAUSING)
    return OmsClient(config.upstream, transport, credential, metrics, operations=[state], pause=pause, clock=clock)


class Delivery:
    """Gives the OMS events, until it wants no more."""

    def __init__(self, config: PoslogDelivery, oms: OmsClient, metrics: RelayMetrics) -> None:
        self._config = config
        self._oms = oms
        self._metrics = metrics
        self._operation = _operation(config)
        self._stopped = Trouble(
            "poslog-stopped", "the OMS wants no more events (410): none is sent until the relay is restarted", ""
        )
        metrics.show_holds(stopped=lambda: self._stopped.lasts, paused=lambda: oms.is_paused)

    async def deliver(self, ticket: Ticket, outgoing: Outgoing, deadline: float) -> None:
        """Return when the OMS has taken an event; `deadline` is in the loop's time.

        Raises:
            Problem: It has not, or can't be asked now.

        """
        if self._stopped.lasts:
            raise _stopped()
        request = OmsRequest(
            DELIVER_EVENT,
            self._config.method,
            self._config.path,
            outgoing.headers,
            outgoing.body,
        )
        deadline = min(deadline, asyncio.get_running_loop().time() + self._config.timeout_seconds)
        try:
            response = await self._answer(ticket, request, deadline)
        except Problem as problem:
            if ticket.observation.calls:  # else it was not given to the OMS
                self._metrics.delivery_ended(problem.reason)
            raise
        self._metrics.delivery_ended(f"status-{response.status}")
        self._check(response)

    async def _answer(self, ticket: Ticket, request: OmsRequest, deadline: float) -> UpstreamResponse:
        """Return the OMS's answer; where a connection was closed just as the request went out, on another one."""
        try:
            return await self._oms.read(ticket, request, deadline)
        except Problem as problem:
            if problem.reason != "disconnected" or not ticket.observation.connection_reused:
                raise
        return await self._oms.read(ticket, request, deadline)

    def _check(self, response: UpstreamResponse) -> None:
        """Check that an answer says that the event was taken; raises Problem where not."""
        status = response.status
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP
            return
        if status == _GONE:
            self._stopped.begins()
            raise _stopped()
        if status in (_FORBIDDEN, _RATE_LIMITED) or status >= _SERVER_ERROR:
            raise failure(self._operation, response)
        raise Problem("event-refused", f"The OMS answered {status}.", reason=f"status-{status}")


def _operation(config: PoslogDelivery) -> Operation:
    return Operation(name=DELIVER_EVENT, method=config.method, path=config.path, root="")


def _stopped() -> Problem:
    return Problem("poslog-stopped", "The OMS answered 410: it wants no more events.")
