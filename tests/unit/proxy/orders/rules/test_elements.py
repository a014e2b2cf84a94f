"""A list that is made of several, or of those elements anywhere in the answer that belong to an object."""

import json
from typing import Any

import pytest

from support.proxy.mappings import compiled, mapped, violations

BARE = {"customerOrderId": "1", "customerId": "2", "status": "3"}
FIELDS: dict[str, Any] = {"itemId": {"from": "/id"}, "quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}


def ids(members: Any, **rule: Any) -> list[str]:
    """Return the ids of the items that are made."""
    items = {"fields": FIELDS, **rule}
    return [item["itemId"] for item in mapped({**BARE, **members}, root="", fields={"items": items})["items"]]


def lines(*names: str) -> list[dict[str, str]]:
    return [{"id": name} for name in names]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"l": lines("a", "b"), "m": lines("c"), "n": [{"k": lines("d")}, {}]}, "abcd"),
        ({"m": lines("c")}, "c"),
        ({"l": None, "m": lines("c"), "n": []}, "c"),
        ({"l": [], "m": None}, ""),
        ({"n": [{"k": lines("d")}]}, "d"),
    ],
)
def test_several_lists(members: Any, expected: str) -> None:
    """Their elements one after another; a list that is absent, or null, has none."""
    assert ids(members, each="/l", andEach=["/m", "/n/*/k"]) == list(expected)


def test_none_of_several_lists() -> None:
    """That is as if the one list were absent: what is required is missing, unless there is a default."""
    items = {"each": "/l", "andEach": ["/m"], "fields": FIELDS}
    for members, detail in (({}, "is missing"), ({"l": None}, "must not be null"), ({"m": None}, "is missing")):
        found = violations({**BARE, **members}, getOrder={"root": "", "fields": {"items": items}})
        assert found == {"/customerOrder/items": detail}
    assert ids({}, each="/l", andEach=["/m"], default=[]) == []


def test_another_value_beside_a_list() -> None:
    """It is no list that is absent."""
    items = {"each": "/l", "andEach": ["/m"], "fields": FIELDS}
    found = violations({**BARE, "l": lines("a"), "m": "x"}, getOrder={"root": "", "fields": {"items": items}})
    assert found == {"/customerOrder/items": "must be a list"}


def test_conditions_and_single_objects_of_several_lists() -> None:
    """All words of the rule are about each of the lists."""
    members = {"l": {"id": "a"}, "m": [{"id": "b", "off": True}, {"id": "c"}]}
    where = [{"from": "/off", "absent": True}]
    assert ids(members, each="/l", andEach=["/m"], where=where, **{"as": "single"}) == ["a", "c"]


# ---- what belongs to an object

ADJUSTMENTS = [
    {"line": 1, "type": "PROMOTION", "id": "P1"},
    {"line": "1", "type": "PROMOTION", "id": "of a text"},
    {"line": 2, "type": "PROMOTION", "id": "P2"},
    {"line": 1.0, "type": "TAX", "id": "T1"},
    {"line": 1e0, "type": "PROMOTION", "id": "P3"},
    {"line": None, "type": "PROMOTION", "id": "of the order"},
    {"type": "PROMOTION", "id": "of the order"},
]
WHERE = [{"from": "/line", "sameAs": "/no"}, {"from": "/type", "in": ["PROMOTION"]}]
DISCOUNTS = {
    "each": "/data/adjustments",
    "within": "document",
    "where": WHERE,
    "fields": {"discountId": {"from": "/id"}},
}


def discounts(document: Any, rule: dict[str, Any]) -> list[list[str] | None]:
    """Return the ids of each line's discounts."""
    items = {"each": "/lines", "fields": {**FIELDS, "itemId": {"const": "I"}, "discounts": rule}}
    made = mapped(document, root="/data/order", fields={"items": items})["items"]
    found = [item.get("discounts") for item in made]
    return [None if each is None else [discount["discountId"] for discount in each] for each in found]


def order(*numbers: Any, **data: Any) -> dict[str, Any]:
    return {"data": {"order": {**BARE, "lines": [{"no": number} for number in numbers]}, **data}}


def test_what_belongs_to_each_line() -> None:
    """All of them, in their order; a number is no text, and nothing belongs to what has no number."""
    found = discounts(order(1, 2, 3, None, adjustments=ADJUSTMENTS), DISCOUNTS)
    assert found == [["P1", "P3"], ["P2"], [], []]


def test_a_list_anywhere_that_is_not_there() -> None:
    """It is absent for every line, and so is what is made of it; something else in its place is a violation."""
    assert discounts(order(1, 2), DISCOUNTS) == [None, None]
    assert discounts(order(1, adjustments=None), {**DISCOUNTS, "default": []}) == [[]]
    items = {"each": "/lines", "fields": {**FIELDS, "itemId": {"const": "I"}, "discounts": DISCOUNTS}}
    found = violations(order(1, adjustments="x"), getOrder={"root": "/data/order", "fields": {"items": items}})
    assert found == {"/customerOrder/items/0/discounts": "must be a list"}


def test_what_belongs_to_a_line_of_its_own_lists() -> None:
    """Without `within`, the list is in the object itself."""
    rule = {**DISCOUNTS, "each": "/all"}
    del rule["within"]
    document = {"data": {"order": {**BARE, "lines": [{"no": no, "all": ADJUSTMENTS} for no in (1, None)]}}}
    assert discounts(document, rule) == [["P1", "P3"], []]


def test_several_lists_anywhere() -> None:
    """Such as the parts of a document by kind."""
    rule = {**DISCOUNTS, "andEach": ["/data/more/*"]}
    more = {"a": {"line": 2, "type": "PROMOTION", "id": "P4"}}
    assert discounts(order(1, 2, adjustments=ADJUSTMENTS, more=more), rule) == [["P1", "P3"], ["P2", "P4"]]


def test_answers_do_not_share_what_was_found() -> None:
    """Nothing of one answer is in the next one."""
    items = {"each": "/lines", "fields": {**FIELDS, "itemId": {"const": "I"}, "discounts": DISCOUNTS}}
    outward = compiled(getOrder={"root": "/data/order", "fields": {"items": items}})["getOrder"]
    for name in ("A", "B"):
        body = json.dumps(order(1, adjustments=[{"line": 1, "type": "PROMOTION", "id": name}])).encode()
        (item,) = json.loads(outward(body))["customerOrder"]["items"]
        assert item["discounts"] == [{"discountId": name}]


def test_lists_that_are_looked_up_have_a_longest_length() -> None:
    """Together: each element is an entry of an index, which is made once, not for each line."""
    many = [{"line": 0}] * 5_000
    rule = {**DISCOUNTS, "andEach": ["/data/more"]}
    assert discounts(order(*range(1, 100), adjustments=many, more=many), rule) == [[]] * 99
    items = {"each": "/lines", "fields": {**FIELDS, "itemId": {"const": "I"}, "discounts": rule}}
    document = order(1, 2, adjustments=many, more=[*many, {}])
    assert violations(document, getOrder={"root": "/data/order", "fields": {"items": items}}) == {
        "/customerOrder/items/0/discounts": "is made of lists of more than 10000 elements"
    }


def test_large_elements_are_not_read_without_end() -> None:
    """Thousands of lines to which the same elements belong, which are as large as all of them."""
    large = [{"line": 1, "type": "PROMOTION", "id": "A", "text": "x" * 100_000}]
    items = {"each": "/lines", "fields": {**FIELDS, "itemId": {"const": "I"}, "discounts": DISCOUNTS}}
    found = violations(
        order(*[1] * 2000, adjustments=large), getOrder={"root": "/data/order", "fields": {"items": items}}
    )
    assert list(found.values()) == [
        "is made of the same elements so often that they are more than 4 times the OMS's response"
    ]
    assert discounts(order(1, 1, adjustments=large), DISCOUNTS) == [["A"], ["A"]]
