"""The reads that a proxy serves, one row for each; routes, default paths and checks are derived from them."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

API_PREFIX: Final = "/api/v1"
"""What the outward paths begin with."""
BUSINESS_UNIT_ID: Final = "businessUnitId"
"""The placeholder of every operation."""
ORDER_ID: Final = "customerOrderId"
"""The placeholder of an operation that reads one order, and the name of the order's id in the answer."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One read: how it is called outwards, and what the documented contract says of the OMS."""

    name: str
    """In the configuration, metrics and logs, and of the contract in `orders.contract`."""
    method: str
    """Outwards, and at the OMS by default. A POST has a body of search criteria."""
    path: str
    """Outwards, below `API_PREFIX`; also where the OMS serves it by default, below its base URL."""
    root: str
    """The pointer to the order, or the list of orders, in the answer: a document with this one member."""

    @cached_property
    def attribute(self) -> str:
        """The name of its attribute in the models of `upstream.operations` and `mapping`."""
        return re.sub(r"(?=[A-Z])", "_", self.name).lower()

    @cached_property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the ids in its path, in their order."""
        return tuple(_PLACEHOLDER.findall(self.path))

    @cached_property
    def reads_one_order(self) -> bool:
        """Whether the answer is the order whose id is in the path."""
        return ORDER_ID in self.placeholders

    @cached_property
    def takes_criteria(self) -> bool:
        """Whether it comes with a body of search criteria."""
        return self.method == "POST"


GET_ORDER: Final = Operation(
    name="getOrder",
    method="GET",
    path=f"/business-units/{{businessUnitId}}/customer-orders/{{{ORDER_ID}}}",
    root="/customerOrder",
)
SEARCH_ORDERS: Final = Operation(
    name="searchOrders",
    method="POST",
    path="/business-units/{businessUnitId}/customer-orders:search",
    root="/customerOrders",
)
OPERATIONS: Final = (GET_ORDER, SEARCH_ORDERS)
