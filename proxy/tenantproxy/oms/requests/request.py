"""What is sent to the OMS for one read."""

from collections.abc import Mapping
from typing import NamedTuple


class OmsRequest(NamedTuple):
    """One read: which operation it is, for limits and metrics, and what is sent, without its authorization."""

    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    order_id: str | None = None
    """The form of the order's id in it, where that is not the caller's."""
