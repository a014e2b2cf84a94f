"""Convert an OMS's response into ours: a light one at once, heavy ones one after another in a thread.

This blocks the event loop for a few milliseconds at most, whatever an OMS answers, and bounds memory to that of
one heavy conversion at a time.
"""

import functools
from typing import Protocol, TypeVar

from tenantproxy.config import Upstream
from tenantproxy.errors import FieldProblem
from tenantproxy.oms import responses
from tenantproxy.oms.outcomes import NO_ORDERS_FOUND
from tenantproxy.oms.pages import Following, Pages, page_of
from tenantproxy.oms.requests.request import Next
from tenantproxy.oms.worker import Worker
from tenantproxy.operations import Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.transform import NO_CRITERIA, Criteria
from tenantproxy.orders.weight import TOO_DENSE, HeavyError, is_too_dense
from tenantproxy.transport.base import UpstreamResponse

T_co = TypeVar("T_co", covariant=True)


class _Convert(Protocol[T_co]):
    """Converts a response; `at_once`: only if that takes a few milliseconds at most."""

    def __call__(self, *, at_once: bool = False) -> T_co: ...


class Converter:
    """Converts responses by one tenant's rules."""

    def __init__(self, upstream: Upstream, mapping: CompiledMapping) -> None:
        self._mapping = mapping
        self._id_match = upstream.operations.get_order.id_match
        self._any_type = upstream.content_type == "any"
        self._worker = Worker("conversion")

    def outward_at_once(
        self,
        operation: Operation,
        response: UpstreamResponse,
        order_id: str | None,
        form: str | None = None,
        criteria: Criteria = NO_CRITERIA,
    ) -> bytes | None:
        """Return the body of our 200, as `outward`, where that takes a few milliseconds at most: nearly always."""
        if response.meaning == NO_ORDERS_FOUND:
            return responses.EMPTY_SEARCH
        responses.check(operation, response, any_type=self._any_type)
        try:
            return responses.outward_body(
                operation, response, self._mapping, self.asked(order_id, form), at_once=True, criteria=criteria
            )
        except HeavyError:
            return None

    async def outward(
        self,
        operation: Operation,
        response: UpstreamResponse,
        order_id: str | None,
        caller: str | None = None,
        *,
        form: str | None = None,
        criteria: Criteria = NO_CRITERIA,
    ) -> bytes:
        """Return the body of our 200 for a response of the OMS; `order_id` is the one asked for, if any.

        `form` is the one by which the OMS was asked, if that is another one; `criteria` is what was searched for.

        Callers take turns at the thread; None stands for no caller. If this is cancelled, a conversion that waits
        for its turn is dropped; one that has begun continues in its thread.

        Raises:
            Problem: The response is anything but a 200 that holds the contract.

        """
        if response.meaning == NO_ORDERS_FOUND:
            return responses.EMPTY_SEARCH
        responses.check(operation, response, any_type=self._any_type)
        asked = self.asked(order_id, form)
        convert = functools.partial(
            responses.outward_body, operation, response, self._mapping, asked, criteria=criteria
        )
        return await self._converted(convert, response, caller)

    def asked(self, order_id: str | None, form: str | None = None) -> responses.Asked | None:
        """Return which order a response must be; None: any."""
        if order_id is None or self._id_match == "off":
            return None
        return responses.Asked(order_id, form, self._id_match == "ignoreCase")

    async def page(
        self,
        operation: Operation,
        response: UpstreamResponse,
        caller: str | None,
        following: Following,
        pages: Pages,
        *,
        criteria: Criteria = NO_CRITERIA,
    ) -> Next:
        """Add a page of a search to its pages; return where the next one is, by `following`.

        Raises:
            Problem: See `outward`; or where the next page is can't be told, or this one has nothing new.

        """
        if response.meaning == NO_ORDERS_FOUND:
            return None
        responses.check(operation, response, any_type=self._any_type)

        def convert(*, at_once: bool = False) -> Next:
            outward = responses.outward_body(
                operation, response, self._mapping, None, at_once=at_once, criteria=criteria
            )
            page = page_of(outward, lambda count: following(response, count))
            pages.add(page)
            return page.following

        return await self._converted(convert, response, caller)

    async def _converted(self, convert: _Convert[T_co], response: UpstreamResponse, caller: str | None) -> T_co:
        try:
            return convert(at_once=True)
        except HeavyError:
            if is_too_dense(response.body):
                raise responses.broken([FieldProblem("", TOO_DENSE)]) from None
        return await self._worker.run(caller, convert)
