"""The parts of a mapping's rule: pointers, conditions, and the words that have words of their own."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from tenantproxy.orders.pointers import BESIDE, DEEPEST
from tenantproxy.orders.rule_words import MAX_CONDITIONS, MAX_POINTERS
from tenantproxy.orders.rules.table import MAX_ROWS
from tenantproxy_operator.api.fields import Constant, Model, Schema, Text, cel, invalid

_LONGEST_POINTER: Final = 512
_POINTER: Final = Text(
    pattern=rf"^(/([^~/]|~[01])*){{0,{DEEPEST}}}$",
    problem=f'is not an RFC 6901 pointer of at most {DEEPEST} steps; write /name/name, or "" for the whole',
    longest=_LONGEST_POINTER,
)
Pointer = Annotated[str, _POINTER]
ScalePointer = Annotated[
    str,
    Text(
        pattern=rf"^((/([^~/]|~[01])*){{0,{DEEPEST}}}|{BESIDE})$",
        problem=f"is not an RFC 6901 pointer of at most {DEEPEST} steps; write /name/name, or 1/name for a member "
        "beside the amount",
        longest=_LONGEST_POINTER,
    ),
]
Word = Annotated[str, Field(max_length=256)]
"""A value of the OMS, as `orders.words` compares it."""
Delimiter = Annotated[str, Field(min_length=1, max_length=64)]


def _one_of(*words: str) -> Schema:
    """Return the CEL rule that exactly one of these words is there."""
    there = ", ".join(f"has(self.{escaped(word)})" for word in words)
    return cel(f"[{there}].exists_one(each, each)", f"needs one of {_listed(words)}, and only one")


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def escaped(word: str) -> str:
    """Return a field's name as CEL has it: its own words stand between underscores."""
    return f"__{word}__" if word in ("as", "const", "in") else word


class Condition(Model):
    """What must be so at a pointer."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_one_of("in", "notIn", "absent")]})

    from_: Pointer = Field(
        alias="from",
        description="Where to look, such as /roleTypeId: an RFC 6901 pointer from the element of the list.",
    )
    in_: list[Word] | None = Field(
        default=None,
        alias="in",
        min_length=1,
        max_length=32,
        description="The value is one of these, such as [PLACING_CUSTOMER]. Numbers, true and false in quotes: "
        '["5", "true"]; a number is compared by its value, so that 5.0 is "5".',
    )
    not_in: list[Word] | None = Field(
        default=None,
        min_length=1,
        max_length=32,
        description="The value is none of these, such as [canceled], or there is nothing. Written as in in.",
    )
    absent: bool | None = Field(
        default=None,
        description="true: there is nothing, or null, such as {from: /parent_item_id, absent: true}. false: "
        "there is something.",
    )

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        words = [str(field.alias or name) for name, field in type(self).model_fields.items() if name != "from_"]
        given = [name for name in type(self).model_fields if name != "from_" and getattr(self, name) is not None]
        if len(given) != 1:
            raise invalid(f"needs one of {_listed(tuple(f'`{word}`' for word in words))}, and only one")
        return self


class ElementCondition(Condition):
    """What must be so of a list's element."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [_one_of("in", "notIn", "absent", "sameAs")]}
    )

    same_as: Pointer | None = Field(
        default=None,
        description="The value is that at this pointer of the object that the rule is for, such as {from: /id, "
        "sameAs: /relationships/customer/data/id}.",
    )


class Pick(Model):
    """One element of a list, found by what is in it."""

    each: Pointer = Field(
        description="Where the list is, such as /orderRoles: an RFC 6901 pointer as in from, in which a step * "
        "goes through all elements of a list, or all members of an object.",
    )
    where: list[ElementCondition] = Field(
        min_length=1,
        max_length=MAX_CONDITIONS,
        description="The first element for which all of these hold is taken, such as [{from: /roleTypeId, in: "
        "[PLACING_CUSTOMER]}].",
    )
    within: Literal["object", "document"] | None = Field(
        default=None,
        description="Where each begins: at the object that the rule is for, or at the top of the OMS's "
        "response, as for JSON:API's /included. Defaults to object.",
    )


class Join(Model):
    """A text of several."""

    from_: list[Pointer] = Field(
        alias="from",
        min_length=2,
        max_length=MAX_POINTERS,
        description="Where the texts are, such as [/store, /number]: RFC 6901 pointers. If one is absent, so "
        "is the whole.",
    )
    with_: Annotated[str, Field(max_length=16)] | None = Field(
        default=None, alias="with", description='What stands between them, such as "-". Defaults to nothing.'
    )


class Part(Model):
    """A part of a text."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.after) || !has(self.afterLast)", "has both after and afterLast; keep one"),
                cel(
                    "has(self.after) || has(self.afterLast) || has(self.before)",
                    "is empty; say what the part is after, afterLast or before",
                ),
            ]
        }
    )

    after: Delimiter | None = Field(
        default=None,
        description='What stands before it, the first of them, such as "ORDER-" in ORDER-17.',
    )
    after_last: Delimiter | None = Field(
        default=None,
        description='What stands before it, the last of them, such as "/" in /api/v2/customers/17.',
    )
    before: Delimiter | None = Field(
        default=None,
        description='What stands behind it, the first of them, such as ":" in 17:3.',
    )

    @model_validator(mode="after")
    def _check_delimiters(self) -> Self:
        if self.after is not None and self.after_last is not None:
            raise invalid("has both `after` and `afterLast`; keep one")
        if not self.model_fields_set:
            raise invalid("is empty; say what the part is `after`, `afterLast` or `before`")
        return self


Cell = Annotated[Word | None, WithJsonSchema({"type": "string", "maxLength": 256, "nullable": True})]
"""A word, or null for nothing."""


class TableRow(Model):
    """A row of a table."""

    nullable = frozenset({"value"})

    when: list[Annotated[Word | None, WithJsonSchema({"type": "string", "maxLength": 256, "nullable": True})]] = (
        Field(
            min_length=2,
            max_length=3,
            description='The OMS\'s value at each pointer of the table, such as [paid, "*"]. null is nothing, '
            'or null, and "*" any value, or none; of several rows that fit, the one with the most words counts.',
        )
    )
    value: Constant = Field(description="The output value. null omits an optional output field.")


class Table(Model):
    """The output value by several of the OMS's together."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.rows.all(row, size(row.when) == size(self.from))",
                    "has a row with another number of words than from has pointers; write one for each",
                    path=".rows",
                )
            ]
        }
    )

    from_: list[Pointer] = Field(
        alias="from",
        min_length=2,
        max_length=3,
        description="Where the OMS's values are, such as [/financial_status, /fulfillment_status].",
    )
    rows: list[TableRow] = Field(
        min_length=1,
        max_length=MAX_ROWS,
        description="What each combination becomes, such as [{when: [paid, fulfilled], value: FULFILLED}, "
        '{when: ["*", "*"], value: CREATED}].',
    )

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        for index, row in enumerate(self.rows):
            if len(row.when) != len(self.from_):
                raise invalid(
                    f"has {len(row.when)} words in row {index}, and {len(self.from_)} pointers in `from`; write a"
                    " word for each"
                )
        return self
