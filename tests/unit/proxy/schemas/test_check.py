"""What is found where a mapping's rules meet the schema of a response: each kind of finding, and nothing else."""

import json
from typing import Any, Final

import msgspec
import pytest

from tenantproxy import config
from tenantproxy.operations import OPERATIONS
from tenantproxy.orders.mapping import compile_mapping
from tenantproxy.schemas.checks import check_config

TEXT: Final = {"type": "string"}
INT: Final = {"type": "integer"}
NUMBER: Final = {"type": "number"}
BOOL: Final = {"type": "boolean"}


def obj(*optional: str, **members: Any) -> dict[str, Any]:
    """Return the schema of an object, all of whose members are required but the named ones."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "required": required, "properties": members}


def arr(elements: Any) -> dict[str, Any]:
    return {"type": "array", "items": elements}


def found(rules: Any, schema: Any, *, search: bool = False, **operation: Any) -> list[str]:
    """Return the findings about rules that can be used, for what comes beside a complete order."""
    operation = {"root": "", "fields": rules, **operation}
    name = "searchOrders" if search else "getOrder"
    compile_mapping(msgspec.convert({name: operation}, config.Mapping))
    tenant = {"version": 1, "tenant": {"id": "T", "name": "t"}, "upstream": {"url": "https://oms.example.com"}}
    given = msgspec.convert({**tenant, "mapping": {name: operation}}, config.ProxyConfig)
    (asked,) = (each for each in OPERATIONS if each.name == name)
    return [str(finding) for finding in check_config(json.loads(json.dumps(schema)), given, asked)]


LINE: Final = obj(itemId=TEXT, quantityOrdered=NUMBER, unitPrice=NUMBER)
ORDER: Final = obj(customerOrderId=TEXT, customerId=TEXT, status=TEXT, items=arr(LINE))


def of_field(rule: Any, *, name: str = "status", **members: Any) -> list[str]:
    """Return the findings about the rule for one field of an order, without its path."""
    given = {**ORDER["properties"], **members}
    lines = found({name: rule}, {**ORDER, "properties": given, "required": list(given)})
    assert all(f": mapping.getOrder.fields.{name}" in line for line in lines)
    return [line.replace(f"mapping.getOrder.fields.{name}", "…") for line in lines]


def of_price(rule: Any, **members: Any) -> list[str]:
    """Return the findings about the rule for the price of a line, without its path."""
    line = obj(**{**LINE["properties"], **members})
    order = obj(**{**ORDER["properties"], "lines": arr(line)})
    lines = found({"items": {"each": "/lines", "fields": {"unitPrice": rule}}}, order)
    return [line.replace("mapping.getOrder.fields.items.fields.unitPrice", "…") for line in lines]


def test_nothing() -> None:
    """A complete order, by its own names or by rules, gives no word."""
    assert found({}, ORDER) == []
    rules = {"status": {"from": "/state/name", "values": {"a": "A", "b": "B"}}, "customerId": {"const": "C"}}
    state = obj(name={"type": "string", "enum": ["a", "b"]})
    assert found(rules, obj(customerOrderId=TEXT, items=arr(LINE), state=state)) == []


@pytest.mark.parametrize("schema", [{}, True, {"type": "object"}, {"title": "no schema"}, {"oneOf": [{}, TEXT]}])
def test_a_schema_that_says_nothing(schema: Any) -> None:
    """That is told: else a wrong file would look like a right mapping."""
    assert "leads to what the schema says nothing about, so nothing was checked" in found({}, schema)[-1]


def test_pointers() -> None:
    """One that is ruled out is an error, one that is not mentioned a warning, with what was meant, maybe."""
    closed = obj(number=TEXT) | {"additionalProperties": False}
    assert of_field({"from": "/at/nunber"}, at=closed) == [
        (
            "error: ….from `/at/nunber` is a member that the schema rules out; is `/at/number` meant?"
            " (see #/properties/at)"
        )
    ]
    (line,) = of_field({"from": "/at/nunber"}, at=obj(number=TEXT))
    assert line.startswith("warning: ….from `/at/nunber` is not in the schema; is `/at/number` meant?")
    (line,) = of_field({"from": "/at/NUMBER"}, at=obj(number=TEXT))
    assert "is `/at/number` meant?" in line
    assert of_field({"from": "/at/else"}, at=obj(number=TEXT)) == [
        "warning: ….from `/at/else` is not in the schema (see #/properties/at)"
    ]
    assert of_field({"from": "/at/else"}, at={"type": "object", "additionalProperties": TEXT}, default="x") == [
        (
            "warning: … is required, and what it is taken from may be absent or null; add `default`, or `orFrom`"
            " (see #/properties/at/additionalProperties)"
        )
    ]
    assert (
        of_field({"from": "/at/else", "default": "x"}, at=obj(number=TEXT) | {"patternProperties": {"^x": TEXT}})
        == []
    )
    assert of_field({"from": "/status/name"}) == [
        "error: ….from `/status/name` has a string in the schema before `name` (see #/properties/status)"
    ]
    assert of_field({"from": "/at/first"}, at=arr(TEXT))[0].startswith(
        "error: ….from `/at/first` is no index, but"
    )
    assert of_field({"from": "/at/0", "default": "x"}, at=arr(TEXT)) == []
    assert of_field({"from": "/status", "orFrom": ["/stat"]})[0].startswith("warning: ….orFrom[0] `/stat` is not")


def test_fields_without_a_rule() -> None:
    """They are taken from the same name: a required one has to be there."""
    (line,) = found({}, obj(customerOrderId=TEXT, customerId=TEXT, items=arr(LINE)))
    assert line == (
        "warning: mapping.getOrder.fields.status `/status` is not in the schema, and the output field has no rule"
        " (see #)"
    )
    (line,) = found({}, obj(**ORDER["properties"], isLocked=TEXT))
    assert line == (
        "error: mapping.getOrder.fields.isLocked `/isLocked` is a string in the schema; the output field is a"
        " boolean; add `values` (see #/properties/isLocked)"
    )


@pytest.mark.parametrize(
    ("schema", "rule", "problem"),
    [
        (INT, {}, "is an integer in the schema; the output field is a string; add `as: string`"),
        (BOOL, {}, "is a boolean in the schema; the output field is a string; add `as: string`"),
        (INT, {"as": "string"}, None),
        (
            INT,
            {"part": {"after": "1"}},
            "is an integer in the schema; the output field is a string; add `as: string`",
        ),
        (obj(a=TEXT), {}, "is an object in the schema; the output field is a string; point at a member of it"),
        (arr(TEXT), {}, "is a list in the schema; the output field is a string; pick one of its elements"),
        (arr(TEXT), {"values": {"a": "A"}}, "is a list in the schema; the output field is a string; pick one"),
        ({"type": ["string", "null"]}, {"default": "x"}, None),
    ],
)
def test_types_of_texts(schema: Any, rule: Any, problem: str | None) -> None:
    """A text is made of a text, or of another single value where the rule says so."""
    lines = of_field({"from": "/at", **rule}, at=schema)
    assert bool(lines) == (problem is not None)
    assert all(line.startswith(f"error: ….from `/at` {problem}") for line in lines)


@pytest.mark.parametrize(
    ("schema", "rule", "problem"),
    [
        (TEXT, {}, "is a string in the schema; the output field is a number; add `as: number`"),
        (TEXT, {"as": "number"}, None),
        (NUMBER, {"scale": 0}, None),
        (BOOL, {"as": "number"}, "is a boolean in the schema; the output field is a number; add `values`"),
        (BOOL, {"values": {"true": 1, "false": 0}}, None),
    ],
)
def test_types_of_numbers(schema: Any, rule: Any, problem: str | None) -> None:
    """A number is made of a number, or of a text where the rule says so."""
    lines = of_price({"from": "/at", **rule}, at=schema)
    assert bool(lines) == (problem is not None)
    assert all(line.startswith(f"error: ….from `/at` {problem}") for line in lines)


def test_types_that_may_be() -> None:
    """One alternative that does not fit is a warning."""
    (line,) = of_price({"from": "/at"}, at={"oneOf": [NUMBER, TEXT]})
    assert line.startswith(
        "warning: ….from `/at` may be a string in the schema; the output field is a number; add"
    )
    (line,) = of_price({"from": "/at"}, at={"type": ["string", "number"]})
    assert line.startswith("warning: ….from `/at` may be a string")


def test_lists_and_objects() -> None:
    """A list is needed where there is one, and objects in it; an object where there is one."""
    rules = {"items": {"each": "/lines", "fields": {}}}
    others = {name: schema for name, schema in ORDER["properties"].items() if name != "items"}
    assert found(rules, obj(**others, lines=LINE)) == [
        (
            "error: mapping.getOrder.fields.items.each `/lines` is an object in the schema; a list must be there;"
            " correct the pointer, or add `as: single` if it is a list of one (see #/properties/lines)"
        )
    ]
    single = {"items": {"each": "/lines", "as": "single", "fields": {}}}
    for lines in (LINE, arr(LINE), {"oneOf": [LINE, arr(LINE)]}):
        assert found(single, obj(**others, lines=lines)) == []
    (line,) = found(rules, obj(**others, lines={"oneOf": [LINE, arr(LINE)]}))
    assert line.startswith("warning: mapping.getOrder.fields.items.each `/lines` may be an object in the schema")
    (line,) = found(rules, obj(**others, lines=arr(TEXT)))
    assert line.startswith(
        "error: mapping.getOrder.fields.items.each `/lines/*` is a string in the schema; the element"
    )
    (line,) = found(rules, obj(**others, lines=arr({"oneOf": [LINE, TEXT]})))
    assert line.startswith("warning: mapping.getOrder.fields.items.each `/lines/*` may be a string in the schema")
    (line,) = found({}, obj(**ORDER["properties"], invoicePaymentInstructions=arr(TEXT)))
    assert line.startswith(
        "error: mapping.getOrder.fields.invoicePaymentInstructions `/invoicePaymentInstructions` is"
    )
    instructions = obj(customerAccountId=TEXT)
    (line,) = found({"invoicePaymentInstructions": {"from": "/pay"}}, obj(**ORDER["properties"], pay=instructions))
    assert line.startswith(
        "warning: mapping.getOrder.fields.invoicePaymentInstructions.fields.invoicingAmount `/inv"
    )


@pytest.mark.parametrize(
    ("each", "ships"),
    [
        ("/ships/*/lines", arr(obj(lines=arr(LINE)))),
        ("/ships/*/lines/*", arr(obj(lines={"type": "object", "additionalProperties": LINE}))),
        ("/ships/*/lines", obj(a=obj(lines=arr(LINE)), b=obj(lines=arr(LINE)))),
        ("/ships/0/lines", {"type": "array", "prefixItems": [obj(lines=arr(LINE))], "items": TEXT}),
        ("/ships/0/lines", {"type": "array", "items": [obj(lines=arr(LINE))], "additionalItems": TEXT}),
    ],
)
def test_nested_lists(each: str, ships: Any) -> None:
    """The way may go through lists, objects and first elements."""
    others = {name: schema for name, schema in ORDER["properties"].items() if name != "items"}
    rules: Any = {"items": {"each": each, "fields": {"unitPrice": {"from": "/unitPrice"}}}}
    told = [line for line in found(rules, obj(**others, ships=ships)) if "may be absent" not in line]
    assert told == []
    rules["items"]["fields"]["unitPrice"]["from"] = "/price"
    told = [line for line in found(rules, obj(**others, ships=ships)) if "may be absent" not in line]
    assert [line.split()[2] for line in told] == ["`/price`"]


def test_root() -> None:
    """The root has to be in the schema: an object, or for a search a list."""
    assert found({}, obj(data=ORDER), root="/data") == []
    (line,) = found({}, obj(data=ORDER), root="/date")
    assert line == "warning: mapping.getOrder.root `/date` is not in the schema; is `/data` meant? (see #)"
    (line,) = found({}, obj(data=arr(ORDER)), root="/data")
    assert line.startswith(
        "error: mapping.getOrder.root `/data` is a list in the schema; the order must be an object"
    )
    (line,) = found({}, obj(data=ORDER), root="/data", search=True)
    assert line.startswith(
        "error: mapping.searchOrders.root `/data` is an object in the schema; a list must be there"
    )
    assert found({}, arr(ORDER), search=True) == []


def test_root_of_a_search() -> None:
    """Its list is looked at as any other one: one object, what is in lists on the way, what is left out."""
    assert found({}, obj(data=ORDER), root="/data", search=True, **{"as": "single"}) == []
    assert found({}, obj(data={"additionalProperties": ORDER}), root="/data/*", search=True) == []
    assert found({}, obj(data=obj(order=ORDER)), root="/data/*/order", search=True, **{"as": "single"}) == []
    assert found({}, obj(data=arr(obj(order=ORDER))), root="/data/*/order/*", search=True) != []
    draft = {"from": "/draft", "in": ["yes"]}
    kinds = arr({"oneOf": [obj(draft={"enum": ["yes"]}), obj(draft={"enum": ["no"]}, **ORDER["properties"])]})
    (line, *_) = found({}, kinds, search=True, where=[draft])
    assert line.startswith("warning: mapping.searchOrders.fields.customerOrderId `/customerOrderId` is not in")
    assert found({}, kinds, search=True, where=[{**draft, "in": ["no"]}]) == []
    (line,) = found({}, arr(ORDER), search=True, where=[draft])
    assert line.startswith("warning: mapping.searchOrders.where[0].from `/draft` is not in the schema")
    (line,) = found({}, arr(TEXT), search=True)
    assert line.startswith("error: mapping.searchOrders.root `/*` is a string in the schema; the elements must be")


def test_what_may_be_absent() -> None:
    """A required field that comes from an optional member, or from null, and has no default."""
    absent = "warning: … is required, and what it is taken from may be absent or null; add `default`, or `orFrom`"
    assert of_field({"from": "/at/b"}, at=obj("b", b=TEXT)) == [f"{absent} (see #/properties/at/properties/b)"]
    assert of_field({"from": "/at"}, at={"type": ["string", "null"]}) == [f"{absent} (see #/properties/at)"]
    assert of_field({"from": "/at"}, at={"type": "string", "nullable": True}) == [
        f"{absent} (see #/properties/at)"
    ]
    assert of_field({"from": "/at/b"}, at={"oneOf": [obj(b=TEXT), {"type": "null"}]}) == [
        f"{absent} (see #/properties/at/oneOf/1)"
    ]
    assert of_field({"from": "/at/b"}, at={"oneOf": [obj(b=TEXT), obj(c=TEXT)]}) == [
        f"{absent} (see #/properties/at/oneOf/1)"
    ]
    assert of_field({"from": "/at/b", "orFrom": ["/at/c"]}, at=obj("b", b=TEXT, c=TEXT)) == []
    assert of_field({"from": "/at/b", "default": "x"}, at=obj("b", b=TEXT)) == []
    join = {"join": {"from": ["/status", "/at/b"]}}
    assert of_field(join, at=obj("b", b=TEXT))[0].startswith(absent.replace("…", "….join.from[1]"))
    optional = of_field({"from": "/at/b", "as": "number"}, name="minimumDownPaymentAmount", at=obj("b", b=TEXT))
    assert optional == []


def test_values_that_the_rule_lacks() -> None:
    """What an enumeration has and `values` does not, without a default, would be a violation."""
    state = {"type": "string", "enum": ["open", "done", "held", None]}
    (line,) = of_field({"from": "/at", "values": {"open": "A", "done": "B"}}, at=state)
    assert line == (
        "error: ….values lists nothing for `held`, which the schema has; add that, or `default`"
        " (see #/properties/at)"
    )
    assert of_field({"from": "/at", "values": {"open": "A"}, "default": "B"}, at=state) == []
    (line,) = of_field({"from": "/at", "values": {"true": "A"}}, at=BOOL)
    assert "lists nothing for `false`" in line
    numbers = {"enum": [1, 2.0, 3]}
    (line,) = of_field({"from": "/at", "values": {"1.0": "A", "2": "B"}}, at=numbers)
    assert "lists nothing for `3`," in line
    choice = {"oneOf": [{"const": "a"}, {"const": "b"}]}
    (line,) = of_field({"from": "/at", "values": {"a": "A"}}, at=choice)
    assert "lists nothing for `b`," in line


def test_values_that_can_not_be_converted() -> None:
    """Tried by the code that converts what an OMS answers."""
    (line,) = of_field({"from": "/at", "part": {"after": "-"}}, at={"enum": ["a-b", "c"]})
    assert line.startswith("error: … can't take `c`, which the schema lists: has a text without the delimiters")
    (line,) = of_price({"from": "/at", "as": "number"}, at={"enum": ["1.50", "free"]})
    assert line.startswith("error: … can't take `free`, which the schema lists: must be a number")


def test_values_that_never_come() -> None:
    """A word of the rule that an enumeration does not have, if all places have one."""
    state = {"type": "string", "enum": ["open"]}
    values = {"values": {"open": "A", "closed": "B"}}
    never = "has `closed`, which the schema does not list; correct or remove (see #/properties/at)"
    assert of_field({"from": "/at", **values}, at=state) == [f"warning: ….values {never}"]
    assert of_field({"from": "/at", "orFrom": ["/status"], "default": "C", **values}, at=state) == []
    both = {"from": "/at", "orFrom": ["/b"], **values}
    assert of_field(both, at=state, b={"enum": ["closed"]}) == []


def test_tables() -> None:
    """Each pointer leads to a single value, and each word may come."""
    rows = [{"when": ["a", "*"], "value": "A"}, {"when": ["*", "b"], "value": "B"}]
    rows += [{"when": ["a", "b"], "value": "A"}, {"when": ["*", "*"], "value": "C"}]
    table = {"table": {"from": ["/at", "/b"], "rows": rows}}
    assert of_field(table, at={"enum": ["a", "x"]}, b=TEXT) == []
    lines = of_field(table, at={"enum": ["x"]}, b=arr(TEXT))
    assert lines == [
        "warning: ….table.rows has `a`, which the schema does not list; correct or remove (see #/properties/at)",
        "error: ….table.from[1] `/b` is a list in the schema; point at a single value (see #/properties/b)",
    ]
    assert of_field(table, at=TEXT)[0].startswith("warning: ….table.from[1] `/b` is not in the schema")


def test_joins() -> None:
    """Texts are joined, or with `as: string` other single values."""
    join = {"join": {"from": ["/status", "/at"]}}
    (line,) = of_field(join, at=INT)
    assert line.startswith(
        "error: ….join.from[1] `/at` is an integer in the schema; `join` makes texts; add `as: str"
    )
    assert of_field({**join, "as": "string"}, at=INT) == []
    assert of_field({**join, "as": "string"}, at=obj(a=INT))[0].startswith(
        "error: ….join.from[1] `/at` is an object"
    )
    assert of_field(join)[0].startswith("warning: ….join.from[1] `/at` is not in the schema")


def test_scale() -> None:
    """The number of decimal places is there, and a number."""
    rule = {"from": "/amount", "scaleFrom": "/digits"}
    assert of_price(rule, amount=INT, digits=INT) == of_price(rule, amount=INT, digits=TEXT) == []
    assert of_price(rule, amount=INT)[0].startswith("warning: ….scaleFrom `/digits` is not in the schema")
    (line,) = of_price(rule, amount=INT, digits=BOOL)
    assert line.startswith("error: ….scaleFrom `/digits` is a boolean in the schema; the number of decimal places")
    nullable = {"type": ["integer", "null"]}
    (line,) = of_price(rule, amount=INT, digits=nullable)
    assert line.startswith("warning: ….scaleFrom `/digits` may be absent or null, which an amount does not bear")


def test_minor_units() -> None:
    """An amount that is taken as it is from an integer, or beside a number of decimal places."""
    (line,) = of_price({"from": "/amount"}, amount=INT)
    assert line.startswith(
        "warning: ….from takes an amount as it is from an integer, which looks like minor units"
    )
    (line,) = of_price({"from": "/money/value"}, money=obj(value=NUMBER, fractionDigits=INT))
    assert "takes an amount as it is, beside `/money/fractionDigits`, which looks like its number of" in line
    assert of_price({"from": "/amount", "scale": 0}, amount=INT) == []
    assert of_price({"from": "/amount"}, amount=NUMBER) == []
    # That is told by its name already (`orders.minor_units.suspects`).
    assert of_price({"from": "/priceInCents"}, priceInCents=INT) == []
    assert of_price({"from": "/unitPrice"}, quantityOrdered=INT) == []


def of_where(*conditions: Any, **members: Any) -> list[str]:
    """Return the findings about conditions for lines, without their path."""
    rules = {"items": {"each": "/items", "where": conditions, "fields": {}}}
    order = obj(**{**ORDER["properties"], "items": arr(obj(**{**LINE["properties"], **members}))})
    return [line.replace("mapping.getOrder.fields.items.where", "…") for line in found(rules, order)]


def test_conditions() -> None:
    """They compare single values that are there with words that come."""
    kind = {"enum": ["product", "fee"]}
    assert of_where({"from": "/kind", "in": ["product"]}, {"from": "/kind", "absent": False}, kind=kind) == []
    assert of_where({"from": "/kinds", "in": ["x"]}, kind=kind)[0].startswith(
        "warning: …[0].from `/kinds` is not in the schema; is `/kind` meant?"
    )
    assert of_where({"from": "/kind", "in": ["product", "gift"]}, kind=kind)[0].startswith(
        "warning: …[0].in has `gift`, which the schema does not list"
    )
    assert of_where({"from": "/kind", "notIn": ["gift"]}, kind=kind)[0].startswith(
        "warning: …[0].notIn has `gift`"
    )
    assert of_where({"from": "/kind", "in": ["x"]}, kind=arr(TEXT))[0].startswith(
        "error: …[0].from `/kind` is a list"
    )


def test_pick() -> None:
    """The list is there, and what is picked is looked at by what its conditions say of it."""
    person = obj(kind={"const": "person"}, id=TEXT, email=TEXT)
    shop = obj(kind={"const": "shop"}, id=INT)
    document = obj(data=obj(**ORDER["properties"], who=TEXT), included=arr({"oneOf": [person, shop]}))

    def picked(each: str, kind: str, pointer: str, same: str = "/who") -> list[str]:
        where = [{"from": "/kind", "in": [kind]}, {"from": "/id", "sameAs": same}]
        pick = {"each": each, "within": "document", "where": where}
        lines = found({"customerId": {"pick": pick, "from": pointer}}, document, root="/data")
        return [line.replace("mapping.getOrder.fields.customerId", "…") for line in lines]

    assert picked("/included", "person", "/email") == []
    assert picked("/includes", "person", "/email")[0].startswith(
        "warning: ….pick.each `/includes` is not in the sch"
    )
    assert picked("/included", "person", "/mail")[0].startswith(
        "warning: ….from `/mail` is not in the schema; is `/em"
    )
    assert picked("/included", "shop", "/email")[0].startswith("warning: ….from `/email` is not in the schema")
    assert picked("/included", "person", "/email", "/whom")[0].startswith(
        "warning: ….pick.where[1].sameAs `/whom` is"
    )
    assert picked("/data/who", "person", "/email")[0].startswith(
        "error: ….pick.each `/data/who` is a string in the"
    )
    document["properties"]["included"] = arr(person)
    document["properties"]["data"]["properties"]["who"] = INT
    (line,) = picked("/included", "person", "/email")
    assert line.startswith(
        "error: ….pick.where[1].sameAs compares a string with an integer, which are never the same"
    )


def test_criterion() -> None:
    """What was asked for is not in the answer: nothing of the schema is looked at."""
    orders = arr(obj(customerOrderId=TEXT, status=TEXT, customerId=arr(TEXT)))
    assert found({"customerId": {"criterion": "customerId"}}, orders, search=True) == []
    (line,) = found({}, orders, search=True)
    assert line.startswith("error: mapping.searchOrders.fields.customerId `/customerId` is a list in the schema")


def test_as_good_as_null() -> None:
    """Words of `nullIf` may come, are neither converted nor of a wrong type, and leave nothing."""
    absent = "warning: … is required, and what it is taken from may be absent or null; add `default`, or `orFrom`"
    none = {"enum": ["open", "none"]}
    rule = {"from": "/at", "nullIf": ["none"], "values": {"open": "A"}}
    assert of_field({**rule, "orFrom": ["/b"]}, at=none, b={"enum": ["open"]}) == []
    assert of_field(rule, at=none) == [f"{absent} (see #/properties/at)"]
    assert of_field({**rule, "nullIf": ["none", "nome"], "default": "B"}, at=none) == [
        "warning: ….nullIf has `nome`, which the schema does not list; correct or remove (see #/properties/at)"
    ]
    for schema, word, comes in ((TEXT, "", True), (INT, "0", True), (INT, "", False), (BOOL, "false", True)):
        lines = of_field({"from": "/at", "nullIf": [word], "as": "string"}, at=schema)
        assert lines == [f"{absent} (see #/properties/at)"] * comes
    assert (
        of_field({"from": "/at", "nullIf": ["false"], "default": "x"}, at={"anyOf": [TEXT, {"const": False}]})
        == []
    )
    assert of_field({"from": "/at", "default": "x"}, at={"anyOf": [TEXT, {"const": False}]})[0].startswith(
        "warning: ….from `/at` may be a boolean"
    )
    # It is about the first places, not the last one.
    assert of_field({"from": "/at", "orFrom": ["/b"], "nullIf": [""]}, at=TEXT, b=TEXT) == []
    (line,) = of_field({"from": "/at", "orFrom": ["/b"], "nullIf": [""]}, at=TEXT, b={"enum": ["", "x"]})
    assert line.startswith(absent)
    (line,) = of_field({"from": "/at", "nullIf": [""], "as": "string"}, at=arr(TEXT))
    assert line.startswith("error: ….from `/at` is a list in the schema")


def test_several_places() -> None:
    """One that the schema rules out is no error beside one that it has; nor is an object that was looked into."""
    for at in (TEXT, {"oneOf": [TEXT, obj(id=TEXT)]}):
        lines = of_field({"from": "/at/id", "orFrom": ["/at"]}, at=at)
        assert [line.split(" (")[0] for line in lines] == [
            "warning: ….from `/at/id` has a string in the schema before `id`"
        ] * (at == TEXT)
    (line,) = of_field(
        {"from": "/at/id", "orFrom": ["/at"], "default": "x"}, at={"oneOf": [TEXT, obj("id", id=TEXT)]}
    )
    assert line.startswith("warning: ….orFrom[0] `/at` may be an object")
    lines = of_field({"from": "/at/id", "orFrom": ["/at/no"]}, at=TEXT)
    assert [line.split(" (")[0] for line in lines] == [
        "error: ….from `/at/id` has a string in the schema before `id`",
        "error: ….orFrom[0] `/at/no` has a string in the schema before `no`",
    ]


def of_lists(rule: Any, *optional: str, **members: Any) -> list[str]:
    """Return the findings about the rule for an order's lines, without its path."""
    others = {name: schema for name, schema in ORDER["properties"].items() if name != "items"}
    lines = found({"items": rule}, obj(*optional, **others, **members))
    return [line.replace("mapping.getOrder.fields.items", "…").split(" (")[0] for line in lines]


def test_several_lists() -> None:
    """Each is checked, and the fields by what the elements of all are: each kind has its own."""
    price = {"from": "/price", "orFrom": ["/amount"]}
    fields = {"itemId": {"from": "/sku", "default": "gift"}, "quantityOrdered": {"const": 1}, "unitPrice": price}
    rule = {"each": "/lines", "andEach": ["/gifts", "/lines/*/options"], "fields": fields}
    line, gift = obj(sku=TEXT, price=NUMBER, options=arr(obj(sku=TEXT, price=NUMBER))), obj(amount=NUMBER)
    assert of_lists(rule, "gifts", lines=arr(line), gifts=arr(gift)) == []
    (told,) = of_lists(rule, "lines", "gifts", lines=arr(line), gifts=arr(gift))
    assert told.startswith("warning: … is required, and what it is taken from may be absent")
    assert of_lists({**rule, "andEach": ["/gits"]}, lines=arr(line), gifts=arr(gift)) == [
        "warning: ….andEach[0] `/gits` is not in the schema; is `/gifts` meant?",
        "warning: ….fields.unitPrice.orFrom[0] `/amount` is not in the schema",
    ]
    assert of_lists(
        {**rule, "andEach": ["/gifts", "/others"]}, lines=arr(line), gifts=arr(gift), others=arr(TEXT)
    ) == [
        (
            "error: ….andEach[1] `/others/*` is a string in the schema; the elements must be objects; correct the"
            " pointer"
        )
    ]
    for lacking in (obj("amount", amount=NUMBER), obj(sku=TEXT)):
        assert of_lists(rule, lines=arr(line), gifts=arr(lacking))[-1].startswith("warning: ….fields.unitPrice")
    assert of_lists(rule, lines=arr(line), gifts=arr(obj(amount=TEXT))) == [
        (
            "error: ….fields.unitPrice.orFrom[0] `/amount` is a string in the schema; the output field is a"
            " number; add `as: number`"
        )
    ]
    # Only of those that are kept, in whichever list.
    kinds = {"oneOf": [obj(kind={"const": "a"}, sku=TEXT, price=NUMBER), obj(kind={"const": "b"}), TEXT]}
    rule = {"each": "/lines", "andEach": ["/more"], "fields": {**fields, "unitPrice": {"from": "/price"}}}
    kept = {**rule, "where": [{"from": "/kind", "in": ["a"]}]}
    assert of_lists(kept, lines=arr(kinds), more=arr(kinds)) == []
    assert len(of_lists(rule, lines=arr(kinds), more=arr(kinds))) > 1


def test_lists_of_the_document() -> None:
    """They begin at the top of the response; what is compared begins at the line."""
    adjustment = obj(no=TEXT, amount=NUMBER, kind={"enum": ["a", "b"]})
    line = obj(**{**LINE["properties"], "id": TEXT, "number": INT})
    order = obj(data=obj(**{**ORDER["properties"], "items": arr(line)}), adjustments=arr(adjustment))

    def told(each: str, same_as: str, *, within: bool = True) -> list[str]:
        where = [{"from": "/no", "sameAs": same_as}, {"from": "/kind", "in": ["a"]}]
        rule = {"each": each, "where": where, "fields": {"discountAmount": {"from": "/amount"}}}
        rule |= {"within": "document"} if within else {}
        lines = found({"items": {"each": "/items", "fields": {"discounts": rule}}}, order, root="/data")
        return [
            line.replace("mapping.getOrder.fields.items.fields.discounts", "…").split(" (")[0] for line in lines
        ]

    assert told("/adjustments", "/id") == []
    assert told("/adjustments", "/numbers") == [
        "warning: ….where[0].sameAs `/numbers` is not in the schema; is `/number` meant?"
    ]
    assert told("/adjustments", "/number") == [
        (
            "error: ….where[0].sameAs compares a string with an integer, which are never the same; correct one of"
            " the pointers"
        )
    ]
    assert told("/data/adjustments", "/id") == ["warning: ….each `/data/adjustments` is not in the schema"]
    assert told("/adjustments", "/id", within=False) == ["warning: ….each `/adjustments` is not in the schema"]


def test_null_in_a_table() -> None:
    """A row for what is not there needs a member that may be absent or null."""
    rows = [
        {"when": [None, "*"], "value": "A"},
        {"when": ["*", "*"], "value": "B"},
        {"when": ["*", "x"], "value": "C"},
    ]
    rows += [{"when": [None, "x"], "value": "A"}]
    table = {"table": {"from": ["/at", "/b"], "rows": rows}}
    for schema in ({"type": ["string", "null"]}, {}):
        assert of_field(table, at=schema, b=TEXT) == []
    assert of_field(table, at=TEXT, b=TEXT) == [
        (
            "warning: ….table.rows has `null`, but by the schema there always is something; correct or remove"
            " (see #/properties/at)"
        )
    ]


def test_scale_beside() -> None:
    """The number of decimal places is beside each place that has the amount."""
    rule = {"from": "/precise/value", "orFrom": ["/value"], "scaleFrom": "1/digits"}
    precise = obj(value=INT, digits=INT)
    assert of_price(rule, precise=precise, value=INT, digits=INT) == []
    (line,) = of_price(rule, precise=precise, value=INT)
    assert line.startswith("warning: ….scaleFrom `/digits` is not in the schema")
    (line,) = of_price(rule, precise=obj(value=INT, digit=INT), value=INT, digits=INT)
    assert line.startswith(
        "warning: ….scaleFrom `/precise/digits` is not in the schema; is `/precise/digit` meant?"
    )
    (line,) = of_price(rule, precise=obj("digits", value=INT, digits=INT), value=INT, digits=INT)
    assert line.startswith("warning: ….scaleFrom `/precise/digits` may be absent or null")
    (line,) = of_price(rule, precise=obj(value=INT, digits=BOOL), value=INT, digits=INT)
    assert line.startswith("error: ….scaleFrom `/precise/digits` is a boolean")
    # What has no amount there needs no places.
    kinds = {"oneOf": [precise, obj(text=TEXT)]}
    assert of_price({**rule, "orFrom": ["/value"]}, precise=kinds, value=INT, digits=INT) == []


def test_all_at_once() -> None:
    """Whatever is wrong is told, each with its rule."""
    rules = {
        "customerOrderId": {"from": "/id"},
        "status": {"from": "/state", "values": {"a": "A"}},
        "items": {"each": "/lines", "fields": {"itemId": {"from": "/sku"}, "unitPrice": {"from": "/price"}}},
    }
    line = obj(sku=INT, quantityOrdered=NUMBER, price=TEXT)
    lines = found(rules, obj(id=INT, customerId=TEXT, state={"enum": ["b"]}, lines=arr(line)))
    assert [line.split()[1].removeprefix("mapping.getOrder.fields.") for line in lines] == [
        "customerOrderId.from",
        "status.values",
        "status.values",
        "items.fields.itemId.from",
        "items.fields.unitPrice.from",
    ]
