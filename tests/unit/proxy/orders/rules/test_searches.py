"""The list of a search: found as any other list, by the words of a rule."""

from typing import Any

import msgspec
import pytest

from support.proxy.explaining import explained
from support.proxy.mappings import compiled, listed, violations
from tenantproxy import config
from tenantproxy.operations import SEARCH_ORDERS
from tenantproxy.orders.mapping import MappingError

NO_DRAFTS = [{"from": "/draft", "notIn": ["Y"]}, {"from": "/deleted", "absent": True}]


def order(name: str, **members: Any) -> dict[str, Any]:
    return {"customerOrderId": name, "customerId": "C", "status": "CREATED", **members}


def ids(document: Any, **rules: Any) -> list[str]:
    """Return the ids of the orders that are found."""
    return [each["customerOrderId"] for each in listed(document, **rules)]


def test_through_lists_and_members() -> None:
    """Orders that are an object's members, by their numbers; and those of several lists."""
    assert ids({"orders": {"10": order("B"), "9": order("A")}}, root="/orders/*") == ["A", "B"]
    assert ids({"orders": {}}, root="/orders/*") == []
    shops = [{"orders": [order("A")]}, {"orders": []}, {}, {"orders": [order("B"), order("C")]}]
    assert ids({"shops": shops}, root="/shops/*/orders") == ["A", "B", "C"]
    assert ids({"2": order("B"), "1": order("A")}, root="/*") == ["A", "B"]


@pytest.mark.parametrize("value", [order("A"), [order("A")]])
def test_one_object_as_a_list(value: Any) -> None:
    """One hit, as converters of XML have it; also where the list is the whole response."""
    assert ids({"Order": value}, root="/Order", **{"as": "single"}) == ["A"]
    assert ids(value, root="", **{"as": "single"}) == ["A"]
    assert ids({"customerOrders": value}, **{"as": "single"}) == ["A"]


@pytest.mark.parametrize("root", ["/orders", "/orders/*"])
def test_some_only(root: str) -> None:
    """Those that all conditions hold for, and none of the others is looked at."""
    orders = [order("A"), {"draft": "Y"}, order("B", draft="N"), order("C", deleted=1)]
    assert ids({"orders": orders}, root=root, where=NO_DRAFTS) == ["A", "B"]
    assert ids({"orders": [{"draft": "Y"}]}, root=root, where=NO_DRAFTS) == []
    assert ids({"customerOrders": orders}, where=NO_DRAFTS) == ["A", "B"]


@pytest.mark.parametrize(
    ("document", "rules", "told"),
    [
        ({}, {"root": "/o/*"}, "is missing"),
        ({"o": None}, {"root": "/o", "as": "single"}, "must not be null"),
        ({"o": "MARKED"}, {"root": "/o", "as": "single"}, "must be a list"),
        ({"o": {"1": order("A")}}, {"root": "/o", "where": NO_DRAFTS}, "must be a list"),
        ({"o": [{"x": 1}]}, {"root": "/o/*/l"}, "is missing"),
    ],
)
def test_no_list(document: Any, rules: dict[str, Any], told: str) -> None:
    """That there is none, or something else, is told as without these words."""
    assert violations(document, searchOrders=rules) == {"/customerOrders": told}


def test_what_is_wrong_with_an_order() -> None:
    """It is told of the order's place among those that are found."""
    document = {"o": [{"draft": "Y"}, order("A", status=5), 7]}
    assert violations(document, searchOrders={"root": "/o", "where": NO_DRAFTS}) == {
        "/customerOrders/0/status": "must be a string",
        "/customerOrders/1": "must be an object",
    }


@pytest.mark.parametrize(
    ("rules", "field", "told"),
    [
        ({"where": [{"from": "/a", "sameAs": "/b"}]}, "where[0].sameAs", "use `in`, `notIn` or `absent`"),
        ({"where": [{"from": "a", "in": ["x"]}]}, "where[0].from", "is not an RFC 6901 pointer"),
        (
            {"where": [{"from": f"/{at}", "absent": True} for at in range(9)]},
            "where",
            "has 9 entries; write 0 to 8",
        ),
        ({"root": "a/*"}, "root", "is not an RFC 6901 pointer"),
        ({"root": "/a/*", "as": "single"}, "root", "ends in the step `*`"),
        ({"root": "/a" * 17}, "root", "has 17 steps"),
    ],
)
def test_what_is_refused(rules: dict[str, Any], field: str, told: str) -> None:
    """By its path."""
    with pytest.raises(MappingError) as caught:
        compiled(searchOrders=rules)
    (problem,) = caught.value.errors
    assert problem.field == f"searchOrders.{field}"
    assert told in problem.detail


def test_the_order_has_none_of_these_words() -> None:
    """There is one, wherever it is; a step through lists names no `pick`, which a root has not."""
    for word, value in (("as", "single"), ("where", NO_DRAFTS)):
        with pytest.raises(msgspec.ValidationError, match=f"`{word}`"):
            compiled(getOrder={word: value})
    with pytest.raises(MappingError) as caught:
        compiled(getOrder={"root": "/orders/*"})
    assert str(caught.value) == (
        "`getOrder.root` has the step `*`, which only pointers to lists have; name the member"
    )


def test_where_they_come_from() -> None:
    """`map --explain` tells the list, its elements, and what is done."""
    rules = {"root": "/orders/*", "where": NO_DRAFTS}
    mapping = msgspec.convert({"searchOrders": rules}, config.Mapping)
    body = msgspec.json.encode({"orders": {"2": {"draft": "Y", "x": 1}, "1": order("A", draft="N")}})
    explanation = explained(SEARCH_ORDERS, mapping, body)
    whole = next(each for each in explanation.origins if each.pointer == "/customerOrders")
    assert ([read.pointer for read in whole.reads], whole.found) == (["/orders/*"], 2)
    assert [*whole.steps] == ["where /draft is not Y and /deleted is absent"]
    element = next(each for each in explanation.origins if each.pointer == "/customerOrders/0")
    assert [read.pointer for read in element.reads] == ["/orders/1"]
    assert [each.pointer for each in explanation.dropped] == ["/orders/2/x"]
