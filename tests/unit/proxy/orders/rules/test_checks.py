"""What can't be right of a rule is said before use: by the rule's path, the problem and the fix."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.proxy.mappings import compiled, rule_errors
from tenantproxy import config
from tenantproxy.orders.contract import CustomerOrder
from tenantproxy.orders.mapping import MappingError, compile_mapping
from tenantproxy.orders.transform import outward_type

PICK: dict[str, Any] = {"each": "/l", "where": [{"from": "/a", "in": ["x"]}]}
TABLE: dict[str, Any] = {
    "from": ["/a", "/b"],
    "rows": [{"when": ["*", "*"], "value": "X"}, {"when": ["a", "b"], "value": "Y"}],
}
JOIN = {"from": ["/a", "/b"]}
ITEMS = {"each": "/l", "fields": {}}

AMOUNT = "minimumDownPaymentAmount"
INVOICE = "invoicePaymentInstructions"

REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    # The step through lists.
    "a step * in from": (
        "status",
        {"from": "/l/*/a"},
        {"from": "has the step `*`, which only pointers to lists have"},
    ),
    "a step * in orFrom": (
        "status",
        {"from": "/a", "orFrom": ["/*"]},
        {"orFrom[0]": "has the step `*`, which only pointers to lists have"},
    ),
    "a step * in join": ("status", {"join": {"from": ["/a", "/*/b"]}}, {"join.from[1]": "has the step `*`"}),
    "a step * in a table": (
        "status",
        {"table": {"from": ["/a/*", "/b"], "rows": TABLE["rows"]}, "default": "X"},
        {"table.from[0]": "has the step `*`"},
    ),
    "a step * in scaleFrom": (AMOUNT, {"from": "/a", "scaleFrom": "/*/d"}, {"scaleFrom": "has the step `*`"}),
    "a step * in a condition": (
        "items",
        {"each": "/l/*", "where": [{"from": "/*/a", "in": ["x"]}], "fields": {}},
        {"where[0].from": "has the step `*`"},
    ),
    # Constants.
    "a constant with more digits than are kept": (
        AMOUNT,
        {"const": 0.12345678901234568},
        {"const": "has more digits than a configuration keeps; write at most 15"},
    ),
    "values with more digits than are kept": (
        AMOUNT,
        {"values": {"a": 2**60}},
        {"values.a": "has more digits than a configuration keeps"},
    ),
    # What goes together.
    "const beside a word": ("status", {"const": "X", "pick": PICK}, {"": "has `const` together with `pick`"}),
    "const beside a default": (
        "status",
        {"const": "X", "default": "Y"},
        {"": "has `const` together with `default`"},
    ),
    "join and from": ("status", {"from": "/a", "join": JOIN}, {"": "has both `join` and `from`; keep one"}),
    "table and from": ("status", {"from": "/a", "table": TABLE}, {"": "has both `table` and `from`"}),
    "table and join": ("status", {"join": JOIN, "table": TABLE}, {"": "has both `table` and `join`"}),
    "table and part": ("status", {"part": {"after": "/"}, "table": TABLE}, {"": "has both `table` and `part`"}),
    "table and values": ("status", {"values": {"a": "A"}, "table": TABLE}, {"": "has both `table` and `values`"}),
    "table and as": ("status", {"as": "string", "table": TABLE}, {"": "has both `table` and `as`"}),
    "values and as": ("status", {"as": "string", "values": {"a": "A"}}, {"": "has both `values` and `as`"}),
    "values and scale": (AMOUNT, {"scale": 2, "values": {"a": 1}}, {"": "has both `values` and `scale`"}),
    "values and negate": (AMOUNT, {"negate": True, "values": {"a": 1}}, {"": "has both `values` and `negate`"}),
    "scale and scaleFrom": (AMOUNT, {"scale": 2, "scaleFrom": "/d"}, {"": "has both `scale` and `scaleFrom`"}),
    "orFrom alone": ("status", {"orFrom": ["/a"]}, {"orFrom": "needs `from`"}),
    "where alone": ("items", {"where": PICK["where"]}, {"where": "needs `each`"}),
    "single alone": ("items", {"as": "single", "from": "/l"}, {"as": "is `single`, which needs `each`"}),
    "single of an object's members": (
        "items",
        {"each": "/l/*", "andEach": ["/m/*/n", "/m/*"], "as": "single", "fields": {}},
        {"each": "ends in the step `*`, and `as: single` takes", "andEach[1]": "ends in the step `*`"},
    ),
    "null and join": ("status", {"join": JOIN, "nullIf": [""]}, {"": "has both `join` and `nullIf`"}),
    "null and table": ("status", {"table": TABLE, "nullIf": [""]}, {"": "has both `table` and `nullIf`"}),
    "andEach alone": ("items", {"andEach": ["/l"]}, {"andEach": "needs `each`"}),
    "within alone": ("items", {"within": "document"}, {"within": "needs `each`"}),
    # What a word is for.
    "null of a list": (
        "items",
        {**ITEMS, "nullIf": [""]},
        {"nullIf": "is for single values; this field is a list"},
    ),
    "join of an amount": (
        AMOUNT,
        {"join": JOIN, "as": "number"},
        {"join": "is for strings; this field is a number"},
    ),
    "scale of a string": ("status", {"scale": 2}, {"scale": "is for numbers; this field is a string"}),
    "scaleFrom of a string": ("status", {"scaleFrom": "/d"}, {"scaleFrom": "is for numbers"}),
    "negate of a boolean": ("isLocked", {"negate": True}, {"negate": "is for numbers; this field is a boolean"}),
    "string of an amount": (
        AMOUNT,
        {"as": "string"},
        {"as": "is `string`, which is for strings; this field is a num"},
    ),
    "number of a string": ("status", {"as": "number"}, {"as": "is `number`, which is for numbers"}),
    "single of a string": (
        "status",
        {"as": "single"},
        {"as": "is `single`, which"},
    ),
    "string of a boolean": ("isLocked", {"as": "string"}, {"as": "is `string`, which is for strings"}),
    "number of a list": ("items", {**ITEMS, "as": "number"}, {"as": "is `number`, which is for numbers"}),
    "part of a list": ("items", {"part": {"after": "/"}}, {"part": "is for single values; this field is a list"}),
    "table of an object": (
        INVOICE,
        {"table": {**TABLE, "rows": TABLE["rows"][:0]}},
        {"table": "", "table.rows": ""},
    ),
    "where of a string": ("status", {"where": PICK["where"]}, {"where": ""}),
    "part of an amount": (
        AMOUNT,
        {"part": {"after": " "}},
        {"part": "makes a text; this field is a number, add `as` or"},
    ),
    "part of a boolean": (
        "isLocked",
        {"part": {"after": " "}},
        {"part": "makes a text; this field is a boolean, add `v"},
    ),
    # What words hold.
    "scale too large": (AMOUNT, {"scale": 10}, {"scale": "is 10; write 0 to 9, such as 2 for cents"}),
    "scale below zero": (AMOUNT, {"scale": -2}, {"scale": "is -2; write 0 to 9"}),
    "empty part": ("status", {"part": {}}, {"part": "needs `after`, `afterLast` or `before`"}),
    "empty delimiter": ("status", {"part": {"after": ""}}, {"part.after": "is empty"}),
    "empty last delimiter": ("status", {"part": {"before": "x", "afterLast": ""}}, {"part.afterLast": "is empty"}),
    "after twice": (
        "status",
        {"part": {"after": "a", "afterLast": "b"}},
        {"part": "has both `after` and `afterLast`"},
    ),
    "join of one": ("status", {"join": {"from": ["/a"]}}, {"join.from": "has 1 entries; write 2 to 8"}),
    "join of none": ("status", {"join": {"from": []}}, {"join.from": "has 0 entries"}),
    "join of nine": ("status", {"join": {"from": ["/a"] * 9}}, {"join.from": "has 9 entries"}),
    "nine pointers": (
        "status",
        {"from": "/a", "orFrom": [f"/{place}" for place in range(9)]},
        {"orFrom": "has 9 entries; write 0 to 8"},
    ),
    "pick of anything": (
        "status",
        {"pick": {"each": "/l", "where": []}},
        {"pick.where": "has 0 entries; write 1 to 8"},
    ),
    "nine conditions": ("items", {**ITEMS, "where": PICK["where"] * 9}, {"where": "has 9 entries"}),
    "no words": (
        "status",
        {"pick": {"each": "/l", "where": [{"from": "/a", "in": []}]}},
        {"pick.where[0].in": "lists no"},
    ),
    "a condition of nothing": (
        "status",
        {"pick": {"each": "/l", "where": [{"from": "/a"}]}},
        {"pick.where[0]": "needs one of `in`, `notIn`, `absent` and `sameAs`"},
    ),
    # Words and pointers that fight.
    "a number twice": (
        "status",
        {"values": {"5": "A", "5.0": "B"}},
        {"values.5.0": "is the same number as `5`, which becomes something else; give both"},
    ),
    "a word twice": (
        "status",
        {"pick": {"each": "/l", "where": [{"from": "/a", "in": ["x", "x"]}]}},
        {"pick.where[0].in": "has `x` twice; keep one"},
    ),
    "a pointer twice": ("status", {"from": "/a", "orFrom": ["/b", "/a"]}, {"orFrom[1]": "is there already"}),
    "an alternative twice": ("status", {"from": "/a", "orFrom": ["/b", "/b"]}, {"orFrom[1]": "is there already"}),
    "a list twice": ("items", {**ITEMS, "andEach": ["/m", "/l"]}, {"andEach[1]": "its elements are taken once"}),
    "null twice": ("status", {"nullIf": ["0", "0"]}, {"nullIf": "has `0` twice; keep one"}),
    "a word that is null": (
        "status",
        {"nullIf": ["x"], "values": {"x": "A", "y": "B"}},
        {"values.x": "is in `nullIf`, too, so that it is never found"},
    ),
    "an amount as its scale": (AMOUNT, {"from": "/a", "scaleFrom": "/a"}, {"scaleFrom": "is the amount itself"}),
    # What can't come.
    "a criterion": ("customerId", {"criterion": "customerId"}, {"criterion": "reading one order has no criteria"}),
    "andEach of the object": ("items", {**ITEMS, "andEach": [""]}, {"andEach[0]": "is the object itself"}),
    "the object as a string": ("status", {"from": ""}, {"from": "is the object itself, which can't be a string"}),
    "the object as a list": ("items", {"from": ""}, {"from": "is the object itself, which can't be a list"}),
    "each of the object": (
        "items",
        {**ITEMS, "each": ""},
        {"each": "is the object itself, which can't be a list"},
    ),
    # Pointers, wherever they are.
    "orFrom": ("status", {"from": "/a", "orFrom": ["b"]}, {"orFrom[0]": "is not an RFC 6901 pointer"}),
    "join": ("status", {"join": {"from": ["/a", "b"]}}, {"join.from[1]": "is not an RFC 6901 pointer"}),
    "scaleFrom": (AMOUNT, {"scaleFrom": "d"}, {"scaleFrom": "is not an RFC 6901 pointer"}),
    "scaleFrom far beside": (AMOUNT, {"scaleFrom": "1/d/e"}, {"scaleFrom": "is not an RFC 6901 pointer"}),
    "scaleFrom two up": (AMOUNT, {"scaleFrom": "2/d"}, {"scaleFrom": "is not an RFC 6901 pointer"}),
    "pick": ("status", {"pick": {**PICK, "each": "l"}}, {"pick.each": "is not an RFC 6901 pointer"}),
    "sameAs": (
        "status",
        {"pick": {"each": "/l", "where": [{"from": "a", "sameAs": "b"}]}},
        {"pick.where[0].from": "RFC 6901", "pick.where[0].sameAs": "RFC 6901"},
    ),
    "andEach": ("items", {**ITEMS, "andEach": ["m"]}, {"andEach[0]": "RFC 6901"}),
    "where": ("items", {**ITEMS, "where": [{"from": "a", "absent": True}]}, {"where[0].from": "RFC 6901"}),
    "each with a star": ("items", {**ITEMS, "each": "l/*"}, {"each": "RFC 6901"}),
}


@pytest.mark.parametrize(("field", "rule", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_rule_that_is_refused(field: str, rule: dict[str, Any], expected: dict[str, str]) -> None:
    """Each problem at its place."""
    errors = rule_errors(getOrder={"fields": {field: rule}})
    path = f"getOrder.fields.{field}"
    assert errors.keys() == {f"{path}.{place}" if place else path for place in expected}
    for place, words in expected.items():
        assert words in errors[f"{path}.{place}" if place else path]


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("status", {"pick": PICK, "from": "", "as": "string"}),
    ("items", {"pick": PICK, "each": "", "fields": {}}),
    ("items", {"each": "", "as": "single", "fields": {}}),
    ("items", {"each": "/*", "fields": {}}),
    (INVOICE, {"from": "", "fields": {}}),
    (INVOICE, {"from": "/a", "orFrom": ["/b"]}),
    ("items", {"from": "/a", "orFrom": ["/b"], "default": []}),
    (AMOUNT, {"scale": 0}),
    (
        AMOUNT,
        {"from": "/a", "part": {"after": " "}, "as": "number", "scaleFrom": "/d", "negate": True, "default": 0},
    ),
    ("isLocked", {"from": "/a", "part": {"after": "."}, "values": {"x": True}}),
    ("status", {"join": {"from": ["/a", "/a"], "with": ""}, "part": {"before": "-"}, "values": {"a": "A"}}),
    ("status", {"values": {"5": "A", "05": "B", "5 ": "C"}}),
    ("status", {"table": TABLE, "pick": PICK}),
    (
        "status",
        {"nullIf": ["", "0"], "from": "/a", "orFrom": ["/b"], "values": {"x": "A"}, "part": {"after": "0"}},
    ),
    ("items", {**ITEMS, "andEach": ["/m/*/n"], "within": "document", "where": [{"from": "/a", "sameAs": ""}]}),
    ("items", {**ITEMS, "where": [{"from": "/a", "sameAs": "/b"}]}),
    ("status", {"from": "/a", "nullIf": ["0", "0.00", "-0"]}),
    ("status", {"values": {"5": "A", "5.0": "A", "6": "B"}}),
    ("items", {**ITEMS, "where": [{"from": "/a", "notIn": ["0", "0.00"]}]}),
    ("isLocked", {"negate": False, "where": []}),
]


@pytest.mark.parametrize(("field", "rule"), ACCEPTED)
def test_a_rule_that_can_be_used(field: str, rule: dict[str, Any]) -> None:
    """Words that go together."""
    compiled(getOrder={"fields": {field: rule}})


WORDS: dict[str, list[Any]] = {
    "pick": [PICK, {"each": "x", "where": [{"from": "/a"}]}, {**PICK, "within": "document"}],
    "from": ["", "/a", "a"],
    "orFrom": [["/a"], ["b", "/a"], ["/a"] * 9],
    "nullIf": [[""], ["0", "0.0"], ["x"] * 9],
    "criterion": ["customerId", ""],
    "join": [JOIN, {"from": []}, {"from": ["/a", ""], "with": "x"}],
    "const": ["X", 5, None, True, [], {}, {"a": 1}],
    "part": [{}, {"after": ""}, {"after": "a", "afterLast": "b", "before": "c"}],
    "values": [{}, {"a": "A"}, {"5": 1, "5.0": 2}, {"a": None}],
    "table": [
        TABLE,
        {"from": [], "rows": []},
        {"from": ["/a", "b"], "rows": [{"when": [], "value": 1}, {"when": ["a", "b", "c"], "value": None}]},
        {"from": ["/a"] * 4, "rows": [{"when": ["*"] * 4, "value": []}]},
    ],
    "as": ["string", "number", "single"],
    "scale": [-1, 0, 2, 10**9],
    "scaleFrom": ["", "/a", "a", "1/a"],
    "negate": [True],
    "default": ["X", 5, None, True, [], {}],
    "each": ["", "/a", "a", "/*", "/a/*/*/b"],
    "andEach": [["/b"], ["", "a"], ["/*/a"] * 9],
    "within": ["document"],
    "where": [PICK["where"], [{"from": "/a", "sameAs": "/b"}], [{"from": "a", "in": [], "absent": True}]],
}


@given(seed=st.integers(0, 2**64))
@settings(max_examples=30)
def test_no_rule_is_an_error_of_ours(seed: int) -> None:
    """Whatever words come together, for whatever field: they can be used, or are refused with their paths."""
    random = Random(seed)  # noqa: S311 - not for secrets

    def rules(shape: type[msgspec.Struct]) -> dict[str, Any]:
        return {field.name: rule(outward_type(field.type)[1]) for field in msgspec.structs.fields(shape)}

    def rule(inner: type[msgspec.Struct] | None) -> dict[str, Any]:
        made = {word: random.choice(held) for word, held in WORDS.items() if random.random() < 0.15}
        return made | ({"fields": rules(inner)} if inner and random.random() < 0.7 else {})

    mapping = msgspec.convert({"getOrder": {"fields": rules(CustomerOrder)}}, config.Mapping)
    try:
        compile_mapping(mapping)
    except MappingError as error:
        assert all(problem.field.startswith("getOrder.fields.") for problem in error.errors)  # noqa: PT017
