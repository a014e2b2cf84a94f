"""What is sent to the OMS for one read."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple


class Position(NamedTuple):
    """Where a page of a search is."""

    number: int
    offset: int = 0
    """Elements before it."""
    cursor: str | None = None
    target: str | None = None
    """Path and query below the base URL, where the OMS says them itself."""


Next = Position | Literal["oms"] | None
"""Where the page behind another one is.

None: there is none. `oms`: there is one, as the OMS says, but it gives no more orders, or no way to them.
"""


class OmsRequest(NamedTuple):
    """One read: which operation it is, for limits and metrics, and what is sent, without its authorization."""

    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    order_id: str | None = None
    """The form of the order's id in it, where that is not the caller's."""
    at: "Callable[[Position], OmsRequest] | None" = None
    """Makes the request for another page of the same search, where there are pages."""
