"""Convert an OMS's response into ours: a light one at once, heavy ones one after another in a thread.

This blocks the event loop for a few milliseconds at most, whatever an OMS answers, and bounds memory to that of
one heavy conversion at a time.
"""

import asyncio
import functools
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tenantproxy.config import Upstream
from tenantproxy.errors import FieldProblem
from tenantproxy.oms import responses
from tenantproxy.oms.fair_lock import FairLock
from tenantproxy.operations import Operation
from tenantproxy.orders.mapping import CompiledMapping
from tenantproxy.orders.weight import TOO_DENSE, HeavyError, is_too_dense
from tenantproxy.transport.base import UpstreamResponse

_SWITCH_INTERVAL: Final = 0.0005
"""Seconds after which the thread yields to the loop; CPython's own 5 ms add up, as uvloop asks at each event."""


class Converter:
    """Converts responses by one tenant's rules."""

    def __init__(self, upstream: Upstream, mapping: CompiledMapping) -> None:
        self._mapping = mapping
        self._id_match = upstream.operations.get_order.id_match
        set_interval = functools.partial(sys.setswitchinterval, _SWITCH_INTERVAL)
        self._turn = FairLock()
        self._thread = ThreadPoolExecutor(1, "conversion", initializer=set_interval)

    async def outward(
        self,
        operation: Operation,
        response: UpstreamResponse,
        order_id: str | None,
        caller: str | None = None,
        *,
        form: str | None = None,
    ) -> bytes:
        """Return the body of our 200 for a response of the OMS; `order_id` is the one asked for, if any.

        `form` is the one by which the OMS was asked, if that is another one.

        Callers take turns at the thread; None stands for no caller. If this is cancelled, a conversion that waits
        for its turn is dropped; one that has begun continues in its thread.

        Raises:
            Problem: The response is anything but a 200 that holds the contract.

        """
        responses.check(operation, response)
        body = response.body
        asked = None
        if order_id is not None and self._id_match != "off":
            asked = responses.Asked(order_id, form, self._id_match == "ignoreCase")
        try:
            return responses.outward_body(operation, body, self._mapping, asked, at_once=True)
        except HeavyError:
            if is_too_dense(body):
                raise responses.broken([FieldProblem("", TOO_DENSE)]) from None
        convert = functools.partial(responses.outward_body, operation, body, self._mapping, asked)
        # The thread's own queue would keep the bodies of those who have gone.
        await self._turn.acquire(caller)
        converting = asyncio.get_running_loop().run_in_executor(self._thread, convert)
        converting.add_done_callback(lambda _: self._turn.release())
        try:
            return await asyncio.shield(converting)
        finally:
            del converting  # its error's traceback holds this frame, and all that the conversion made
