"""The tenant's OMS: one read from its admission to its answer, within the bounds that protect the OMS."""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from tenantproxy.admission import Bulkhead, Ticket
from tenantproxy.config import Upstream
from tenantproxy.credentials.active import ActiveCredential
from tenantproxy.credentials.authorizer import Authorization
from tenantproxy.credentials.grant import Grant
from tenantproxy.deadlines import TICK, Deadlines
from tenantproxy.debugging import DEBUG_LOG
from tenantproxy.oms import call_lines
from tenantproxy.oms.call_metrics import CallMetrics
from tenantproxy.oms.decoding import is_plain
from tenantproxy.oms.interpreter import Interpreter
from tenantproxy.oms.operation_state import OperationState
from tenantproxy.oms.outcomes import is_failure, rejects_credential
from tenantproxy.oms.pause import Pause
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.oms.responses import asked_pause, failure, timed_out, unanswered
from tenantproxy.oms.retry import RetryPolicy
from tenantproxy.operations import OPERATIONS
from tenantproxy.problems import Problem, retry_after
from tenantproxy.transport.base import HttpTransport, UpstreamError, UpstreamResponse
from tenantproxy.troubles import Trouble

_OMS_IS_WORKING: Final = frozenset({"overloaded", "too-large"})
"""Failures of a call that are no sign of a failing OMS."""


class _OvertakenError(Exception):
    """A request waited for a connection, and meanwhile its credential was rejected or replaced."""


class OmsClient:
    """Calls the tenant's OMS: a proxy reads from it, a relay gives it events."""

    def __init__(
        self,
        config: Upstream,
        transport: HttpTransport,
        credential: ActiveCredential,
        metrics: CallMetrics,
        *,
        operations: Iterable[OperationState] | None = None,
        pause: Pause | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; without other `operations` they are the reads, as configured, with the reads' pauses."""
        self._transport = transport
        self._credential = credential
        self._metrics = metrics
        self._clock = clock
        self._interpreter = Interpreter(config.max_response_bytes)
        self._deadlines = Deadlines()
        self._pause = pause or Pause()
        self._pausing = Trouble(
            "circuit-open", "the OMS asked for a pause", "the OMS asks for no further pause", clock=clock
        )
        if operations is None:
            operations = [OperationState.of(config, each, clock) for each in OPERATIONS]
        self._operations = {each.operation.name: each for each in operations}
        for name, operation in self._operations.items():
            self._metrics.show_circuit(name, operation.state)

    def bulkhead(self, operation: str) -> Bulkhead | None:
        """Return what bounds an operation's requests, beyond what bounds all; None: nothing."""
        return self._operations[operation].bulkhead

    def deadline(self, operation: str) -> float:
        """Return when a read that begins now must have ended, in the loop's time."""
        return asyncio.get_running_loop().time() + self._operations[operation].timeout_seconds

    @property
    def is_held(self) -> bool:
        """Whether the OMS has asked for a pause, or an operation fails so often that it is not asked."""
        return self.is_paused or any(operation.state() != "closed" for operation in self._operations.values())

    @property
    def is_paused(self) -> bool:
        """Whether the OMS has asked for a pause."""
        return self._pause.remaining(self._clock()) > 0

    @staticmethod
    def is_over(deadline: float) -> bool:
        """Return whether a deadline has passed."""
        return deadline <= asyncio.get_running_loop().time()

    async def read(self, ticket: Ticket, request: OmsRequest, deadline: float | None = None) -> UpstreamResponse:
        """Make one read and return the OMS's answer, whatever its status but 401; it is counted on the ticket.

        `deadline` is that of several reads together, if there are more.

        Raises:
            Problem: There is no answer, or the OMS may not be asked now.

        """
        if (left := self._pause.remaining(self._clock())) > 0:
            raise Problem("circuit-open", "The OMS asked for a pause.", headers=retry_after(left), reason="pause")
        operation = self._operations[request.operation]
        circuit = operation.admit()
        if circuit == "refuse":
            pause = retry_after(operation.remaining())
            raise Problem("circuit-open", "The OMS failed too often.", headers=pause)
        grant: Grant | None = None
        try:
            seconds = operation.timeout_seconds
            with self._deadlines.at(self.deadline(request.operation) if deadline is None else deadline):
                grant = self._credential.at_hand() or await self._credential.authorize(seconds)
                return await self._attempt(ticket, request, grant, operation)
        except TimeoutError:
            if grant is None:
                raise self._credential.timed_out(seconds + TICK) from None
            if circuit == "probe":  # any other call is recorded once the OMS has had its time
                operation.failed("upstream-timeout")
            raise timed_out() from None
        except UpstreamError as error:
            raise unanswered(error.reason) from None
        finally:
            if circuit == "probe":
                operation.release()

    async def try_out(
        self,
        transport: HttpTransport,
        ticket: Ticket,
        request: OmsRequest,
        authorization: Authorization,
        credential: str,
    ) -> UpstreamResponse:
        """Make one call on a transport of its own: none of what guards the reads is asked, or told of it.

        `credential` is the type of what is tried.

        Raises:
            Problem: There is no answer, or it rejects the authorization.

        """
        operation = self._operations[request.operation]
        headers = {**request.headers, **authorization.headers}
        start = self._clock()

        def tell(outcome: UpstreamResponse | UpstreamError | None) -> None:
            self._tell(request, operation, (credential, "trial"), outcome, start, ticket)

        try:
            async with asyncio.timeout(operation.timeout_seconds):
                try:
                    response = await transport.request(
                        request.method, request.path, headers, request.body, ticket=ticket
                    )
                except UpstreamError as error:
                    tell(error.with_traceback(None))  # as in `_send`
                    raise unanswered(error.reason) from None
                except BaseException:
                    tell(None)
                    raise
                tell(response)
                response = await self._interpreter.interpreted(response, operation.meaning, ticket)
        except TimeoutError:
            raise timed_out() from None
        except UpstreamError as error:
            raise unanswered(error.reason) from None
        if rejects_credential(response):
            raise Problem(
                "upstream-rejected-credentials",
                f"The OMS rejected the credential ({response.status}).",
                reason=f"status-{response.status}",
            )
        return response

    async def _attempt(
        self, ticket: Ticket, request: OmsRequest, grant: Grant, operation: OperationState
    ) -> UpstreamResponse:
        """Send the request as often as the retry policy says; raise where the last attempt brought no answer."""
        retry = RetryPolicy(operation.retries)
        try:
            while True:
                try:
                    outcome = await self._send(ticket, request, grant, operation)
                except _OvertakenError:
                    grant = await self._credential.authorize(operation.timeout_seconds)
                    continue
                step = retry.after(outcome)
                if step == "done":
                    break
                if step == "send again":
                    continue
                newer = None
                if step == "reauthenticate":
                    newer = await self._credential.reauthenticate(grant, operation.timeout_seconds)
                if newer is None:
                    raise self._credential.rejected(grant)
                grant = newer
            if isinstance(outcome, UpstreamError):
                self._credential.failed(grant, unanswered(outcome.reason))
                raise unanswered(outcome.reason)
            self._learn(grant, outcome, operation)
            return outcome
        finally:
            self._credential.ended(grant)

    def _learn(self, grant: Grant, response: UpstreamResponse, operation: OperationState) -> None:
        """Take note of what an answer says of the credential that is no rejection."""
        if is_failure(response.status, response.meaning):
            self._credential.failed(grant, failure(operation.operation, response))
        else:
            self._credential.accepted(grant)

    async def _send(
        self, ticket: Ticket, request: OmsRequest, grant: Grant, operation: OperationState
    ) -> UpstreamResponse | UpstreamError:
        """Make one call and record how it went, also where its caller has gone before it ended.

        Raises _OvertakenError: When its turn came, the credential could not be used any more.
        """

        def before() -> None:
            if not self._credential.may_be_sent(grant):
                raise _OvertakenError
            grant.in_flight = True

        def tell(outcome: UpstreamResponse | UpstreamError | None) -> None:
            seconds = self._tell(request, operation, grant, outcome, start, ticket)
            self._metrics.upstream_called(request.operation, seconds)

        start = self._clock()
        ticket.observation.connection_reused = None
        if ticket.held:
            ticket.hold(0)  # what came of an earlier call is of no use any more, or is kept
        try:
            response = await self._transport.request(
                request.method,
                request.path,
                {**request.headers, **grant.authorization.headers},
                request.body,
                ticket=ticket,
                drain_seconds=operation.timeout_seconds,
                on_drained=functools.partial(self._drained, operation, grant),
                before=before,
            )
        except UpstreamError as error:
            tell(error.with_traceback(None))  # which holds this frame, which holds the error
            grant.in_flight = False
            if error.reason not in _OMS_IS_WORKING:
                operation.record(None, reason=error.reason)
            return error
        except BaseException:
            tell(None)
            raise
        tell(response)
        grant.in_flight = False
        if operation.meaning is not None or not is_plain(response.body):
            response = await self._interpreter.interpreted(response, operation.meaning, ticket)
        operation.record(response.status, response.meaning)
        self._heed_pause(response)
        return response

    def _heed_pause(self, response: UpstreamResponse) -> None:
        if seconds := asked_pause(response, self._pause.statuses):
            self._pause.begin(self._clock(), seconds)
            self._pausing.begins("pause")
        elif self._pausing.lasts:
            self._pausing.ends()

    def _tell(
        self,
        request: OmsRequest,
        operation: OperationState,
        by: Grant | tuple[str, str],
        outcome: UpstreamResponse | UpstreamError | None,
        start: float,
        ticket: Ticket,
    ) -> float:
        """Take note of a call that has ended, for the log; return the seconds that it took."""
        seconds = self._clock() - start
        ticket.observation.called(outcome.status if isinstance(outcome, UpstreamResponse) else None, seconds)
        if DEBUG_LOG.isEnabledFor(logging.DEBUG):
            credential = by if isinstance(by, tuple) else (by.use.credential.type, by.way.name)
            call_lines.write(request, operation.path, credential, outcome, seconds, ticket.observation)
        return seconds

    def _drained(self, operation: OperationState, grant: Grant, status: int | None) -> None:
        """Take note of how a call ended whose caller had gone before."""
        grant.in_flight = False
        if status is None:
            operation.record(None, reason="upstream-timeout")
            self._credential.failed(grant, timed_out())
        else:
            response = UpstreamResponse(status, {}, b"")
            if operation.meaning is not None:
                response = response._replace(meaning=operation.meaning(response))
            operation.record(status, response.meaning)
            if rejects_credential(response):
                self._credential.rejected(grant)
            else:
                self._learn(grant, response, operation)
        self._credential.ended(grant)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
