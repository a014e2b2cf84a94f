"""The models of `spec.mapping`: how responses of another format are mapped to the documented one.

A rule may hold rules, for lists and objects. A structural schema knows no recursion, so it is unrolled to the
three levels that an order has: order, then items and invoice instructions, then discounts and references.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS
from tenantproxy.orders.rule_words import (
    MAX_CONDITIONS,
    MAX_NULLS,
    MAX_POINTERS,
    MAX_SCALE,
    MEMBERS_OF_ONE,
    contradictions,
    takes_one_apart,
)
from tenantproxy_operator.api.fields import Constant, Model, invalid
from tenantproxy_operator.api.mapping_parts import (
    Condition,
    ElementCondition,
    Join,
    Part,
    Pick,
    Pointer,
    ScalePointer,
    Table,
    Word,
)
from tenantproxy_operator.api.mapping_rules import mapping_rules, word_rules
from tenantproxy_operator.api.request_texts import CriterionName

_MOST_FIELDS: Final = 16
_FIELDS: Final = (
    "With each (for a list) or from (for an object): a rule for each output field of the element or object that "
    "differs from the OMS's."
)


class _AnyRule(Model):
    """How an output field is made, whatever it is."""

    model_config = ConfigDict(json_schema_extra=word_rules)
    nullable = frozenset({"const", "default"})

    pick: Pick | None = Field(
        default=None,
        description="One element of a list, by what is in it; the rule's pointers then begin there. Such as "
        "{each: /orderRoles, where: [{from: /roleTypeId, in: [PLACING_CUSTOMER]}]}.",
    )
    from_: Pointer | None = Field(
        default=None,
        alias="from",
        description="Where the OMS has the value: an RFC 6901 pointer such as /price/amount, relative to the "
        "object that the enclosing rule (or root) points at. Defaults to the output field's own name.",
    )
    or_from: list[Pointer] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_POINTERS,
        description="Where else, in this order, if there is nothing at from, or null, such as [/email].",
    )
    null_if: list[Word] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NULLS,
        description='What is as good as null at from and orFrom, written as in where: [""] for an empty text, '
        '["0"] for a number that refers to nothing.',
    )
    join: Join | None = Field(
        default=None,
        description="Several of the OMS's texts as one, instead of from, such as {from: [/store, /number], with: "
        '"-"}.',
    )
    const: Constant = Field(
        default=None,
        description="A fixed value, for what the OMS does not have: a string, a number, true, false. null omits "
        "an optional output field. Stands alone in its rule.",
    )
    part: Part | None = Field(
        default=None,
        description='A part of the OMS\'s text, such as {afterLast: "/"}: 17 of /api/customers/17. A text without '
        "the delimiters is a contract violation.",
    )
    values: dict[str, Constant] | None = Field(
        default=None,
        max_length=100,
        description="The OMS's values and the output value of each, such as {open: CREATED, done: FULFILLED}. A "
        "value that is not listed becomes the default; without one it is a contract violation.",
    )
    table: Table | None = Field(
        default=None,
        description="The output value by two or three of the OMS's together, instead of from. Values that "
        "no row names need a row of * alone, or a default.",
    )
    default: Constant = Field(
        default=None,
        description="The value if the OMS's is absent or null, or is not listed in values.",
    )

    @model_validator(mode="after")
    def _check_words(self) -> Self:
        fields = type(self).model_fields
        words = [fields[name].alias or name for name in self.model_fields_set]
        if problem := next(contradictions(words), None):
            raise invalid(f"`{problem.field}` {problem.detail}" if problem.field else problem.detail)
        return self


class SearchRule(_AnyRule):
    """How one output field of a found order is made; by default it is taken from the field of the same name."""

    criterion: CriterionName | None = Field(
        default=None,
        description="The value of a criterion of the search, such as customerId, for a list that does not say "
        "whose orders it has. Needs a default, unless every search has that criterion.",
    )
    as_: Literal["string"] | None = Field(
        default=None,
        alias="as",
        description="string: a number (as it was sent), true or false becomes a text.",
    )


class _AmountRule(_AnyRule):
    """A rule for what may be a number."""

    scale: Annotated[int, Field(ge=0, le=MAX_SCALE)] | None = Field(
        default=None,
        description="For minor units: the point moves this many places to the left, so that 1245 with 2 is "
        "12.45. 0 says that the amount is not in minor units.",
    )
    scale_from: ScalePointer | None = Field(
        default=None,
        description="For minor units: where the OMS says how many places, such as /price/fractionDigits, an "
        "RFC 6901 pointer as in from; or 1/fractionDigits, the member beside the amount, wherever that was found.",
    )
    negate: bool | None = Field(
        default=None,
        description="true: the number's sign changes, for discounts that the OMS has below zero.",
    )


class ValueRule(_AmountRule):
    """How one output field is made; a field without a rule is taken from the field of the same name."""

    as_: Literal["string", "number"] | None = Field(
        default=None,
        alias="as",
        description="string: a number (as it was sent), true or false becomes a text. number: a text such as "
        '"12.50" becomes a number.',
    )


class _ListRule(_AmountRule):
    """A rule for a list or an object."""

    as_: Literal["string", "number", "single"] | None = Field(
        default=None,
        alias="as",
        description="string: a number (as it was sent), true or false becomes a text. number: a text such as "
        '"12.50" becomes a number. single, beside each: one object where the list should be is a list of one.',
    )
    each: Pointer | None = Field(
        default=None,
        description="For an output list: where the OMS has its list, an RFC 6901 pointer as in from. A step * "
        "goes through all elements of a list, or all members of an object: /shipments/*/items. The rules in "
        "fields apply to each element.",
    )
    and_each: list[Pointer] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_POINTERS,
        description="Further lists, whose elements follow, such as [/customLineItems]. One that is absent, or "
        "null, has none; if all are, the output list is absent.",
    )
    within: Literal["object", "document"] | None = Field(
        default=None,
        description="Where each begins: at the object that the rule is for, or at the top of the OMS's "
        "response, where sameAs in where tells which elements belong to the object. Defaults to object.",
    )
    where: list[ElementCondition] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_CONDITIONS,
        description="Only the elements for which all of these hold, such as [{from: /type, in: [product]}].",
    )

    @model_validator(mode="after")
    def _check_lists(self) -> Self:
        for pointer in (self.each or "", *(self.and_each or ())):
            if takes_one_apart(self.as_, pointer):
                raise invalid(f"`each` {MEMBERS_OF_ONE}")
        return self


class InnerRule(_ListRule):
    """How one field of an output list's element, or of an output object, is made."""

    fields: dict[str, ValueRule] | None = Field(default=None, max_length=_MOST_FIELDS, description=_FIELDS)


class Rule(_ListRule):
    """How one output field of an order is made; by default it is taken from the field of the same name."""

    fields: dict[str, InnerRule] | None = Field(default=None, max_length=_MOST_FIELDS, description=_FIELDS)


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
        max_length=_MOST_FIELDS,
        description="A rule for each output field of the order that differs from the OMS's. A field without a "
        "rule is taken from the field of the same name.",
    )


class SearchOrdersMapping(Model):
    """The rules for the response to searchOrders."""

    model_config = ConfigDict(json_schema_extra=mapping_rules(SEARCH_ORDERS.name, SearchRule))

    root: Pointer | None = Field(
        default=None,
        description='Where the list of orders is in the OMS\'s response, an RFC 6901 pointer; "" is the whole '
        "response. A step * goes through all elements of a list, or all members of an object. Defaults to "
        f"{SEARCH_ORDERS.root}.",
    )
    as_: Literal["single"] | None = Field(
        default=None,
        alias="as",
        description="single: one object where the list should be is a list of one.",
    )
    where: list[Condition] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_CONDITIONS,
        description='Only the orders for which all of these hold, such as [{from: /draft, notIn: ["true"]}]. '
        "Not with pages whose end is told by how many orders came: size, total, or more without cursor.",
    )
    fields: dict[str, SearchRule] = Field(
        default_factory=dict,
        max_length=_MOST_FIELDS,
        description="A rule for each output field of a found order (customerOrderId, customerId, status) that "
        "differs from the OMS's.",
    )

    @model_validator(mode="after")
    def _check_root(self) -> Self:
        if takes_one_apart(self.as_, self.root or ""):
            raise invalid(f"`root` {MEMBERS_OF_ONE}")
        return self


class Mapping(Model):
    """How the responses of an OMS with a different format are mapped to the documented one."""

    get_order: GetOrderMapping | None = Field(
        default=None, description="For the response to reading one order. Absent: the documented format."
    )
    search_orders: SearchOrdersMapping | None = Field(
        default=None, description="For the response to a search. Absent: the documented format."
    )
