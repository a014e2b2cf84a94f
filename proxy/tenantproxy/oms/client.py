"""The tenant's OMS: one read from its admission to its answer, within the bounds that protect the OMS."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tenantproxy.admission import Ticket, overloaded
from tenantproxy.config import Upstream
from tenantproxy.credentials.active import ActiveCredential, Grant
from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.metrics import Metrics
from tenantproxy.oms.circuit_breaker import CircuitBreaker
from tenantproxy.oms.retry import RetryPolicy
from tenantproxy.problems import Problem, retry_after
from tenantproxy.transport.base import (
    FORWARD_PROXY_FAILED,
    UNREACHABLE,
    HttpTransport,
    UpstreamError,
    UpstreamResponse,
)

_SERVER_ERROR: Final = 500
_OMS_IS_WORKING: Final = frozenset({"overloaded", "too-large"})
"""Failures of a call that are no sign of a failing OMS."""


class OmsRequest(NamedTuple):
    """One read: which operation it is, for the metrics, and what is sent, without its authorization."""

    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


class OmsClient:
    """Reads from the tenant's OMS."""

    def __init__(
        self,
        config: Upstream,
        transport: HttpTransport,
        credential: ActiveCredential,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._transport = transport
        self._credential = credential
        self._metrics = metrics
        self._clock = clock
        self._circuit = CircuitBreaker()
        self._metrics.show_circuit(lambda: self._circuit.state)

    async def read(self, ticket: Ticket, request: OmsRequest) -> UpstreamResponse:
        """Make one read and return the OMS's answer, whatever its status but 401; it is counted on the ticket.

        Raises:
            Problem: There is no answer, or the OMS may not be asked now.

        """
        circuit = self._circuit.admit(self._clock())
        if circuit == "refuse":
            pause = retry_after(self._circuit.remaining(self._clock()))
            raise Problem("circuit-open", "The OMS failed too often.", headers=pause)
        grant: Grant | None = None
        try:
            async with asyncio.timeout(self._config.timeout_seconds):
                grant = await self._credential.authorize()
                return await self._attempt(ticket, request, grant)
        except TimeoutError:
            if grant is None:
                raise self._credential.timed_out() from None
            if circuit == "probe":  # any other call is recorded once the OMS has had its time
                self._circuit.failed(self._clock())
            raise Problem("upstream-timeout", "The OMS did not answer in time.") from None
        except UpstreamError as error:
            raise _unanswered(error) from None
        finally:
            if circuit == "probe":
                self._circuit.release()

    async def _attempt(self, ticket: Ticket, request: OmsRequest, grant: Grant) -> UpstreamResponse:
        """Send the request as often as the retry policy says; raise where the last attempt brought no answer."""
        authorization = grant.authorization
        retry = RetryPolicy(self._config.retries)
        try:
            while True:
                outcome = await self._send(ticket, request, authorization)
                step = retry.after(outcome)
                if step == "done":
                    break
                if step == "send again":
                    continue
                newer = None
                if step == "reauthenticate":
                    newer = await self._credential.reauthenticate(authorization)
                if newer is None:
                    raise self._credential.rejected(authorization)
                authorization = newer
            if isinstance(outcome, UpstreamError):
                raise outcome
            if outcome.status < _SERVER_ERROR:
                self._credential.accepted(grant)
            return outcome
        finally:
            if grant.is_probe:
                self._credential.probe_ended()

    async def _send(
        self, ticket: Ticket, request: OmsRequest, authorization: Authorization
    ) -> UpstreamResponse | UpstreamError:
        """Make one call and record how it went, also where its caller has gone before it ended."""
        start = self._clock()
        if ticket.held:
            ticket.hold(0)  # what came of an earlier call is of no use any more
        try:
            response = await self._transport.request(
                request.method,
                request.path,
                {**request.headers, **authorization.headers},
                request.body,
                ticket=ticket,
                drain_seconds=self._config.timeout_seconds,
                on_drained=self._record,
            )
        except UpstreamError as error:
            if error.reason not in _OMS_IS_WORKING:
                self._record(None)
            return error
        finally:
            self._metrics.upstream_called(request.operation, self._clock() - start)
        self._record(response.status)
        return response

    def _record(self, status: int | None) -> None:
        """Tell the circuit breaker how a call ended, also one whose caller had gone; None: no answer."""
        if status is None or status >= _SERVER_ERROR:
            self._circuit.failed(self._clock())
        else:
            self._circuit.succeeded()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


def _unanswered(error: UpstreamError) -> Problem:
    if error.reason == "overloaded":
        return overloaded("The proxy has too many responses in flight.")
    if error.reason in FORWARD_PROXY_FAILED:
        return Problem(
            "forward-proxy-error",
            f"No connection through the forward proxy ({error.reason}).",
            reason=error.reason,
        )
    if error.reason in UNREACHABLE:
        return Problem("upstream-unreachable", f"No connection to the OMS ({error.reason}).", reason=error.reason)
    return Problem("upstream-error", f"The OMS sent no complete response ({error.reason}).", reason=error.reason)
