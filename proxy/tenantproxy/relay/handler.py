"""Take events: verify, read, give them to the OMS, and only then answer.

| what came of it | answer |
| --- | --- |
| taken by the OMS, concerns no order, or a test of the webhook | 204 |
| not ExternalEvents', not readable, too large, of another type | 401, 400, 413, 422 |
| the OMS refused it, failed, could not be asked, or has taken too long | 502, 503, 504 |

ExternalEvents waits for five seconds, and comes again with whatever was not answered by 204.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Hashable
from typing import Final

from tenantproxy.admission import Admission, Ticket, overloaded
from tenantproxy.api import framing
from tenantproxy.api.correlation_ids import CorrelationIds, correlated
from tenantproxy.deadlines import Deadlines
from tenantproxy.logs import fields
from tenantproxy.oms.worker import Worker
from tenantproxy.poslog.intake.reader import Irrelevant, TestEvent
from tenantproxy.problems import Problem
from tenantproxy.relay.delivery import Delivery
from tenantproxy.relay.event_log import EVENTS, EventLog, EventObservation
from tenantproxy.relay.metrics import Outcome, RelayMetrics
from tenantproxy.relay.preparation import Preparation, Prepared, UnreadableEvent
from tenantproxy.relay.requests import Outgoing
from tenantproxy.relay.verification import Verifier
from tenantproxy.server.request import Request, read_body
from tenantproxy.server.response import Response

_log = logging.getLogger(__name__)

PATH: Final = "/events"
_METHOD: Final = "POST"
PATIENCE: Final = 4.5
"""Seconds from an event's head to its answer; ExternalEvents gives up after five."""
_CALLER_GONE: Final = "caller-gone"


class Events:
    """Answers the requests of one tenant's relay."""

    def __init__(
        self,
        *,
        admission: Admission,
        verifier: Verifier,
        preparation: Preparation,
        delivery: Delivery,
        metrics: RelayMetrics,
        max_bytes: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`max_bytes`: of a request's body."""
        self._admission = admission
        self._verifier = verifier
        self._preparation = preparation
        self._delivery = delivery
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._now = now
        self._worker = Worker("events")
        self._deadlines = Deadlines()
        self._correlation_ids = CorrelationIds()
        self._log = EventLog()
        self._delivering: set[asyncio.Task[Response]] = set()

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request, whatever happens.

        A call of the OMS goes on to its end, and is told in log and metrics, also where the caller has gone.
        """
        begun = time.perf_counter() - request.waited
        deadline = asyncio.get_running_loop().time() - request.waited + PATIENCE
        seen = EventObservation(self._correlation_ids.of(request.headers.get("Correlation-Id")), request.method)
        self._metrics.in_flight += 1
        ticket: Ticket | None = None
        try:
            framing.check(request)
            _check_route(request, seen)
            ticket = self._admission.admit(None, observation=seen)
            prepared = await self._prepared(request, ticket, deadline)
        except asyncio.CancelledError:
            seen.caller_gone = True
            self._ended(seen, ticket, begun, "refused", why=_CALLER_GONE)
            raise
        except TimeoutError:
            late = overloaded("The relay is busy with other events.", reason="late")
            return self._failed(seen, ticket, begun, "failed", late)
        except Exception as error:  # noqa: BLE001 - a client always gets an answer
            if isinstance(error, UnreadableEvent):
                seen.event_id = error.event_id
            return self._failed(seen, ticket, begun, "refused", error)
        if not isinstance(prepared.what, Outgoing):
            return self._needless(seen, ticket, begun, prepared.what)
        headers = correlated(prepared.what.headers, request, seen.correlation_id)
        outgoing = prepared.what._replace(headers=headers)
        task = asyncio.create_task(self._delivered(outgoing, seen, ticket, begun, deadline), name="delivery")
        self._delivering.add(task)
        task.add_done_callback(self._delivering.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            seen.caller_gone = True
            raise

    async def finish(self) -> None:
        """Wait for the calls of the OMS whose callers have gone."""
        if self._delivering:
            await asyncio.wait(self._delivering, timeout=PATIENCE)

    def caller_of(self, request: Request) -> Hashable:
        """Return whose turn a request takes where many wait: that of all from its address."""
        return request.peer

    def gone(self, request: Request) -> None:
        """Take note of a request whose caller was gone before it began."""
        seen = EventObservation(self._correlation_ids.of(request.headers.get("Correlation-Id")), request.method)
        seen.caller_gone = True
        self._metrics.in_flight += 1
        self._ended(seen, None, time.perf_counter(), "refused", why=_CALLER_GONE)

    def unparsable(self, problem: Problem) -> Response:
        """Return the answer to what was not a request."""
        seen = EventObservation(self._correlation_ids.new())
        self._metrics.in_flight += 1
        self._ended(seen, None, time.perf_counter(), "refused", problem)
        return Response.of_problem(problem, seen.correlation_id, close=True)

    async def _prepared(self, request: Request, ticket: Ticket, deadline: float) -> Prepared:
        """Return the event in a request, verified and read. Raises Problem."""
        headers = request.headers
        with self._deadlines.at(deadline):  # before the body, of which nobody else need send any
            await self._verifier.check_sender(headers)
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem("malformed-event", "The body has a `Content-Encoding`; an event is sent as it is.")
        left = deadline - asyncio.get_running_loop().time()
        try:
            body = await read_body(request, self._max_bytes, seconds=left, holds=ticket.hold)
        except Problem as problem:
            if problem.code == "payload-too-large":
                raise Problem("event-too-large", problem.detail) from None
            raise
        prepared = self._preparation.at_once(headers, body)
        if prepared is None:
            with self._deadlines.at(deadline):
                work = functools.partial(self._preparation.prepared, headers, body)
                prepared = await self._worker.run(None, work)
        if prepared.signed_over is not None:
            self._metrics.signed(prepared.signed_over)
        return prepared

    def _needless(
        self, seen: EventObservation, ticket: Ticket, begun: float, what: Irrelevant | TestEvent
    ) -> Response:
        """Acknowledge an event that the OMS need not have."""
        seen.event_id = what.event.id
        if isinstance(what, Irrelevant):
            self._ended(seen, ticket, begun, "irrelevant", why=what.why)
        else:
            self._ended(seen, ticket, begun, "test")
        return _taken(seen)

    async def _delivered(
        self, outgoing: Outgoing, seen: EventObservation, ticket: Ticket, begun: float, deadline: float
    ) -> Response:
        """Give the OMS an event, and return the answer."""
        seen.event_id = outgoing.event.id
        seen.orders = outgoing.orders
        try:
            _keep(outgoing, ticket)
            await self._delivery.deliver(ticket, outgoing, deadline)
        except Exception as error:  # noqa: BLE001 - a client always gets an answer
            return self._failed(seen, ticket, begun, "failed", error)
        if outgoing.event.time is not None:
            self._metrics.delivered(max(0.0, self._now() - outgoing.event.time.timestamp()))
        self._ended(seen, ticket, begun, "delivered")
        return _taken(seen)

    def _failed(
        self, seen: EventObservation, ticket: Ticket | None, begun: float, outcome: Outcome, error: Exception
    ) -> Response:
        """Return the answer to an event that was not taken."""
        problem = error
        if not isinstance(problem, Problem):
            _log.error(
                "an event failed unexpectedly", exc_info=error, extra=fields(correlationId=seen.correlation_id)
            )
            problem = Problem("internal-error", "The event failed unexpectedly.")
        if problem.code in ("internal-error", "overloaded"):
            outcome = "failed"
        self._ended(seen, ticket, begun, outcome, problem)
        return Response.of_problem(problem, seen.correlation_id, close=not isinstance(error, Problem))

    def _ended(
        self,
        seen: EventObservation,
        ticket: Ticket | None,
        begun: float,
        outcome: Outcome,
        problem: Problem | None = None,
        *,
        why: str = "",
    ) -> None:
        """Give back what an event has taken, count it, and write its line."""
        if ticket is not None:
            ticket.release()
        now = time.perf_counter()
        self._metrics.in_flight -= 1
        self._metrics.answered(outcome, why if problem is None else problem.reason, now - begun)
        self._log.event_ended(seen, outcome, problem, begun=begun, now=now)


def route_of(method: str, target: str) -> str | None:
    """Return the path of the one thing that is served, for spans; None: a request is for something else."""
    return PATH if method == _METHOD and target.partition("?")[0] == PATH else None


def _check_route(request: Request, seen: EventObservation) -> None:
    """Check that a request is an event's. Raises Problem."""
    if route_of(request.method, request.raw_path) is None:
        if request.raw_path.partition("?")[0] != PATH:
            raise Problem("not-found", f"A relay takes events at {PATH}.")
        raise Problem("method-not-allowed", f"{PATH} accepts {_METHOD} only.", headers={"Allow": _METHOD})
    seen.route = EVENTS


def _keep(outgoing: Outgoing, ticket: Ticket) -> None:
    """Hold what the OMS is to get, twice: as it is, and as it is sent; beside its answer. Raises Problem."""
    if not ticket.keep(2 * len(outgoing.body)):
        raise overloaded("There is no room for the event now.")


def _taken(seen: EventObservation) -> Response:
    return Response(204, headers={"Correlation-Id": seen.correlation_id})
