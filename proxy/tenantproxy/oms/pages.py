"""The pages of a search, put together: outward bytes beside each other, so that what was sent stays as it was.

Pure; what asks for them is `reads`.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from tenantproxy.oms.requests.paging import PageError
from tenantproxy.oms.requests.request import Next
from tenantproxy.operations import ORDER_ID, SEARCH_ORDERS
from tenantproxy.problems import Problem
from tenantproxy.transport.base import UpstreamResponse

Following = Callable[[UpstreamResponse, int], Next]
"""Tell where the page behind a response with so many orders is. Raises PageError."""

_ROOT: Final = SEARCH_ORDERS.root.removeprefix("/")
_START: Final = b'{"%s":[' % _ROOT.encode()
_END: Final = b"]}"
_ID_BYTES: Final = 128
"""About what an order's id takes for itself."""
_orders: Final = msgspec.json.Decoder(msgspec.defstruct("Orders", [(_ROOT, list[Raw])])).decode
_Identified: Final = msgspec.defstruct("Identified", [(ORDER_ID, str)], gc=False)
_identified: Final = msgspec.json.Decoder(msgspec.defstruct("Ids", [(_ROOT, list[_Identified])])).decode  # type: ignore[valid-type]


class Page(NamedTuple):
    """One page, in its outward form."""

    outward: bytes
    ids: list[str]
    following: Next


def page_of(outward: bytes, following: Callable[[int], Next]) -> Page:
    """Return the page of an outward body.

    Raises:
        Problem: Where the next one is can't be told.

    """
    ids = [getattr(each, ORDER_ID) for each in getattr(_identified(outward), _ROOT)]
    try:
        return Page(outward, ids, following(len(ids)))
    except PageError as error:
        raise broken(str(error)) from None


class Pages:
    """The pages of one search so far."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._ids: set[str] = set()
        self.size = 0
        """Bytes that they hold."""

    def add(self, page: Page) -> None:
        """Take another page in, without the orders that an earlier one has: its list moved between the calls.

        Raises:
            Problem: All of its orders are there already.

        """
        known = self._ids
        part = page.outward[len(_START) : -len(_END)]
        if not known.isdisjoint(page.ids):
            orders: list[Raw] = getattr(_orders(page.outward), _ROOT)
            new = [order for order, order_id in zip(orders, page.ids, strict=True) if order_id not in known]
            if not new:
                raise broken("A page has only orders of those before it: the OMS may ignore what `pages` sends.")
            part = b",".join(new)
        if part:
            self._parts.append(part)
        known.update(page.ids)
        self.size += len(part) + _ID_BYTES * len(page.ids)

    def body(self) -> bytes:
        """Return the outward body of all of them."""
        return b"".join((_START, b",".join(self._parts), _END))


def broken(detail: str) -> Problem:
    """Return the problem of pages that can't be followed."""
    return Problem("upstream-contract", detail, reason="pages")
