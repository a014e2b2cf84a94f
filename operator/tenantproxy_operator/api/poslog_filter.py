"""The models of `spec.poslog.filter`: which store events concern a customer order (docs/poslog.md)."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.config_poslog import Kind
from tenantproxy.poslog.rules import checks, paths
from tenantproxy_operator.api.fields import Model, Text, cel, invalid
from tenantproxy_operator.api.request_texts import ValuePattern, name_rule

_Element = Annotated[
    str,
    Text(
        pattern=f"^{paths.ELEMENT}$",
        problem="is not an element; write its name without a prefix, such as Sale, or the last names of its path, "
        "such as LineItem/Sale",
        longest=paths.MAX_LENGTH,
    ),
]
_IdPath = Annotated[
    str,
    Text(
        pattern=f"^({paths.ID})$",
        problem="is not a path; write names from the element down, such as InventoryReservationID, @Name, "
        "Property[CODE] or . (its own text); with / in front they begin at the transaction",
        longest=paths.MAX_LENGTH,
    ),
]
_TypeCode = Annotated[
    str,
    Text(
        pattern=f"^{paths.TYPE_CODE}$",
        problem="is not a TypeCode; use letters, digits and . _ : -, with a letter or digit in front",
        longest=64,
    ),
]
_RuleName = Annotated[
    str,
    Text(
        pattern=f"^{checks.RULE_NAME}$",
        problem="is not a name; use a-z, 0-9 and -, with a letter or digit at both ends",
        longest=63,
    ),
]
_Word = Annotated[str, Field(min_length=1, max_length=checks.MAX_VALUE_LENGTH)]


class PropertyCondition(Model):
    """A Property of the element."""

    type_code: _TypeCode = Field(description="Its TypeCode.")
    values: list[_Word] = Field(
        default_factory=list, max_length=checks.MAX_VALUES, description="What it may be. Defaults to anything."
    )


class Rule(Model):
    """An element that concerns a customer order, where all that is set here holds for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                name_rule("attributes", f"^{paths.NAME}$", "has a name that no attribute has")
            ]
        }
    )

    name: _RuleName = Field(description="Of the rule, as the document to the OMS has it.")
    element: _Element = Field(
        description="The element's local name, or the last names of its path, such as LineItem/Sale."
    )
    order_id: list[_IdPath] = Field(
        min_length=1,
        max_length=checks.MAX_PATHS,
        description="Paths of the order's id, of which the first that leads to one counts: from the element "
        "NAME/NAME, @ATTRIBUTE, Property[CODE], or . for its own text; with / in front from the transaction.",
    )
    attributes: dict[str, Annotated[list[_Word], Field(min_length=1, max_length=checks.MAX_VALUES)]] = Field(
        default_factory=dict,
        max_length=checks.MAX_ATTRIBUTES,
        description="What its attributes must be, by local name: one of these values.",
    )
    property: PropertyCondition | None = Field(default=None, description="A Property that it must have.")
    kind: Kind | None = Field(default=None, description="What happened to the order. Default: other.")


class PoslogFilter(Model):
    """Which transactions concern a customer order."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.rules) || self.rules.all(one, self.rules.exists_one(each, each.name == one.name))",
                    "has a name twice; change one",
                    path=".rules",
                )
            ]
        }
    )

    training: bool | None = Field(
        default=None, description="Whether transactions of a till in training mode count. Default: false."
    )
    order_id_pattern: ValuePattern | None = Field(
        default=None,
        description="What an order's id is, such as #?[0-9]{1,10}: a regular expression of the whole id, as "
        "idPattern. What is found with another one concerns no order. Defaults to any text.",
    )
    rules: list[Rule] = Field(
        default_factory=list,
        max_length=checks.MAX_RULES,
        description="Which elements concern a customer order. Defaults to those of the published schema "
        "(docs/poslog.md).",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise invalid("has `rules` of one name; change one")
        return self
