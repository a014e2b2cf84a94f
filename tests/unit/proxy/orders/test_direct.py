"""Small answers in which all is as expected are converted by generated structs, and come out as all others do."""

import json
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest

from support.proxy.mappings import both_ways, compiled
from tenantproxy.orders import expression
from tenantproxy.orders.transform import ContractError, UnparsableError
from tenantproxy.orders.weight import LIGHT_BYTES, LIGHT_OBJECTS, HeavyError

ORDER: dict[str, Any] = {"customerOrderId": "1", "customerId": "2", "status": "open"}
LINES = [
    {"sku": f"S{line}", "qty": line, "price": {"cents": 100 + line}, "off": [{"v": 1}] * line} for line in range(4)
]
ITEMS: dict[str, Any] = {
    "each": "/lines",
    "fields": {
        "itemId": {"from": "/sku"},
        "quantityOrdered": {"from": "/qty"},
        "unitPrice": {"from": "/price/cents", "scale": 2},
        "discounts": {"each": "/off", "fields": {"discountAmount": {"from": "/v"}}},
    },
}
RULES: dict[str, Any] = {
    "root": "/data",
    "fields": {
        "status": {"values": {"open": "CREATED"}, "default": "IN_PROGRESS"},
        "minimumDownPaymentAmount": {"from": "/payment/deposit"},
        "items": ITEMS,
    },
}


def steps(rules: dict[str, Any], answer: Any) -> int:
    """Return how many functions of the long way an answer takes; none, if it is converted directly."""
    outward = compiled(getOrder=rules)["getOrder"]
    count = 0

    def seen(frame: Any, event: str, _function: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.endswith("/documents.py")

    body = json.dumps(answer).encode()
    sys.setprofile(seen)
    try:
        outward(body)
    finally:
        sys.setprofile(None)
    assert both_ways(outward, body)
    return count


def answer(**members: Any) -> dict[str, Any]:
    return {"data": {**ORDER, "payment": {"deposit": 5}, "lines": LINES, **members}}


DIRECT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as expected": ({}, {}),
    "an unknown word": ({}, {"status": "other"}),
    "no word": ({}, {"status": None}),
    "the word of a number": ({"status": {"from": "/no", "values": {"5": "X", "a": "A"}}}, {"no": 5}),
    "the word of a boolean": ({"status": {"from": "/no", "values": {"true": "X"}}}, {"no": True}),
    "the word of a part": (
        {"status": {"from": "/no", "part": {"afterLast": "/"}, "values": {"a": "A"}, "default": "D"}},
        {"no": "/x/a"},
    ),
    "null for a text of a number": ({"customerId": {"from": "/no", "as": "string", "default": "X"}}, {"no": None}),
    "nothing on the way": ({}, {"payment": {}}),
    "no object on the way": ({}, {"payment": ...}),
    "null for an optional amount": ({}, {"payment": {"deposit": None}}),
    "no lines": ({}, {"lines": []}),
    "a default": ({"customerId": {"from": "/who", "default": "guest"}}, {"who": None}),
    "a default of an amount": ({"minimumDownPaymentAmount": {"from": "/x", "default": 7}}, {"x": None}),
    "a constant": ({"customerId": {"const": "C"}, "isLocked": {"const": None}}, {"isLocked": True}),
    "a text of a number": ({"customerId": {"from": "/no", "as": "string"}}, {"no": 7}),
    "a text for a text of a number": ({"customerId": {"from": "/no", "as": "string"}}, {"no": "ö"}),
    "scaled amounts, or none": (
        {
            "items": {
                "each": "/l",
                "fields": {"itemId": {"const": "I"}, "contributedAmount": {"from": "/c", "scale": 2}},
            }
        },
        {"l": [{"quantityOrdered": 1, "unitPrice": 1, "c": c} for c in (0, 5, -5, 1245, -1245, None, 10**30)]},
    ),
    "a scaled amount's default": ({"minimumDownPaymentAmount": {"from": "/no", "scale": 2, "default": 7}}, {}),
    "a table of nothing and unknown words": (
        {
            "customerId": {
                "table": {
                    "from": ["/a", "/b"],
                    "rows": [{"when": when, "value": when[0]} for when in (["x", "y"], ["x", "*"], ["*", "*"])],
                }
            }
        },
        {"a": "x", "b": "?"},
    ),
    "several places": ({"customerId": {"from": "/a", "orFrom": ["/b"]}}, {"a": None, "b": "B"}),
    "a table": (
        {
            "isLocked": {
                "table": {"from": ["/a", "/b"], "rows": [{"when": ["x", "y"], "value": True}]},
                "default": None,
            }
        },
        {"a": "x", "b": "y"},
    ),
    "an object": (
        {"invoicePaymentInstructions": {"from": "/i", "fields": {"customerAccountId": {"from": "/k"}}}},
        {"i": {"k": "K", "invoicingAmount": 5, "additionalInformation": None}},
    ),
    "no object": ({"invoicePaymentInstructions": {"from": "/i", "fields": {}}}, {"i": None}),
    "a list as it is": (
        {"items": {"from": "/l"}},
        {"l": [{"itemId": "I", "quantityOrdered": 1, "unitPrice": 2, "discounts": [{"discountAmount": None}]}]},
    ),
}


@pytest.mark.parametrize(("fields", "members"), DIRECT.values(), ids=DIRECT)
def test_what_is_converted_directly(fields: dict[str, Any], members: dict[str, Any]) -> None:
    """No object is walked through; the result is the same."""
    sent = answer(**members)
    sent["data"] = {name: value for name, value in sent["data"].items() if value is not ...}
    assert steps({**RULES, "fields": {**RULES["fields"], **fields}}, sent) == 0


OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a null on the way": ({}, {"payment": None}),
    "another type on the way": ({}, {"payment": "x"}),
    "a number for a word": ({}, {"status": 5}),
    "a zero for a text, which may have a sign": ({"customerId": {"from": "/no", "as": "string"}}, {"no": 0}),
    "a scaled amount that is no whole number": (
        {"minimumDownPaymentAmount": {"from": "/no", "scale": 2}},
        {"no": 12.5},
    ),
    "a number in a table": (
        {
            "customerId": {
                "table": {"from": ["/a", "/b"], "rows": [{"when": ["x", "y"], "value": "X"}]},
                "default": "-",
            }
        },
        {"a": 1, "b": "y"},
    ),
    "an index": ({"customerId": {"from": "/ids/0"}}, {"ids": ["A"]}),
    "a name that may be an index": ({"customerId": {"from": "/0"}}, {"0": "A"}),
    "a name with a quote": ({"customerId": {"from": '/a"b'}}, {'a"b': "A"}),
    "a value and what is in it": (
        {"customerId": {"from": "/a/b"}, "isLocked": {"from": "/a", "values": {"x": True}, "default": None}},
        {"a": {"b": "B"}},
    ),
    "what is picked": (
        {"customerId": {"pick": {"each": "/l", "where": [{"from": "/a", "in": ["x"]}]}, "from": "/b"}},
        {"l": [{"a": "x", "b": "B"}]},
    ),
    "the object itself": (
        {"invoicePaymentInstructions": {"from": "", "fields": {"customerAccountId": {"const": "K"}}}},
        {"invoicingAmount": 5},
    ),
}


@pytest.mark.parametrize(("fields", "members"), OTHERS.values(), ids=OTHERS)
def test_what_takes_the_other_way(fields: dict[str, Any], members: dict[str, Any]) -> None:
    """It comes out, too."""
    rules = {**RULES, "fields": {**RULES["fields"], **fields}}
    assert steps(rules, answer(**members)) > 0


HOSTILE = '(each).__class__ + [state for value0 in ""] # ö\n'
NUMBERED = ("each", "member", "value")
OURS = {"all", "state", "counted", ".0", *(f"{name}{n}" for name in NUMBERED for n in range(20))}


def of_manifest(name: str) -> dict[str, Any]:
    """Return rules with a text of somebody's in each place that the code is made by."""
    step = "".join(char for char in name if char not in '"\n/')
    return {
        "root": f"/{step}",
        "fields": {
            "customerOrderId": {"from": f"/{step}/id", "values": {name: name}, "default": name},
            "customerId": {"const": name},
            "status": {
                "table": {"from": [f"/{step}/a", f"/{step}/b"], "rows": [{"when": [name, name], "value": name}]},
                "default": name,
            },
            "isLocked": {"from": f"/{step}/locked", "orFrom": [f"/{step}/other"], "default": True},
            "minimumDownPaymentAmount": {"from": f"/{step}/v", "scale": 2, "default": 7},
            "items": {"each": f"/{step}/{step}", "fields": {"itemId": {"from": f"/{step}", "as": "string"}}},
        },
    }


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code, and those in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


@pytest.mark.parametrize("name", [HOSTILE, "value0", "None", "a b", "é", ")"])
def test_no_text_of_a_manifest_is_in_the_code(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It is made of a few names of the program's, and of those of the contract."""
    seen: list[str] = []
    make = expression.Expression.compiled

    def compiled_too(self: expression.Expression, text: str) -> Any:
        function = make(self, text)
        for code in codes(function.__code__):
            assert not {type(constant) for constant in code.co_consts} - {CodeType, str, tuple, type(None)}
            seen.extend((*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars))
            seen.extend(name for names in code.co_consts if isinstance(names, tuple) for name in names)
        return function

    monkeypatch.setattr(expression.Expression, "compiled", compiled_too)
    compiled(getOrder=of_manifest(name))
    assert {"all", "each1", "member0", "value0", "counted", "customerOrderId"} <= {*seen}
    assert {*seen} - OURS <= {*of_manifest(name)["fields"], "invoicePaymentInstructions"}


def test_what_is_made_by_names_of_a_manifest() -> None:
    """Whatever they are, nothing but members are looked for."""
    rules = of_manifest(HOSTILE)
    step = rules["root"][1:]
    line = {step: 7, "quantityOrdered": 1, "unitPrice": 2}
    sent = {step: {step: {"id": HOSTILE, "a": HOSTILE, "b": HOSTILE, "locked": False, "v": 250, step: [line]}}}
    rules["fields"]["isLocked"] = {"const": False}
    made = json.loads(both_ways(compiled(getOrder=rules)["getOrder"], json.dumps(sent).encode()))["customerOrder"]
    assert (made["customerOrderId"], made["customerId"], made["status"]) == (HOSTILE,) * 3
    assert (made["minimumDownPaymentAmount"], made["items"][0]["itemId"]) == (2.5, "7")


@pytest.mark.parametrize("objects", [LIGHT_OBJECTS, LIGHT_OBJECTS + 1])
def test_many_objects_are_not_made_at_once(objects: int) -> None:
    """A few milliseconds are what one answer may take from the others; all lists count together."""
    discount = {"discountAmount": {"const": 1}}
    item = {"itemId": {"const": "I"}, "quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}
    items = {"each": "/l", "fields": {**item, "discounts": {"each": "/d", "fields": discount}}}
    outward = compiled(getOrder={"root": "", "fields": {"items": items}})["getOrder"]
    sent = {**ORDER, "l": [{"d": [{}] * (objects - 2)}, {}]}
    body = json.dumps(sent, separators=(",", ":")).encode()
    body += b" " * (5_000 - len(body))  # smaller ones are walked through at once in any way
    if objects > LIGHT_OBJECTS:
        with pytest.raises(HeavyError):
            outward(body, at_once=True)
    else:
        assert outward(body, at_once=True) == outward(body)
    assert len(json.loads(both_ways(outward, body))["customerOrder"]["items"][0]["discounts"]) == objects - 2


@pytest.mark.parametrize("wrong", [b'"5"', b"true", b"[5]", b"{}", b'"-"'])
@pytest.mark.parametrize("field", ["quantityOrdered", "contributedAmount", "invoicingAmount"])
def test_an_amount_that_is_no_number(field: str, wrong: bytes) -> None:
    """It is a violation also where no field is left to the contract's own check of amounts."""
    item = {"itemId": {"from": "/sku"}, "unitPrice": {"from": "/cents", "scale": 2}}
    discounts = {"each": "/d", "fields": {"discountAmount": {"from": "/cents", "scale": 2}}}
    items = {"each": "/l", "fields": {**item, "discounts": discounts}}
    invoice = {"from": "/i", "fields": {"customerAccountId": {"from": "/a"}}}
    outward = compiled(getOrder={"root": "", "fields": {"items": items, "invoicePaymentInstructions": invoice}})
    amounts = {"quantityOrdered": "N1", "contributedAmount": "N2"}
    sent = {**ORDER, "l": [{"sku": "S", "cents": 5, "d": [], **amounts}], "i": {"a": "A", "invoicingAmount": "N3"}}
    body = json.dumps(sent).encode()
    for place, name in enumerate((*amounts, "invoicingAmount"), 1):
        body = body.replace(b'"N%d"' % place, wrong if name == field else b"1.50")
    with pytest.raises(ContractError) as caught:
        both_ways(outward["getOrder"], body)
    (violation,) = caught.value.violations
    assert violation.field.endswith(f"/{field}")


def test_what_no_rule_reads_is_not_counted() -> None:
    """It costs nothing, unless the answer takes the other way."""
    outward = compiled(getOrder=RULES)["getOrder"]
    unread = [0] * 10_000
    body = json.dumps(answer(unread=unread)).encode()
    assert 10_000 < len(body) < LIGHT_BYTES
    assert outward(body, at_once=True) == outward(body)
    with pytest.raises(HeavyError):
        outward(json.dumps(answer(unread=unread, payment=None)).encode(), at_once=True)


def test_large_answers_take_the_other_way() -> None:
    """What they may grow to is counted while they are made."""
    assert steps(RULES, answer(x="x" * 66_000)) > 0


def test_lookups_from_lists_that_are_made_directly() -> None:
    """The whole answer is at hand, whatever space is before it."""
    product = {"each": "/products", "within": "document", "where": [{"from": "/id", "sameAs": "/p"}]}
    constants = {"quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}
    items = {"each": "/l/*", "fields": {"itemId": {"pick": product, "from": "/sku", "default": "?"}, **constants}}
    outward = compiled(getOrder={"root": "", "fields": {"items": items}})["getOrder"]
    sent = {**ORDER, "l": {"1": {"p": 7}}, "products": [{"id": 7, "sku": "S"}]}
    for space in ("", " \n\t"):
        made = json.loads(both_ways(outward, (space + json.dumps(sent)).encode()))
        assert made["customerOrder"]["items"][0]["itemId"] == "S"


@pytest.mark.parametrize(
    "rule", [{"as": "string"}, {"orFrom": ["/b"]}, {"values": {"a": "A"}, "default": "B"}, {}]
)
def test_bytes_that_are_no_text(rule: dict[str, Any]) -> None:
    """They don't get out in any way."""
    outward = compiled(getOrder={"root": "", "fields": {"customerId": {"from": "/a", **rule}}})["getOrder"]
    for padding in (b"", b" " * 70_000):
        with pytest.raises(UnparsableError):
            outward(b'{"customerOrderId": "1", "status": "2", "items": [], "a": "\xff"}' + padding)
