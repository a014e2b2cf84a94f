"""The models of `spec.mapping`: how responses of another format are mapped to the documented one.

A rule may hold rules, for lists and objects. A structural schema knows no recursion, so it is unrolled to the
three levels that an order has: order, then items and invoice instructions, then discounts and references.
"""

from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.orders.pointers import DEEPEST
from tenantproxy_operator.api.fields import Constant, Model, Text, cel, invalid
from tenantproxy_operator.api.mapping_rules import mapping_rules

_POINTER: Final = Text(
    pattern=rf"^(/([^~/]|~[01])*){{0,{DEEPEST}}}$",
    problem=f'is not an RFC 6901 pointer of at most {DEEPEST} steps; write /name/name, or "" for the whole',
    longest=512,
)
Pointer = Annotated[str, _POINTER]

_CONST_ALONE: Final = (
    "has `const` together with other sources; a constant needs none of `from`, `each`, `fields`, `values`"
)


def _not_with_const(*others: str) -> dict[str, Any]:
    """Return a schema that refuses `const` with any of `others`: CEL can't see a field that may be of any type."""
    return {"not": {"anyOf": [{"required": ["const", other]} for other in others]}}


class ValueRule(Model):
    """How one output field is made; a field without a rule is taken from the field of the same name."""

    model_config = ConfigDict(json_schema_extra=_not_with_const("from", "values"))
    nullable = frozenset({"const", "default"})

    from_: Pointer | None = Field(
        default=None,
        alias="from",
        description="Where the OMS has the value: an RFC 6901 pointer such as /price/amount, relative to the "
        "object that the enclosing rule (or root) points at. Defaults to the output field's own name.",
    )
    const: Constant = Field(
        default=None,
        description="A fixed value, for what the OMS does not have: a string, a number, true, false. null omits "
        "an optional output field. Excludes from, values, each and fields.",
    )
    values: dict[str, Constant] | None = Field(
        default=None,
        max_length=100,
        description="The OMS's values and the output value of each, such as {open: CREATED, done: FULFILLED}. A "
        "value that is not listed becomes the default; without one it is a contract violation.",
    )
    default: Constant = Field(
        default=None,
        description="The value if the OMS's is absent or null, or is not listed in values.",
    )

    @model_validator(mode="after")
    def _check_const(self) -> Self:
        if "const" in self.model_fields_set and self.model_fields_set & {"from_", "each", "fields", "values"}:
            raise invalid(_CONST_ALONE)
        return self


class _ListRule(ValueRule):
    """A rule for a list or an object."""

    model_config = ConfigDict(
        json_schema_extra={
            **_not_with_const("from", "values", "each", "fields"),
            "x-kubernetes-validations": [
                cel("!(has(self.each) && has(self.from))", "has both each and from; keep one"),
                cel(
                    "!has(self.each) || has(self.fields)",
                    "each needs fields; to take a list as it is, use from",
                    path=".each",
                ),
            ],
        }
    )

    each: Pointer | None = Field(
        default=None,
        description="For an output list: where the OMS has its list, an RFC 6901 pointer as in from. The rules in "
        "fields apply to each element.",
    )

    @model_validator(mode="after")
    def _check_each(self) -> Self:
        if self.each is not None and self.from_ is not None:
            raise invalid("has both `each` and `from`; keep one")
        if self.each is not None and getattr(self, "fields", None) is None:
            raise invalid("has `each` without `fields`; add them, or use `from` to take a list as it is")
        return self


class InnerRule(_ListRule):
    """How one field of an output list's element, or of an output object, is made."""

    fields: dict[str, ValueRule] | None = Field(
        default=None,
        max_length=16,
        description="With each (for a list) or from (for an object): a rule for each output field of the "
        "element or object that differs from the OMS's.",
    )


class Rule(_ListRule):
    """How one output field of an order is made; by default it is taken from the field of the same name."""

    fields: dict[str, InnerRule] | None = Field(
        default=None,
        max_length=16,
        description="With each (for a list) or from (for an object): a rule for each output field of the "
        "element or object that differs from the OMS's.",
    )


class GetOrderMapping(Model):
    """The rules for the response to getOrder."""

    model_config = ConfigDict(json_schema_extra=mapping_rules(GET_ORDER.name, Rule))

    root: Pointer | None = Field(
        default=None,
        description='Where the order is in the OMS\'s response, an RFC 6901 pointer; "" is the whole response. '
        f"Defaults to {GET_ORDER.root}.",
    )
    fields: dict[str, Rule] = Field(
        default_factory=dict,
        max_length=16,
        description="A rule for each output field of the order that differs from the OMS's. A field without a "
        "rule is taken from the field of the same name.",
    )


class SearchOrdersMapping(Model):
    """The rules for the response to searchOrders."""

    model_config = ConfigDict(json_schema_extra=mapping_rules(SEARCH_ORDERS.name, ValueRule))

    root: Pointer | None = Field(
        default=None,
        description='Where the list of orders is in the OMS\'s response, an RFC 6901 pointer; "" is the whole '
        f"response. Defaults to {SEARCH_ORDERS.root}.",
    )
    fields: dict[str, ValueRule] = Field(
        default_factory=dict,
        max_length=16,
        description="A rule for each output field of a found order (customerOrderId, customerId, status) that "
        "differs from the OMS's.",
    )


class Mapping(Model):
    """How the responses of an OMS with a different format are mapped to the documented one."""

    get_order: GetOrderMapping | None = Field(
        default=None, description="For the response to reading one order. Absent: the documented format."
    )
    search_orders: SearchOrdersMapping | None = Field(
        default=None, description="For the response to a search. Absent: the documented format."
    )
