"""Where outward fields come from: what is told is what the mapping does."""

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from support.proxy.explaining import explained
from support.proxy.mappings import compiled
from support.proxy.random_mapping import CRITERIA, RandomAnswer, RandomRules
from tenantproxy import config
from tenantproxy.operations import GET_ORDER, OPERATIONS, SEARCH_ORDERS, Operation
from tenantproxy.orders.contract import SHAPES
from tenantproxy.orders.explanation.origins import with_sources
from tenantproxy.orders.mapping import MappingError
from tenantproxy.orders.transform import ContractError, outward_type


@given(seed=st.integers(0, 2**64), operation=st.sampled_from(OPERATIONS))
@settings(max_examples=20)
def test_whatever_the_rules_and_the_answer(seed: int, operation: Operation) -> None:
    """The values that are told are those of the outward document, and what is dropped changes nothing."""
    random, shape = Random(seed), SHAPES[operation.name]  # noqa: S311 - not for secrets
    of_rules = RandomRules(random, takes_criteria=operation.takes_criteria)
    rules: dict[str, Any] = {"fields": of_rules.fields(outward_type(shape)[1])}
    rules |= {"root": ""} if operation.reads_one_order else of_rules.of_list()
    answer = RandomAnswer(random).object(3).encode()
    criteria = {name: f"the {name}" for name in random.sample(CRITERIA, random.randint(0, 2))}
    note(f"{rules}\n{answer!r}")
    try:
        mapping = msgspec.convert({operation.name: rules}, config.Mapping)
        explanation = explained(operation, mapping, answer, criteria)
    except MappingError:
        event("refused")
        return
    event("something is dropped" if explanation.dropped else "all is used")


def steps(
    rule: dict[str, Any], members: str, *, name: str = "customerId"
) -> tuple[list[str], list[str], str | None]:
    """Return where a field of an order comes from, by which steps, and as what."""
    fields: dict[str, Any] = {"customerOrderId": {"const": "1"}, "customerId": {"const": "2"}}
    fields |= {"status": {"const": "3"}, "items": {"const": []}, name: rule}
    mapping = msgspec.convert({"getOrder": {"root": "", "fields": fields}}, config.Mapping)
    explanation = explained(GET_ORDER, mapping, f"{{{members}}}".encode())
    (origin,) = (each for each in explanation.origins if each.pointer == f"/customerOrder/{name}")
    after = None if origin.after is None else bytes(origin.after).decode()
    return [read.pointer for read in origin.reads], [*origin.steps], after


@pytest.mark.parametrize(
    ("rule", "members", "expected"),
    [
        ({"const": "guest"}, "", ([], ["const"], '"guest"')),
        ({"from": "/a/b"}, '"a": {"b": "x"}', (["/a/b"], [], '"x"')),
        ({"from": "/a", "as": "string"}, '"a": 5.0', (["/a"], ["as string"], '"5.0"')),
        ({"from": "/a", "orFrom": ["/b", "/c"]}, '"a": null, "b": "x"', (["/b"], [], '"x"')),
        ({"from": "/a", "orFrom": ["/b"], "default": "d"}, '"b": null', (["/a", "/b"], ["default"], '"d"')),
        ({"from": "/a", "orFrom": ["/b"], "nullIf": ["0"]}, '"a": 0, "b": "x"', (["/b"], [], '"x"')),
        ({"from": "/a", "part": {"afterLast": "/"}}, '"a": "x/y"', (["/a"], ['part after the last "/"'], '"y"')),
        ({"from": "/a", "values": {"5": "K"}}, '"a": 50e-1', (["/a"], ["values `5`"], '"K"')),
        ({"from": "/a", "values": {"5": "K"}, "default": "d"}, '"a": 6', (["/a"], ["default"], '"d"')),
        (
            {"from": "/a", "part": {"before": "-"}, "values": {"x": "K"}},
            '"a": "x-y"',
            (["/a"], ['part before "-"', "values `x`"], '"K"'),
        ),
        (
            {"join": {"from": ["/a", "/b"], "with": "-"}},
            '"a": "x", "b": "y"',
            (["/a", "/b"], ['joined with "-"'], '"x-y"'),
        ),
        (
            {"table": {"from": ["/a", "/b"], "rows": [{"when": ["x", "y"], "value": "K"}]}, "default": "d"},
            '"a": "x", "b": "y"',
            (["/a", "/b"], ["table row [x, y]"], '"K"'),
        ),
        (
            {"table": {"from": ["/a", "/b"], "rows": [{"when": ["x", None], "value": "K"}]}, "default": "d"},
            '"a": "x"',
            (["/a", "/b"], ["table row [x, null]"], '"K"'),
        ),
        (
            {"pick": {"each": "/l", "where": [{"from": "/t", "in": ["x"]}]}, "from": "/v"},
            '"l": [{"t": "y", "v": "1"}, {"t": "x", "v": "2"}]',
            (["/l/1/v"], ["picked where /t is x"], '"2"'),
        ),
        (
            {
                "pick": {"each": "/l", "within": "document", "where": [{"from": "/id", "sameAs": "/a"}]},
                "from": "/v",
            },
            '"a": 7, "l": [{"id": 7, "v": "1"}]',
            (["/l/0/v"], ["picked where /id is that at /a"], '"1"'),
        ),
    ],
)
def test_steps(rule: dict[str, Any], members: str, expected: tuple[list[str], list[str], str]) -> None:
    """Each word of a rule that has done something is told, in the order in which it was done."""
    assert steps(rule, members) == expected


def test_a_criterion_of_the_search() -> None:
    """It is nowhere in the answer."""
    rules = {"root": "", "fields": {"customerId": {"criterion": "customerId", "default": "d"}}}
    mapping = msgspec.convert({"searchOrders": rules}, config.Mapping)
    answer = b'[{"customerOrderId": "1", "status": "3"}]'
    for criteria, step in (({"customerId": "C"}, "criterion customerId"), ({}, "default")):
        explanation = explained(SEARCH_ORDERS, mapping, answer, criteria)
        (origin,) = (each for each in explanation.origins if each.pointer.endswith("customerId"))
        assert (origin.reads, origin.steps) == ((), [step])


def test_steps_of_an_amount() -> None:
    """The number of decimal places is told as it was found."""
    scaled = {"from": "/a", "scaleFrom": "/p", "negate": True}
    name = "minimumDownPaymentAmount"
    assert steps(scaled, '"a": 1245, "p": 2', name=name) == (["/a", "/p"], ["scale 2", "negate"], "-12.45")
    beside = {"from": "/sale/a", "orFrom": ["/list/a"], "scaleFrom": "1/p"}
    members = '"list": {"a": 1245, "p": 3}'
    assert steps(beside, members, name=name) == (["/list/a", "/list/p"], ["scale 3"], "1.245")
    assert steps({"from": "/a", "as": "number"}, "", name=name) == (["/a"], [], None)


ITEMS: dict[str, Any] = {
    "each": "/shipments/*/lines",
    "where": [{"from": "/type", "in": ["product"]}, {"from": "/gone", "absent": True}],
    "fields": {"itemId": {"from": "/sku"}, "unitPrice": {"from": "/price"}},
}
LINES: dict[str, Any] = {
    "shipments": [
        {
            "lines": [
                {"type": "fee", "price": 1},
                {"type": "product", "sku": "A", "price": 2, "quantityOrdered": 1},
            ]
        },
        {"lines": [], "note": {"text": "x"}},
    ],
    "customerOrderId": "1",
    "customerId": "2",
    "status": "3",
    "by/whom~": 1,
}


def test_a_list_and_what_is_dropped() -> None:
    """Elements are found wherever they are; what no rule reads is dropped, with all that is in it."""
    mapping = msgspec.convert({"getOrder": {"root": "", "fields": {"items": ITEMS}}}, config.Mapping)
    explanation = explained(GET_ORDER, mapping, json.dumps(LINES).encode())
    found = {origin.pointer: (*(read.pointer for read in origin.reads),) for origin in explanation.origins}
    assert found["/customerOrder/items"] == ("/shipments/*/lines",)
    assert found["/customerOrder/items/0"] == ("/shipments/0/lines/1",)
    assert found["/customerOrder/items/0/unitPrice"] == ("/shipments/0/lines/1/price",)
    assert [place.pointer for place in explanation.dropped] == [
        "/shipments/0/lines/0/price",
        "/shipments/1/note",
        "/by~1whom~0",
    ]
    assert explanation.dropped[0].pattern == "/shipments/*/lines/*/price"


def test_members_with_numeric_names() -> None:
    """They come by their numbers, and each is told by its name."""
    lines = {"10": [{"itemId": "B"}], "9": [{"itemId": "A"}]}
    item = {"quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}
    fields = {"items": {"each": "/lines/*/*", "fields": item}}
    mapping = msgspec.convert({"getOrder": {"root": "", "fields": fields}}, config.Mapping)
    answer = {"customerOrderId": "1", "customerId": "2", "status": "3", "lines": lines}
    explanation = explained(GET_ORDER, mapping, json.dumps(answer).encode())
    ids = [origin.reads[0].pointer for origin in explanation.origins if origin.pointer.endswith("itemId")]
    assert ids == ["/lines/9/0/itemId", "/lines/10/0/itemId"]


def test_lists_of_which_elements_belong_to_a_line() -> None:
    """They may be several, and anywhere in the answer; each element is told by where it is."""
    notes: dict[str, Any] = {
        "each": "/coupons",
        "andEach": ["/gifts"],
        "within": "document",
        "where": [{"from": "/line", "sameAs": "/id"}],
        "fields": {"discountId": {"from": "/code"}},
    }
    line = {"itemId": {"from": "/id"}, "quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}
    fields = {"items": {"each": "/lines", "fields": {**line, "discounts": notes}}}
    mapping = msgspec.convert({"getOrder": {"root": "", "fields": fields}}, config.Mapping)
    answer = {
        "customerOrderId": "1",
        "customerId": "2",
        "status": "3",
        "lines": [{"id": "a"}, {"id": "b"}],
        "coupons": [{"line": "b", "code": "B"}, {"line": "c", "code": "C"}],
        "gifts": [{"line": "b", "code": "G"}],
    }
    explanation = explained(GET_ORDER, mapping, json.dumps(answer).encode())
    ids = [origin.reads[0].pointer for origin in explanation.origins if origin.pointer.endswith("discountId")]
    assert ids == ["/coupons/0/code", "/gifts/0/code"]
    assert [place.pointer for place in explanation.dropped] == ["/coupons/1/code"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"customerId": 5}, "/customerOrder/customerId must be a string; taken from `/customerId` (a number)"),
        ({"customerId": None}, "/customerOrder/customerId must not be null; taken from `/customerId` (null)"),
        ({"shipments": []}, None),
        ({"shipments": [{}]}, "/customerOrder/items is missing; taken from `/shipments/*/lines` (absent)"),
        (
            {"shipments": [{"lines": []}, {"lines": "x"}]},
            "/customerOrder/items must be a list; taken from `/shipments/1/lines` (a string)",
        ),
        (
            {"shipments": [{"lines": [{"type": "product", "sku": "A", "price": None, "quantityOrdered": 1}]}]},
            "/customerOrder/items/0/unitPrice must not be null; taken from `/shipments/0/lines/0/price` (null)",
        ),
    ],
)
def test_violations_name_their_sources(changes: dict[str, Any], expected: str | None) -> None:
    """Beside the outward pointer stands the OMS's, and what is there."""
    rules = {"root": "", "fields": {"items": ITEMS}}
    mapping = msgspec.convert({"getOrder": rules}, config.Mapping)
    answer = json.dumps(LINES | changes).encode()
    explanation = explained(GET_ORDER, mapping, answer)
    try:
        compiled(getOrder=rules)["getOrder"](answer)
    except ContractError as error:
        told = [f"{field} {detail}" for field, detail in with_sources(error.violations, explanation)]
        assert told == [expected]
    else:
        assert expected is None
