"""The models of `spec.upstream.operations`: how each operation is called at the OMS."""

from typing import Annotated, Any, Literal

from pydantic import Field

from tenantproxy.operations import GET_ORDER, ORDER_ID, SEARCH_ORDERS, Operation
from tenantproxy_operator.api.fields import EMPTY, Model, Text, cel

OperationPath = Annotated[
    str,
    Text(
        pattern=r"^/[A-Za-z0-9._~!$&'()*+,;=:@/{}-]*$",
        problem="is not a path; it starts with / and has no query, % or space",
        longest=512,
    ),
]


def _path_rules(operation: Operation) -> dict[str, Any]:
    """Return what `Operation.check_path` checks."""
    names = "|".join(operation.placeholders)
    said = ", ".join(f"{{{name}}}" for name in sorted(operation.placeholders))
    rules = [
        (
            f"self.matches(r'^([^{{}}]|[{{]({names})[}}])*$')",
            f"has an unknown placeholder; it may hold {said}",
        ),
        ("!self.matches('/[.][.]?(/|$)')", "has a dot segment; write the path out"),
    ]
    if operation.reads_one_order:
        missing = f"has no {{{ORDER_ID}}}; every order would be the same one"
        rules.append((f"self.contains('{{{ORDER_ID}}}')", missing))
    return {"x-kubernetes-validations": [cel(rule, message) for rule, message in rules]}


class Endpoint(Model):
    """Where the OMS serves one operation."""

    path: OperationPath


class OrderEndpoint(Endpoint):
    """Where the OMS serves one order, and what its response must be."""

    path: OperationPath = Field(
        default=GET_ORDER.path,
        description="Path below the base URL. It may contain the placeholders of the default.",
        json_schema_extra=_path_rules(GET_ORDER),
    )
    id_match: Literal["exact", "any"] = Field(
        default="exact",
        description="exact: a response whose customerOrderId is not the requested one is refused, as it may be "
        "another caller's order. any: for an OMS that returns another form of the id, such as without leading "
        "zeros.",
    )


class SearchEndpoint(Endpoint):
    """Where the OMS serves the search of orders."""

    path: OperationPath = Field(
        description="Path below the base URL. It may contain the placeholders of the default, such as "
        "{businessUnitId}.",
        json_schema_extra=_path_rules(SEARCH_ORDERS),
    )


def _call(operation: Operation) -> str:
    """Return an operation's method and placeholders, for its description."""
    names = ", ".join(f"{{{name}}}" for name in operation.placeholders)
    return f"({operation.method}). Placeholder{'s' if len(operation.placeholders) > 1 else ''}: {names}"


class Operations(Model):
    """Where the OMS serves its operations, if not where the documented contract says."""

    get_order: OrderEndpoint = Field(
        default_factory=OrderEndpoint,
        description=f"Read one order {_call(GET_ORDER)}.",
        json_schema_extra=EMPTY,
    )
    search_orders: SearchEndpoint = Field(
        default=SearchEndpoint(path=SEARCH_ORDERS.path),
        description=f"Search orders {_call(SEARCH_ORDERS)}.",
    )
