"""The reads that a proxy serves, one row for each; routes, default paths and checks are derived from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

API_PREFIX: Final = "/api/v1"
"""What the outward paths begin with."""
ORDER_ID: Final = "customerOrderId"
"""The placeholder of an operation that reads one order, and the name of the order's id in the answer."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_TEMPLATE: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|\{(\w+)\})*")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One read: how it is called outwards, and what the documented contract says of the OMS."""

    name: str
    """In the configuration, metrics and logs, and of the contract in `orders.contract`."""
    method: str
    """Outwards and at the OMS. A POST has a body of search criteria."""
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
        """Whether a body of search criteria is passed on to the OMS."""
        return self.method == "POST"

    def check_path(self, template: str) -> None:
        """Check where an OMS serves the operation, such as `/orders/{customerOrderId}`.

        Raises:
            ValueError: With the problem and the fix: not a path, a placeholder other than `placeholders`, or none
                for the id of the order that is read.

        """
        names = ", ".join(f"{{{name}}}" for name in sorted(self.placeholders))
        if not _TEMPLATE.fullmatch(template):
            raise ValueError(f"is not a path; it starts with / and may hold {names}, but no query, % or space")
        if any(segment in (".", "..") for segment in template.split("/")):
            raise ValueError("has a dot segment; write the path out")
        found = _PLACEHOLDER.findall(template)
        if unknown := sorted(set(found) - set(self.placeholders)):
            raise ValueError(f"has the unknown placeholder {{{unknown[0]}}}; it may hold {names}")
        if self.reads_one_order and ORDER_ID not in found:
            raise ValueError(f"has no {{{ORDER_ID}}}; every order would be the same one")


def fill(template: str, ids: Mapping[str, str]) -> str:
    """Return an operation's path with its placeholders replaced by checked ids."""
    return template.format_map(ids)  # check_path() lets no other braces pass


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
