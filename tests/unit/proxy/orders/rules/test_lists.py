"""Lists that are not simply there: nested ones, members of an object, one object, and some elements only."""

from typing import Any

import pytest

from support.proxy.mappings import mapped, violations

BARE = {"customerOrderId": "1", "customerId": "2", "status": "3"}
FIELDS = {"quantityOrdered": {"const": 1}, "unitPrice": {"const": 2}}


def ids(members: Any, each: str, **rule: Any) -> list[str]:
    """Return the ids of the items that are made."""
    items = {"each": each, "fields": {"itemId": {"from": "/id"}, **FIELDS}, **rule}
    return [item["itemId"] for item in mapped({**BARE, **members}, root="", fields={"items": items})["items"]]


def wrong(members: Any, each: str, **rule: Any) -> dict[str, str]:
    items = {"each": each, "fields": {"itemId": {"from": "/id"}, **FIELDS}, **rule}
    return violations({**BARE, **members}, getOrder={"root": "", "fields": {"items": items}})


def lines(*names: str) -> list[dict[str, str]]:
    return [{"id": name} for name in names]


NESTED = {"shipments": [{"items": lines("a", "b")}, {"items": []}, {}, {"items": None}, {"items": lines("c")}]}


@pytest.mark.parametrize(
    ("members", "each", "expected"),
    [
        (NESTED, "/shipments/*/items", "abc"),
        ({"x": [lines("a"), [], lines("b", "c")]}, "/x/*/*", "abc"),
        ({"x": {"y": [{"z": {"l": lines("a")}}]}}, "/x/y/*/z/l", "a"),
        ({"x": lines("a", "b")}, "/x/*", "ab"),
        ({"x": {"2": {"id": "b"}, "10": {"id": "c"}, "1": {"id": "a"}}}, "/x/*", "abc"),
        ({"x": {"z": {"id": "d"}, "10": {"id": "b"}, "y": {"id": "e"}, "9": {"id": "a"}}}, "/x/*", "abde"),
        ({"x": {"s1": {"l": lines("a")}, "s2": {"l": lines("b")}}}, "/x/*/l", "ab"),
        ({"x": {}}, "/x/*", ""),
        ({"x": []}, "/x/*", ""),
        ({"shipments": []}, "/shipments/*/items", ""),
        ({"x": {"9" * 30: {"id": "b"}, "1": {"id": "a"}}}, "/x/*", "ab"),
    ],
)
def test_all_elements_and_all_members(members: Any, each: str, expected: str) -> None:
    """A step `*` goes through all of them: a list's in their order, an object's by their numbers."""
    assert ids(members, each) == list(expected)


@pytest.mark.parametrize("value", [{"id": "a"}, [{"id": "a"}]])
def test_one_object_as_a_list(value: Any) -> None:
    """As converters of XML have it: one element is no list."""
    assert ids({"x": value}, "/x", **{"as": "single"}) == ["a"]
    assert ids({"s": {"l": value}}, "/s/*/l", **{"as": "single"}) == ["a"]
    assert ids({"s": [{"l": value}, {"l": lines("b", "c")}]}, "/s/*/l", **{"as": "single"}) == ["a", "b", "c"]


def test_the_order_itself_as_a_list() -> None:
    """It has one line, which has no object of its own."""
    assert ids({"id": "a"}, "", **{"as": "single"}) == ["a"]


@pytest.mark.parametrize(
    ("members", "each", "rule"),
    [
        ({"x": {"id": "a"}}, "/x", {}),
        ({"x": "MARKED"}, "/x/*", {}),
        ({"x": 5}, "/x", {"as": "single"}),
        ({"x": [{"l": "MARKED"}]}, "/x/*/l", {}),
        ({"x": [{"l": {"id": "a"}}]}, "/x/*/l", {}),
        ({"x": True}, "/x", {"where": [{"from": "/id", "absent": False}]}),
    ],
)
def test_no_list(members: Any, each: str, rule: dict[str, Any]) -> None:
    """What is there but is none is a violation, also with a default."""
    assert wrong(members, each, **rule) == {"/customerOrder/items": "must be a list"}
    assert wrong(members, each, **rule, default=[]) == {"/customerOrder/items": "must be a list"}


@pytest.mark.parametrize(
    ("members", "each"),
    [
        ({}, "/x/*"),
        ({"x": None}, "/x/*/l"),
        ({"x": [{}, {"l": None}]}, "/x/*/l"),
        ({"x": [1, "l"]}, "/x/*/l"),
        ({"x": {"a": 1}}, "/x/*/l"),
    ],
)
def test_no_list_anywhere(members: Any, each: str) -> None:
    """Where none of the elements has the list it is missing, rather than empty: the pointer is wrong."""
    assert list(wrong(members, each)) == ["/customerOrder/items"]
    assert ids(members, each, default=[]) == []


def test_only_what_holds_the_conditions() -> None:
    """A configurable product and its simple one are one line; what is left keeps no place."""
    line = [{"id": "a", "type": "configurable"}, {"id": "b", "parent": "a"}, {"id": "c", "parent": None}]
    assert ids({"x": line}, "/x", where=[{"from": "/parent", "absent": True}]) == ["a", "c"]
    assert ids({"x": line}, "/x", where=[{"from": "/parent", "in": ["a"]}]) == ["b"]
    assert ids(
        {"x": line}, "/x/*", where=[{"from": "/type", "absent": True}, {"from": "/parent", "absent": True}]
    ) == ["c"]
    assert ids({"x": line}, "/x", where=[{"from": "/parent", "in": ["z"]}]) == []
    broken = [{"skip": True}, {"id": 5}, {"id": "a"}]
    assert wrong({"x": broken}, "/x", where=[{"from": "/skip", "absent": True}]) == {
        "/customerOrder/items/0/itemId": "must be a string"
    }


def test_elements_that_are_no_objects() -> None:
    """They are pointed at where they would be."""
    assert wrong({"x": [{"l": ["MARKED"]}, {"l": lines("a")}]}, "/x/*/l") == {
        "/customerOrder/items/0": "must be an object"
    }
    assert wrong({"x": lines("a")}, "/x/*/id")["/customerOrder/items"] == "must be a list"


def test_lists_in_elements_of_spread_lists() -> None:
    """Rules of rules begin at the element."""
    members = {"x": [{"l": [{"id": "a", "off": {"1": {"v": 5}}}]}]}
    items = {
        "each": "/x/*/l",
        "fields": {
            "itemId": {"from": "/id"},
            **FIELDS,
            "discounts": {"each": "/off/*", "fields": {"discountAmount": {"from": "/v"}}},
        },
    }
    (item,) = mapped({**BARE, **members}, root="", fields={"items": items})["items"]
    assert item["discounts"] == [{"discountAmount": 5}]
