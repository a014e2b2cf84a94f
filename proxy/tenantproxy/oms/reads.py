"""Read an operation: its requests of the OMS, one after another, and one outward answer of what came.

More than one there are for an order with several forms of its id, until one is found; and for a search with
pages, until the last one or a bound. All of them have one deadline.
"""

import functools
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol, get_args

from tenantproxy.admission import Ticket, overloaded
from tenantproxy.config import Upstream
from tenantproxy.metrics import Metrics
from tenantproxy.oms.conversion import Converter
from tenantproxy.oms.pages import Pages
from tenantproxy.oms.requests.paging import Paging
from tenantproxy.oms.requests.request import OmsRequest, Position
from tenantproxy.operations import Operation
from tenantproxy.orders.transform import NO_CRITERIA, Criteria
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamResponse

Bound = Literal["bytes", "oms", "pages", "time"]
"""Why an answer lacks pages that the OMS has, or may have."""
_NO_ROOM: Final = "The proxy has too many responses in flight."


class Answer(NamedTuple):
    """The outward body of a 200."""

    body: bytes
    cut_by: Bound | None = None
    """None: it is whole."""


class Calls(Protocol):
    """The calls that a read is made of; `OmsClient` makes them."""

    def deadline(self, operation: str) -> float:
        """Return when a read that begins now must have ended, in the loop's time."""
        ...

    def is_over(self, deadline: float) -> bool:
        """Return whether a deadline has passed."""
        ...

    async def read(self, ticket: Ticket, request: OmsRequest, deadline: float | None = None) -> UpstreamResponse:
        """Make one call and return the answer, whatever its status but 401; raises Problem."""
        ...


class Reader:
    """Reads from one tenant's OMS."""

    def __init__(self, upstream: Upstream, converter: Converter, oms: Calls, metrics: Metrics) -> None:
        self._converter = converter
        self._max_bytes = upstream.max_response_bytes
        self._oms = oms
        self._metrics = metrics
        if upstream.operations.search_orders.pages is not None:
            metrics.may_cut(get_args(Bound))

    async def read(
        self,
        operation: Operation,
        requests: Sequence[OmsRequest],
        order_id: str | None,
        ticket: Ticket,
        paging: Paging | None = None,
        *,
        criteria: Criteria = NO_CRITERIA,
    ) -> Answer:
        """Return the answer to a read, held on the ticket; `criteria` are those of a search.

        Raises:
            Problem: There is none. A search's page that is missing or wrong makes all of it fail.

        """
        if paging is None:
            answer = Answer(await self._first_found(operation, requests, order_id, ticket, criteria))
        else:
            answer = await self._all_pages(operation, requests[0], paging, ticket, criteria)
        if not ticket.hold(len(answer.body)):
            raise overloaded(_NO_ROOM)
        return answer

    async def _first_found(
        self,
        operation: Operation,
        requests: Sequence[OmsRequest],
        order_id: str | None,
        ticket: Ticket,
        criteria: Criteria,
    ) -> bytes:
        """Return the outward answer to the first of an order's requests that finds it."""
        deadline = None if len(requests) == 1 else self._oms.deadline(operation.name)
        for request in requests:
            answer = await self._oms.read(ticket, request, deadline)
            form = request.order_id
            try:
                outward = self._converter.outward_at_once(
                    operation, answer, order_id, form=form, criteria=criteria
                )
                if outward is None:
                    outward = await self._converter.outward(
                        operation, answer, order_id, ticket.caller, form=form, criteria=criteria
                    )
            except Problem as problem:
                _discard_unexpected(answer)
                if problem.code != "order-not-found" or request is requests[-1]:
                    raise
            else:
                return outward
        raise AssertionError("there is a last request")

    async def _all_pages(
        self, operation: Operation, request: OmsRequest, paging: Paging, ticket: Ticket, criteria: Criteria
    ) -> Answer:
        """Return the outward answer of a search's pages, up to the bounds."""
        deadline = self._oms.deadline(operation.name)
        pages, here, count = Pages(), paging.first, 1
        received = 0
        cut_by: Bound | None = None
        while True:
            try:
                answer = await self._oms.read(ticket, request, deadline)
            except Problem as problem:
                cut_by = self._bound(problem, deadline) if count > 1 else None
                if cut_by is None:
                    raise _of_page(count, problem) from None
                break
            received += len(answer.body)
            if count > 1 and received > self._max_bytes:
                cut_by = "bytes"
                break
            try:
                following = functools.partial(paging.after, here, request.path)
                behind = await self._converter.page(
                    operation, answer, ticket.caller, following, pages, criteria=criteria
                )
            except Problem as problem:
                _discard_unexpected(answer)
                raise _of_page(count, problem) from None
            if not ticket.keep(pages.size):
                raise overloaded(_NO_ROOM)
            if not isinstance(behind, Position):
                cut_by = behind
                break
            if count == paging.max or self._oms.is_over(deadline):
                cut_by = "pages" if count == paging.max else "time"
                break
            assert request.at is not None  # noqa: S101 - where there are pages
            here, count, request = behind, count + 1, request.at(behind)
        ticket.keep(0)
        if cut_by is not None:
            self._metrics.search_cut(cut_by)
            ticket.observation.cut(cut_by, count)
        return Answer(pages.body(), cut_by)

    def _bound(self, problem: Problem, deadline: float) -> Bound | None:
        """Return the bound that a further page has met; None: it has failed otherwise."""
        if problem.reason == "too-large":
            return "bytes"
        return "time" if self._oms.is_over(deadline) else None


def _of_page(count: int, problem: Problem) -> Problem:
    """Return a problem that names its page, unless that is the first."""
    if count > 1:
        problem.detail = f"{problem.detail} It was page {count} of the search."
    return problem


def _discard_unexpected(answer: UpstreamResponse) -> None:
    """Give up the connection of a 200 that is not as expected: it may be the answer to another request."""
    if answer.status == 200 and answer.meaning is None:  # noqa: PLR2004 - HTTP
        answer.discard_connection()
